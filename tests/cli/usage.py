"""Help, options, operands and exit codes."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from support.command import DIFFERENT, DONE, INPUT, SYSTEM, USAGE, CommandTest, graph, node, unittest

VERBS = {
    "merge": "two operands, CURRENT and INCOMING",
    "patch": "two operands, GRAPH and PATCH",
    "rebase": "two operands, SOURCE and TARGET",
    "overlap": "two operands, SOURCE and TARGET",
    "diff": "two operands, A and B",
    "show": "an operand, FILE",
    "convert": "two operands, IN and OUT",
}


# What works on a store, and what it says of its operands.
STORE_VERBS = {
    "init": "at most one operand, PATH",
    "write": "a UID and one field or more",
    "read": "a UID, and then fields",
    "link": "three operands, FROM, FIELD and TO",
    "rm": "a UID, and then fields",
    "forget": "one UID or more",
    "ls": "at most one operand, PREFIX",
    "log": "no operands",
    "watch": "at most one operand, PREFIX",
    "import": "an operand, FILE",
    "export": "at most one operand, PREFIX",
    "status": "no operands",
    "doctor": "at most one operand, URL",
    "backup": "an operand, FILE",
    "restore": "an operand, FILE",
    "compact": "no operands",
    "bench": "no operands",
    "query": "two operands, ENGINE and TEXT",
    "serve": "no operands",
    "peers": "no operands",
    "sync": "at most one operand, URL",
    "share": "one to four operands, PREFIX",
    "join": "an operand, TICKET",
    "who": "no operands",
    "revoke": "an operand, DEVICE",
}

# What works on the keys beside a store.
KEY_VERBS = {
    "show": "no operands",
    "export": "an operand, FILE",
    "import": "an operand, FILE",
    "protect": "no operands",
}

GROUPS = {"graph": VERBS, "keys": KEY_VERBS}

EVERY = [[], *([group] for group in GROUPS), *([group, verb] for group in GROUPS for verb in GROUPS[group]),
         *([verb] for verb in STORE_VERBS)]


class Help(CommandTest):
    def test_every_help_fits_a_screen_of_24_lines_of_80_columns(self):
        for words in EVERY:
            text = self.expect(DONE, *words, "--help").decode()
            # A line is left for the prompt.
            self.assertLessEqual(text.count("\n"), 23, words)
            self.assertLessEqual(max(map(len, text.split("\n"))), 80, words)
            self.assertTrue(text.startswith("Usage: " + " ".join(["mytosis", *words])), words)
            self.assertIn("\nExample: ", text, words)
            self.assertIn("\nExit codes: 0 ", text, words)

    def test_groups_list_their_commands(self):
        text = self.expect(DONE, "--help").decode()
        for verb in [*STORE_VERBS, *GROUPS]:
            self.assertRegex(text, rf"(?m)^  (.*  )?{verb} ")
        for group, verbs in GROUPS.items():
            text = self.expect(DONE, group, "--help").decode()
            for verb in verbs:
                self.assertIn(f"\n  {verb} ", text)

    def test_help_is_found_in_every_way(self):
        text = self.expect(DONE, "graph", "diff", "--help")
        for words in (["graph", "diff", "-h"], ["--help", "graph", "diff"], ["help", "graph", "diff"],
                      ["graph", "help", "diff"], ["graph", "diff", "a", "-h", "--json"]):
            self.assertEqual(self.expect(DONE, *words), text, words)

    def test_version(self):
        self.assertRegex(self.expect(DONE, "--version").decode(), r"^mytosis \d+\.\d+\.\d+\n$")
        self.assertEqual(self.expect(DONE, "graph", "show", "--version"), self.expect(DONE, "--version"))


class Usage(CommandTest):
    def test_a_command_that_is_missing_or_unknown(self):
        self.refused(USAGE, "a command is missing; see mytosis --help")
        for group in GROUPS:
            self.refused(USAGE, f"a command is missing; see mytosis {group} --help", group)
        self.refused(USAGE, 'unknown command "grph"; see mytosis --help', "grph", "merge")
        self.refused(USAGE, 'unknown command "mrege"; see mytosis graph --help', "graph", "mrege", "a", "b")
        self.refused(USAGE, 'unknown command ""; see mytosis --help', "")

    def test_the_wrong_number_of_operands(self):
        for group, verbs in GROUPS.items():
            for verb, operands in verbs.items():
                message = f"{group} {verb} takes {operands}; see mytosis {group} {verb} --help"
                if operands[0] != "n":
                    self.refused(USAGE, message, group, verb)
                self.refused(USAGE, message, group, verb, "a", "b", "c")
        for verb, operands in STORE_VERBS.items():
            message = f"{verb} takes {operands}; see mytosis {verb} --help"
            if operands[0] == "n" or "at most" in operands:
                self.refused(USAGE, message, verb, "a", "b")
            else:
                self.refused(USAGE, message, verb)

    def test_an_option_that_is_unknown(self):
        see = "see mytosis graph merge --help"
        for option in ("--jsn", "--jsonx", "--js", "--no-json", "-x", "--=x", "-é"):
            self.refused(USAGE, f"unknown option {option}; {see}", "graph", "merge", option, "a", "b")
            self.refused(USAGE, f"unknown option {option}; {see}", "graph", "merge", "a", "b", option)
        self.refused(USAGE, "unknown option --bogus; see mytosis --help", "--bogus", "graph", "merge")

    def test_an_option_of_another_command(self):
        self.refused(USAGE, "graph merge takes no --plain; see mytosis graph merge --help",
                     "graph", "merge", "a", "b", "--plain")
        self.refused(USAGE, "graph show takes no --output; see mytosis graph show --help",
                     "graph", "show", "a", "-o", "b")
        self.refused(USAGE, "graph convert takes no --json; see mytosis graph convert --help",
                     "--json", "graph", "convert", "a", "b")

    def test_values_of_options(self):
        show = ("graph", "show", "a.json")
        see = "see mytosis graph show --help"
        self.refused(USAGE, f"--uid takes a value; {see}", *show, "--uid")
        self.refused(USAGE, f"--json takes no value; {see}", *show, "--json=1")
        self.refused(USAGE, f'--color takes auto, always or never, not "blue"; {see}', *show, "--color", "blue")
        for limit in ("", "x", "-1", "1.5", "1x", " 1", "99999999999999999999999"):
            self.refused(USAGE, f'--limit takes a number, not "{limit}"; {see}', *show, f"--limit={limit}")
        self.refused(USAGE, "--uid: a uid is empty", *show, "--uid=")
        self.refused(USAGE, '--format takes json, binary or compressed, not "xml"; see mytosis graph convert --help',
                     "graph", "convert", "a", "b", "--format=xml")

    def test_options_that_do_not_go_together(self):
        self.refused(USAGE, "--json and --plain cannot be combined", "graph", "show", "a", "--json", "--plain")
        self.refused(USAGE, "--uid and --prefix cannot be combined", "graph", "show", "a", "--uid=a", "--prefix=a")
        for verb in ("merge", "patch", "rebase", "overlap", "diff"):
            self.refused(USAGE, "--format says how --output is written, and there is none",
                         "graph", verb, "a", "b", "--format", "json")
            self.refused(USAGE, "--json and --output - both want standard output",
                         "graph", verb, "a", "b", "--json", "-o", "-")

    def test_standard_input_is_read_once(self):
        for verb in ("merge", "patch", "rebase", "overlap", "diff"):
            self.refused(USAGE, f'only one operand can be "-"; see mytosis graph {verb} --help',
                         "graph", verb, "-", "-")

    def test_a_message_cannot_steer_the_terminal(self):
        self.refused(USAGE, 'unknown command "\\x1b[2J\\u202e\\x0a\\xff"; see mytosis --help',
                     b"\x1b[2J\xe2\x80\xae\n\xff")


class Spelling(CommandTest):
    """All the ways to write the same."""

    def setUp(self):
        super().setUp()
        self.write("a.json", graph(node("a", {"f": (1, 1)}), node("b", {"f": (2, 1)})))

    def test_options_stand_anywhere(self):
        wanted = self.expect(DONE, "graph", "show", "--json", "--uid=a", "a.json")
        for words in (["graph", "show", "a.json", "--json", "--uid", "a"], ["--json", "graph", "show", "--uid=a", "a.json"],
                      ["graph", "--uid", "a", "show", "--json", "--", "a.json"],
                      ["graph", "show", "--uid=b", "a.json", "--json", "--uid=a"]):
            self.assertEqual(self.expect(DONE, *words), wanted, words)

    def test_short_options(self):
        for words in (["-o", "x.json"], ["-ox.json"], ["--output", "x.json"], ["--output=x.json"]):
            self.expect(DONE, "graph", "overlap", "a.json", "a.json", *words)
            self.assertEqual(self.read("x.json"), self.expect(DONE, "graph", "show", "--json", "a.json"), words)
            os.unlink(self.path("x.json"))

    def test_two_dashes_end_the_options(self):
        os.rename(self.path("a.json"), self.path("--all"))
        self.expect(DONE, "graph", "show", "--json", "--", "--all")
        self.refused(INPUT, "cannot read --json: No such file or directory", "graph", "show", "--", "--json")


class Documents(CommandTest):
    """The man pages and the completions know every command and every option."""

    def options(self, *words):
        """All that its help names in lines that begin with an option."""
        lines = re.findall(r"(?m)^ {2}(?:-\w, |    )--.*$", self.expect(DONE, *words, "--help").decode())
        return set(re.findall(r"--([a-z][\w-]*)", "\n".join(lines)))

    def document(self, name):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", name), encoding="utf-8") as file:
            return file.read()

    def test_man_pages(self):
        page = self.document("man/mytosis-graph.1")
        for verb in VERBS:
            self.assertIn(f"\n.Nm mytosis Cm graph {verb}\n", page)
            self.assertIn(f"\n.It Cm {verb} Ar ", page)
            for option in self.options("graph", verb) - {"color"}:
                self.assertRegex(page, rf"\n\.It (Fl \w , )?Fl Fl {option}\b", verb)
        page = self.document("man/mytosis-keys.1")
        for verb in KEY_VERBS:
            self.assertIn(f"\n.Nm mytosis Cm keys {verb}\n", page)
            self.assertRegex(page, rf"\n\.It Cm {verb}( Ar|\n)")
            for option in self.options("keys", verb) - {"color"}:
                self.assertRegex(page, rf"\n\.It (Fl \w , )?Fl Fl {option}\b", verb)
        for verb in STORE_VERBS:
            page = self.document(f"man/mytosis-{verb}.1")
            self.assertIn(f"\n.Nm mytosis Cm {verb}\n", page)
            for option in self.options(verb) - {"color"}:
                self.assertRegex(page, rf"\n\.It (Fl \w , )?Fl Fl {option}\b", verb)
        page = self.document("man/mytosis.1")
        for option in self.options():
            self.assertRegex(page, rf"\n\.It (Fl \w , )?Fl Fl {option}\b")
        for verb in [*STORE_VERBS, *GROUPS]:
            self.assertRegex(page, rf"\n\.It Cm .*\b{verb}\b")

    def test_completions_name_every_option(self):
        for shell, mark in (("bash", "--"), ("zsh", "--"), ("fish", "-l ")):
            text = self.document(f"completions/mytosis.{shell}")
            for words in EVERY:
                for name in [*words, *(mark + option for option in self.options(*words))]:
                    self.assertRegex(text, rf"(?<!\w){re.escape(name)}\b", shell)

    def test_bash_completes(self):
        def complete(*words):
            script = self.document("completions/mytosis.bash") + """
                PATH=$PATH:$(dirname "$MYTOSIS")
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                _mytosis
                printf '%s\\n' "${COMPREPLY[@]}"
            """
            done = subprocess.run(["bash", "-c", script, "bash", "mytosis", *words], cwd=self.folder,
                                  capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.write("notes.json", "{}")
        self.assertEqual(complete("g"), ["graph"])
        self.assertEqual(set(complete("")), {*GROUPS, *STORE_VERBS})
        self.assertEqual(complete("init", "--clock", ""), ["hybrid", "lamport"])
        for verb in STORE_VERBS:
            self.assertEqual(set(complete(verb, "--")),
                             {"--" + option for option in self.options(verb) | self.options()}, verb)
        self.assertEqual(complete("import", "--store", "x", ""), ["notes.json"])
        self.assertEqual(complete("read", "graph", ""), [])
        self.assertEqual(complete("graph", ""), list(VERBS))
        self.assertEqual(complete("graph", "merge", ""), ["notes.json"])
        self.assertEqual(complete("graph", "merge", "notes.json", "--format", ""), ["json", "binary", "compressed"])
        self.assertEqual(complete("graph", "convert", "--format", "=", "b"), ["binary"])
        for verb in VERBS:
            self.assertEqual(set(complete("graph", verb, "--")),
                             {"--" + option for option in self.options("graph", verb) | self.options() - {"store", "plugin"}}, verb)
        self.assertEqual(complete("keys", ""), list(KEY_VERBS))
        self.assertEqual(complete("keys", "import", "--store", "x", ""), ["notes.json"])
        self.assertEqual(complete("keys", "show", ""), [])
        for verb in KEY_VERBS:
            self.assertEqual(set(complete("keys", verb, "--")),
                             {"--" + option for option in self.options("keys", verb) | self.options()}, verb)
        # The nodes of a store, by the command itself.
        self.expect(DONE, "init", "s.mdb")
        self.expect(DONE, "write", "--patch=-", "--store=s.mdb", stdin='{"ada":{"x":1},"adam":{"x":1},"eve":{"x":1}}')
        self.assertEqual(complete("read", "--store", "s.mdb", "ad"), ["ada", "adam"])
        self.assertEqual(complete("forget", "ada", "--store", "=", "s.mdb", "e"), ["eve"])
        self.assertEqual(complete("write", "ada", "--store", "s.mdb", "a"), [])


class ExitCodes(CommandTest):
    def test_each(self):
        self.write("a.json", graph(node("a", {"f": (1, 1)})))
        self.write("b.json", graph(node("a", {"f": (1, 2)})))
        self.write("broken.json", "{")
        for verb in ("merge", "rebase", "overlap"):
            self.expect(DONE, "graph", verb, "a.json", "b.json")
        self.expect(DONE, "graph", "diff", "a.json", "b.json")
        self.expect(DIFFERENT, "graph", "diff", "b.json", "a.json")
        self.expect(DIFFERENT, "graph", "diff", "b.json", "a.json", "--json")
        self.expect(DIFFERENT, "graph", "diff", "b.json", "a.json", "-o", "d.json")
        self.expect(USAGE, "graph", "diff", "b.json", err="mytosis: graph diff takes two operands, A and B; "
                    "see mytosis graph diff --help\n")
        for verb in ("merge", "patch", "rebase", "overlap", "diff"):
            for files in (["broken.json", "a.json"], ["a.json", "broken.json"]):
                done = self.run_command("graph", verb, *files)
                self.assertEqual(done.returncode, INPUT)
                self.assertEqual(done.stderr, b'mytosis: broken.json:1:2: expected a uid or "}", found the end of the text\n')
        self.refused(SYSTEM, "cannot write no/such/folder: No such file or directory",
                     "graph", "convert", "a.json", "no/such/folder")


if __name__ == "__main__":
    unittest.main()
