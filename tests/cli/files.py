"""Files in and out: every form, standard input and output, and what is left behind when writing fails."""
import os
import resource
import stat
import subprocess
import sys
import tty

sys.dont_write_bytecode = True
from support.command import (DIFFERENT, DONE, INPUT, PROGRAM, SYSTEM, USAGE, CommandTest, environment, graph, node,
                             unittest)

FORMS = {"json": b"{", "binary": b"\xa1", "compressed": b"\xa1"}

A = graph(
    node("a", {"b": ({"bytes": "AQID"}, 2), "e": ({"edge": "é"}, 1), "gone": (..., 9), "n": (0.1, 3)}, floor=1),
    node("empty"),
    node("é", {"": ("\U0001f600\u2028\0", 1), "i": ({"int": "9007199254740993"}, 9007199254740991)}),
)
B = graph(node("a", {"n": (7, 4)}), node("wide", {f"f{i:03}": (i, i + 1) for i in range(200)}))


class FileTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("a.json", A)
        self.write("b.json", B)
        for name in "ab":
            self.write(f"{name}.json", self.expect(DONE, "graph", "show", "--json", f"{name}.json"))


class Convert(FileTest):
    def test_json_to_binary_and_back_is_the_same_bytes(self):
        for name in ("a", "b"):
            for form, first in FORMS.items():
                self.expect(DONE, "graph", "convert", "--format", form, f"{name}.json", "there")
                self.assertEqual(self.read("there")[:1], first)
                self.expect(DONE, "graph", "convert", "--format=json", "there", "back")
                self.assertEqual(self.read("back"), self.read(f"{name}.json"))

    def test_binary_to_json_and_back_is_the_same_bytes(self):
        for form in ("binary", "compressed"):
            self.expect(DONE, "graph", "convert", f"--format={form}", "b.json", "there")
            self.expect(DONE, "graph", "convert", "there", "back.json")
            self.expect(DONE, "graph", "convert", f"--format={form}", "back.json", "again")
            self.assertEqual(self.read("there"), self.read("again"))

    def test_the_ending_names_the_form_and_format_wins(self):
        def first(name, *options):
            self.expect(DONE, "graph", "convert", "b.json", name, *options)
            return self.read(name)

        binary, compressed = first("x", "--format=binary"), first("x", "--format=compressed")
        self.assertEqual(first("x.json"), self.read("b.json"))
        self.assertEqual(first("x.mtg"), binary)
        self.assertEqual(first("x.mtz"), compressed)
        self.assertNotEqual(binary, compressed)
        self.assertEqual(first("y.mtz", "--format=json"), self.read("b.json"))

    def test_an_unknown_ending_turns_json_into_binary_and_binary_into_json(self):
        for name in ("there", "there.txt", ".json"):
            self.expect(DONE, "graph", "convert", "a.json", name)
            self.assertEqual(self.read(name)[:1], b"\xa1")
            self.expect(DONE, "graph", "convert", name, "back")
            self.assertEqual(self.read("back"), self.read("a.json"))

    def test_standard_input_and_output(self):
        binary = self.expect(DONE, "graph", "convert", "-", "-", stdin=self.read("a.json"))
        self.assertEqual(binary[:1], b"\xa1")
        self.assertEqual(self.expect(DONE, "graph", "convert", "-", "-", stdin=binary), self.read("a.json"))
        self.assertEqual(self.expect(DONE, "graph", "convert", "--format=json", "a.json", "-"), self.read("a.json"))
        self.assertEqual(os.listdir(self.folder).count("-"), 0)

    def test_canonical_text_does_not_depend_on_how_it_was_written(self):
        text = ' {"b" : {"z":{"state":1.0e0,"value":1E2},"@object":{"uid":"b"}},\n"a":{"@object":{"uid":"\\u0061"}} }\n'
        self.assertEqual(self.expect(DONE, "graph", "convert", "--format=json", "-", "-", stdin=text),
                         b'{"a":{"@object":{"uid":"a"}},\n'
                         b'"b":{"@object":{"uid":"b"},"z":{"value":100,"state":1}}}\n')

    def test_an_empty_graph_in_every_form(self):
        for form in FORMS:
            made = self.expect(DONE, "graph", "convert", f"--format={form}", "-", "-", stdin="{}")
            self.assertEqual(self.expect(DONE, "graph", "show", "--json", "-", stdin=made), b"{}\n")

    def test_the_binary_form_is_not_written_to_a_terminal(self):
        terminal, slave = os.openpty()
        done = subprocess.run([PROGRAM, "graph", "convert", "a.json", "-"], cwd=self.folder, stdout=slave,
                              stderr=subprocess.PIPE, check=False)
        os.close(slave)
        os.close(terminal)
        self.assertEqual(done.stderr,
                         b"mytosis: the binary form is not for a terminal; name a file or redirect it\n")
        self.assertEqual(done.returncode, USAGE)


class Mixed(FileTest):
    """What a file holds is found by its content, never by its name."""

    def setUp(self):
        super().setUp()
        for name in "ab":
            for form in FORMS:
                self.expect(DONE, "graph", "convert", f"--format={form}", f"{name}.json", f"{name}-{form}.txt")

    def test_every_mix_of_forms_gives_the_same(self):
        codes = {"merge": DONE, "rebase": DONE, "overlap": DONE, "diff": DIFFERENT}
        for verb, code in codes.items():
            wanted = self.expect(code, "graph", verb, "a.json", "b.json", "--json")
            for one in FORMS:
                for other in FORMS:
                    made = self.expect(code, "graph", verb, f"a-{one}.txt", f"b-{other}.txt", "--json")
                    self.assertEqual(made, wanted, (verb, one, other))

    def test_either_operand_may_be_standard_input(self):
        wanted = self.expect(DONE, "graph", "merge", "a.json", "b.json", "--json")
        for form in FORMS:
            one, other = f"a-{form}.txt", f"b-{form}.txt"
            self.assertEqual(self.expect(DONE, "graph", "merge", "-", other, "--json", stdin=self.read(one)), wanted)
            self.assertEqual(self.expect(DONE, "graph", "merge", one, "-", "--json", stdin=self.read(other)), wanted)

    def test_the_result_is_written_as_asked(self):
        wanted = self.result("graph", "merge", "a.json", "b.json", "--json")["merged"]
        for name, options in (("m.json", []), ("m.mtg", []), ("m.mtz", []), ("m", []), ("m", ["--format=compressed"])):
            self.expect(DONE, "graph", "merge", "a.json", "b.json", "-o", name, *options)
            self.assert_same(self.result("graph", "show", "--json", name), wanted, name)
        self.assertEqual(self.expect(DONE, "graph", "merge", "a.json", "b.json", "-o", "-", "--format=compressed"),
                         self.read("m"))

    def test_an_operand_may_be_the_output(self):
        wanted = self.result("graph", "merge", "a.json", "b.json", "--json")["merged"]
        self.expect(DONE, "graph", "merge", "a.json", "b.json", "-o", "a.json")
        self.assert_same(self.result("graph", "show", "--json", "a.json"), wanted)


class Output(FileTest):
    """A file appears whole, or is as it was."""

    def convert(self, code, out, err="", **more):
        return self.expect(code, "graph", "convert", "b.json", out, err=err, **more)

    def test_a_failure_leaves_the_old_file_and_nothing_beside_it(self):
        def no_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.write("out.json", "precious")
        before = sorted(os.listdir(self.folder))
        for words in (["convert", "b.json", "out.json"], ["convert", "b.json", "new.json"],
                      ["merge", "a.json", "b.json", "-o", "out.json"]):
            self.refused(SYSTEM, f"cannot write {words[-1]}: File too large", "graph", *words, preexec_fn=no_room)
            self.assertEqual(sorted(os.listdir(self.folder)), before)
            self.assertEqual(self.read("out.json"), b"precious")

    def test_bad_input_leaves_the_old_file(self):
        self.write("out.json", "precious")
        self.write("broken.json", "{")
        before = sorted(os.listdir(self.folder))
        for words in (["convert", "broken.json"], ["merge", "b.json", "broken.json", "-o"]):
            self.assertEqual(self.run_command("graph", *words, "out.json").returncode, INPUT)
            self.assertEqual(self.read("out.json"), b"precious")
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_where_no_file_can_be(self):
        os.mkdir(self.path("folder"))
        self.convert(SYSTEM, "no/out.json", "mytosis: cannot write no/out.json: No such file or directory\n")
        self.convert(SYSTEM, "b.json/out", "mytosis: cannot write b.json/out: Not a directory\n")
        self.convert(SYSTEM, "folder", "mytosis: cannot write folder: Is a directory\n")
        self.convert(SYSTEM, "", "mytosis: cannot write : No such file or directory\n")

    def test_a_symbolic_link_stays_and_its_file_is_replaced(self):
        os.mkdir(self.path("folder"))
        self.write("folder/real.json", "{}")
        os.symlink("folder/real.json", self.path("link.json"))
        self.convert(DONE, "link.json")
        self.assertTrue(os.path.islink(self.path("link.json")))
        self.assertEqual(self.read("folder/real.json"), self.read("b.json"))
        self.assertEqual(os.listdir(self.path("folder")), ["real.json"])

    def test_the_mode_is_that_of_the_old_file_or_what_umask_gives(self):
        def mode(name):
            return stat.S_IMODE(os.stat(self.path(name)).st_mode)

        self.write("old.json", "{}")
        os.chmod(self.path("old.json"), 0o640)
        self.convert(DONE, "old.json")
        self.assertEqual(mode("old.json"), 0o640)
        self.convert(DONE, "new.json", preexec_fn=lambda: os.umask(0o027))
        self.assertEqual(mode("new.json"), 0o640)

    def test_what_is_no_regular_file_is_written_directly(self):
        self.convert(DONE, "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        made = self.expect(DONE, "graph", "convert", "--format=json", "b.json", "/dev/stdout")
        self.assertEqual(made, self.read("b.json"))

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full")
    def test_a_full_disk_is_reported(self):
        self.convert(SYSTEM, "/dev/full", "mytosis: cannot write /dev/full: No space left on device\n")
        with open("/dev/full", "wb") as full:
            for words in (["graph", "show", "a.json"], ["graph", "merge", "a.json", "b.json", "--json"], ["--help"]):
                done = subprocess.run([PROGRAM, *words], cwd=self.folder, stdout=full, stderr=subprocess.PIPE,
                                      check=False)
                self.assertEqual(done.stderr, b"mytosis: cannot write standard output: No space left on device\n")
                self.assertEqual(done.returncode, SYSTEM)

    def test_a_closed_pipe_ends_quietly(self):
        self.expect(DONE, "graph", "merge", "a.json", "b.json", "-o", "big.json")
        for words, code in ((["show", "big.json"], DONE), (["diff", "b.json", "a.json", "-o", "d.json"], DIFFERENT)):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([PROGRAM, "graph", *words], cwd=self.folder, stdout=writing,
                                  stderr=subprocess.PIPE, check=False)
            os.close(writing)
            self.assertEqual(done.stderr, b"")
            self.assertEqual(done.returncode, code)
        self.assertNotEqual(self.read("d.json"), b"")

    def test_standard_output_that_is_closed_is_reported_and_no_file_takes_its_place(self):
        done = subprocess.run([PROGRAM, "graph", "merge", "a.json", "b.json", "-o", "m.json"], cwd=self.folder,
                              stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1), check=False)
        self.assertEqual(done.stderr, b"mytosis: cannot write standard output: Bad file descriptor\n")
        self.assertEqual(done.returncode, SYSTEM)
        wanted = self.result("graph", "merge", "a.json", "b.json", "--json")["merged"]
        self.assert_same(self.result("graph", "show", "--json", "m.json"), wanted)


class Progress(FileTest):
    def run_slowly(self, text):
        """Gives the text only once progress was seen, or the command ended; answers what it said."""
        terminal, slave = os.openpty()
        tty.setraw(slave)
        done = subprocess.Popen([PROGRAM, "graph", "show", "-", "--json"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=slave, env=environment())
        os.close(slave)
        said = os.read(terminal, 1000)
        printed, _ = done.communicate(text)
        try:
            while piece := os.read(terminal, 1000):
                said += piece
        except OSError:  # Linux says so where all of the other side is closed.
            pass
        os.close(terminal)
        return said, printed

    def test_what_takes_more_than_a_second_says_so_on_a_terminal_and_cleans_up(self):
        said, printed = self.run_slowly(b"{}")
        self.assertTrue(said.startswith(b"\r\x1b[Kmytosis: reading standard input ... 1 s"), said)
        self.assertTrue(said.endswith(b"\r\x1b[K"), said)
        self.assertEqual(printed, b"{}\n")

    def test_an_error_stands_on_a_line_of_its_own(self):
        said, _ = self.run_slowly(b"")
        self.assertTrue(said.endswith(b" s\r\x1b[Kmytosis: standard input:1:1: the text is empty\n"), said)


if __name__ == "__main__":
    unittest.main()
