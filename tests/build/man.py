#!/usr/bin/env python3
"""The man pages: they render without a warning, each verb and each function has one, and they say the same as the
command and the headers.

    man.py SOURCE_FOLDER REFERENCE_FOLDER MYTOSIS    (REFERENCE_FOLDER as scripts/reference wrote it)
"""
import filecmp
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, REFERENCE, MYTOSIS = sys.argv[1:4]
HEADER = """/* mytosis/one.h - one thing. */
#ifndef MYTOSIS_ONE_H
#define MYTOSIS_ONE_H

%s

#endif
"""


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def written():
    return sorted(glob.glob(os.path.join(SOURCE, "man/*")))


def generated():
    return sorted(glob.glob(os.path.join(REFERENCE, "man3/*.3")))


def said(*words):
    return subprocess.run([MYTOSIS, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def verbs_of(text):
    """Of a help in one or two columns."""
    found = re.findall(r"^  ([a-z]+) +\S.*?(?:  ([a-z]+) +\S.*)?$", text, re.MULTILINE)
    return sorted({verb for pair in found for verb in pair if verb})


def options_in(helps):
    return {option for text in helps for option in re.findall(r"--[a-z][a-z-]*[a-z]", text.split("Example:")[0])}


def options_of(page):
    """What a page has in its tags."""
    tags = re.findall(r"^\.It (Fl .*)$", page, re.MULTILINE)
    return {"--" + name for tag in tags for name in re.findall(r"\bFl Fl ([a-z][a-z-]*)", tag)}


def sources():
    paths = glob.glob(os.path.join(SOURCE, "include/mytosis/**/*.h"), recursive=True)
    return {os.path.relpath(path, SOURCE): text_of(path) for path in paths}


class Man(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.verbs = verbs_of(said("--help"))
        cls.common = options_of(text_of(os.path.join(SOURCE, "man/mytosis.1")))
        cls.functions = sorted({name for text in sources().values()
                                for name in re.findall(r"^MT_API\b[^;(]*?\b(mt_\w+)\(", text, re.MULTILINE)})

    def page(self, verb):
        return text_of(os.path.join(SOURCE, f"man/mytosis-{verb}.1"))

    def helps(self, verb):
        """Its own, and those of what it groups."""
        text = said(verb, "--help")
        words = verbs_of(text) if verb in ("graph", "keys") else []
        return [text] + [said(verb, word, "--help") for word in words]

    def none(self, wrong):
        self.assertFalse(wrong, "\n" + "\n".join(sorted(wrong)))

    @unittest.skipUnless(shutil.which("groff"), "groff is not here")
    def test_groff_warns_of_no_page(self):
        pages = [page for page in written() + generated() if not text_of(page).startswith(".so ")]
        self.assertGreater(len(pages), 60)
        for page in pages:
            done = subprocess.run(["groff", "-ww", "-mandoc", "-Tutf8", page],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            self.assertIn("\nNAME\n", re.sub(".\b", "", done.stdout), page)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not here")
    def test_mandoc_warns_of_no_page(self):
        pages = [page for page in written() + generated() if not text_of(page).startswith(".so ")]
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_every_verb_has_a_page_with_all_its_parts(self):
        self.assertGreater(len(self.verbs), 20)
        parts = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
        self.none({f"{verb}: {part}" for verb in self.verbs for part in parts
                   if f"\n.Sh {part}\n" not in self.page(verb)})
        self.none({verb for verb in self.verbs if f"\n.Nm mytosis-{verb}\n" not in self.page(verb)})

    def test_a_page_has_the_options_of_the_help_and_no_others(self):
        wrong = set()
        for verb in self.verbs:
            helped, paged = options_in(self.helps(verb)), options_of(self.page(verb))
            wrong |= {f"{verb}: {option} is in the help alone" for option in helped - paged - self.common}
            wrong |= {f"{verb}: {option} is in the page alone" for option in paged - helped}
        self.none(wrong)

    def test_a_page_has_the_exit_codes_of_the_help(self):
        for verb in self.verbs:
            ends = said(verb, "--help").split("Exit codes:")[1].replace("\n", " ")
            codes = re.findall(r"\b([0-4]) [a-zA-Z]", ends)
            part = self.page(verb).split("\n.Sh EXIT STATUS\n")[1].split("\n.Sh ")[0]
            self.none({f"{verb}: {code}" for code in codes if f".It {code}\n" not in part})

    def test_the_keys_of_the_file_are_those_of_the_page(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("nonesuch = 1\n")
            file.flush()
            done = subprocess.run([MYTOSIS, "serve", "--config", file.name, "--check-config"],
                                  capture_output=True, text=True, check=False)
        self.assertIn("unknown key", done.stderr)
        keys = set(re.split(r", | and ", done.stderr.split("there are ")[1].strip()))
        part = text_of(os.path.join(SOURCE, "man/mytosis-config.5")).split("\n.Sh KEYS\n")[1].split("\n.Sh ")[0]
        self.assertEqual(set(re.findall(r"^\.It Cm (\S+)$", part, re.MULTILINE)), keys)

    def test_messages_of_the_protocol_are_those_of_its_document(self):
        page = text_of(os.path.join(SOURCE, "man/mytosis-protocol.7"))
        document = text_of(os.path.join(SOURCE, "docs/protocol.md"))
        rows = re.findall(r"^\| ([0-9a-f]{2}) \| ([A-Z]+) \|", document, re.MULTILINE)
        self.assertGreater(len(rows), 10)
        self.assertEqual(re.findall(r"^\.It ([0-9a-f]{2}) Ta ([A-Z]+) Ta", page, re.MULTILINE), rows)

    def test_every_function_has_a_page_and_is_in_the_index(self):
        self.assertGreater(len(self.functions), 250)
        index = text_of(os.path.join(REFERENCE, "html/index.html"))
        for name in self.functions:
            page = text_of(os.path.join(REFERENCE, f"man3/{name}.3"))
            target = re.fullmatch(r"\.so man3/(\w+\.3)\n", page)
            self.assertTrue(target, name)
            leads = text_of(os.path.join(REFERENCE, "man3", target.group(1)))
            self.assertRegex(leads, rf"(?m)^\.Nm {name}( ,)?$")
            self.assertIn(f"\n.Fo {name}\n", leads)
            self.assertIn(f'#{name}"><code>{name}</code>', index)

    def test_see_also_names_pages_that_are_there(self):
        there = {os.path.basename(page) for page in written() + generated()} | {"sd_notify.3"}
        wrong = set()
        for page in written() + generated():
            names = {f"{name}.{number}" for name, number in re.findall(r"\bXr (\S+) (\d)", text_of(page))}
            wrong |= {f"{os.path.basename(page)}: {name}" for name in names - there}
            if not text_of(page).startswith(".so "):
                self.assertIn("\n.Sh SEE ALSO\n", text_of(page), page)
        self.none(wrong)

    def test_links_in_html_lead_somewhere(self):
        pages = {os.path.basename(path): text_of(path) for path in glob.glob(os.path.join(REFERENCE, "html/*.html"))}
        ids = {name: re.findall(r'id="([^"]+)"', text) for name, text in pages.items()}
        for name, text in pages.items():
            self.assertEqual(len(ids[name]), len(set(ids[name])), name)
            self.none({f"{name}: {page}#{mark}" for page, _, mark in re.findall(r'href="([^"#]*)(#([^"]*))?"', text)
                       if page not in pages or mark and mark not in ids[page]})


class Generator(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_on(self, source, out):
        return subprocess.run([sys.executable, os.path.join(SOURCE, "scripts/reference"), source, out],
                              capture_output=True, text=True, check=False)

    def header(self, text):
        for name in ("include/mytosis", "man"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        with open(os.path.join(self.folder, "include/mytosis/one.h"), "w", encoding="utf-8") as file:
            file.write(HEADER % text)
        shutil.copy(os.path.join(SOURCE, "man/mytosis.1"), os.path.join(self.folder, "man"))
        out = os.path.join(self.folder, "out")
        shutil.rmtree(out, ignore_errors=True)
        return self.run_on(self.folder, out), out

    def test_the_same_headers_give_the_same_bytes(self):
        self.assertEqual(self.run_on(SOURCE, self.folder).returncode, 0)
        for part in ("man3", "html"):
            compared = filecmp.dircmp(os.path.join(REFERENCE, part), os.path.join(self.folder, part))
            self.assertEqual((compared.left_only, compared.right_only), ([], []))
            _, differ, wrong = filecmp.cmpfiles(compared.left, compared.right, compared.common_files, shallow=False)
            self.assertEqual((differ, wrong), ([], []))

    def test_a_declaration_without_a_comment_is_refused_by_its_place(self):
        for text, name in (("MT_API int mt_one(void);", "mt_one"), ("typedef struct mt_one mt_one;", "mt_one"),
                           ("#define MT_ONE 1", "MT_ONE"), ("typedef enum mt_one { MT_A } mt_one;", "mt_one")):
            done, out = self.header(text)
            self.assertEqual((done.returncode, done.stderr), (1, f"mytosis/one.h:5: {name} has no comment\n"))
            self.assertFalse(os.path.exists(out))
            self.assertEqual(self.header("/* One. */\n" + text)[0].returncode, 0, text)

    def test_what_is_not_understood_is_refused_by_its_place(self):
        for text in ("/* One. */\nextern int mt_one;", "/* One. */\ntypedef int (*mt_one[3])(void);",
                     "/* One. */\n\nMT_API int mt_one(void);",
                     "/* One. */\nMT_API int one(void);", "/* One. */\nstatic inline int mt_one(void) { return 1; }"):
            done, out = self.header(text)
            self.assertEqual(done.returncode, 1, text)
            self.assertRegex(done.stderr, r"^mytosis/one\.h:[56]: ", text)
            self.assertFalse(os.path.exists(out))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
