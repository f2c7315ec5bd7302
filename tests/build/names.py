#!/usr/bin/env python3
"""What the documents name is there: options of the command, functions and constants, files, targets of make, tests.

    names.py SOURCE_FOLDER MYTOSIS
"""
import glob
import os
import re
import subprocess
import sys
import unittest

SOURCE, MYTOSIS = sys.argv[1:3]

# Options of other programs that documents show.
OTHERS = {"--cflags", "--libs", "--coverage", "--seed", "--seconds", "--replay", "--shrink", "--only-print", "--relative-base", "--test-dir", "--user",
          "--name", "--gc-sections", "--target", "--quick", "--check", "--symbols"}
# Words that only look like names.
NO_NAMES = {"mt_", "MT_", "mt_noun_verb"}


# Words that stand for names.
PLACE = re.compile(r"\b(?:NAME|NOUN|LAYER|NN)\b|NAME_|_NAME|NN-")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    # In man pages: `Fl Fl store` is --store.
    return re.sub(r"\bFl (?:Fl |-)(?=\w)", "--", text.replace("\\-", "-")) if path.startswith("man/") else text


def all_of(*patterns):
    return sorted(path for pattern in patterns for path in glob.glob(pattern))


def said(*words):
    done = subprocess.run([MYTOSIS, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def documents():
    return all_of("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md", "man/*", "completions/*", "packaging/**/*.service")


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = {path: text_of(path) for path in documents()}
        cls.verbs = re.findall(r"^  (\w+) +\S.*?(?:  (\w+) +\S.*)?$", said("--help").split("Usage")[1], re.MULTILINE)
        cls.verbs = sorted({verb for pair in cls.verbs for verb in pair if verb})
        verbs = [[verb] for verb in cls.verbs]
        for verb in ("graph", "keys"):
            verbs += [[verb, word] for word in re.findall(r"^  (\w+) ", said(verb, "--help"), re.MULTILINE)]
        cls.helps = {" ".join(words): said(*words, "--help") for words in verbs}
        cls.options = set(re.findall(r"--[a-z][a-z-]*", said("--help") + "".join(cls.helps.values())))
        headers = "".join(text_of(path) for path in all_of("include/mytosis/*.h*", "include/mytosis/plugin/*.h"))
        cls.symbols = set(re.findall(r"\b(?:mt|MT)_\w+", headers))

    def none_missing(self, missing):
        self.assertFalse(missing, "not there:\n" + "\n".join(sorted(missing)))

    def test_the_command_has_verbs_and_each_explains_itself(self):
        self.assertGreater(len(self.verbs), 15)
        self.none_missing({verb for verb, text in self.helps.items() if not text.startswith(f"Usage: mytosis {verb}")})

    def test_every_verb_has_its_place_in_a_man_page_and_in_completions(self):
        pages = "".join(text for path, text in self.texts.items() if path.startswith("man/"))
        missing = {f"man: {verb}" for verb in self.verbs if not re.search(rf"\b{verb}\b", pages)}
        for path in all_of("completions/*"):
            missing |= {f"{path}: {verb}" for verb in self.verbs if not re.search(rf"\b{verb}\b", self.texts[path])}
        self.none_missing(missing)

    def test_options_that_documents_name_are_options(self):
        known = self.options | OTHERS
        self.none_missing({f"{path}: {option}" for path, text in self.texts.items()
                           for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b", text)
                           if option not in known})

    def test_options_of_the_command_are_in_man_pages(self):
        pages = "".join(text for path, text in self.texts.items() if path.startswith("man/"))
        self.none_missing({option for option in self.options if option not in pages})

    def test_functions_types_and_constants_are_in_the_headers(self):
        examples = {path: text_of(path) for path in all_of("examples/*.c", "examples/*.cpp")}
        missing = set()
        for path, text in {**self.texts, **examples}.items():
            for name in re.findall(r"\b(?:mt|MT)_\w*\w\b", text):
                if name not in self.symbols and name not in NO_NAMES and not name.endswith("_"):
                    missing.add(f"{path}: {name}")
        self.none_missing(missing)

    def test_files_that_documents_name_are_there(self):
        pattern = r"(?<![\w/])((?:docs|examples|scripts|tests|include|src|cli|plugins|bench|fuzz|man|cmake)/[\w./-]*\w)"
        missing = set()
        for path, text in self.texts.items():
            for name in re.findall(pattern, text):
                if not PLACE.search(name) and not all_of(f"{name}*", f"tests/{name}*", f"tests/torture/{name[4:]}*"):
                    missing.add(f"{path}: {name}")
        self.none_missing(missing)

    def test_links_of_documents_lead_somewhere(self):
        missing = set()
        for path, text in self.texts.items():
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
                if not os.path.exists(os.path.join(os.path.dirname(path), link)):
                    missing.add(f"{path}: {link}")
        self.none_missing(missing)

    def test_targets_of_make_are_there(self):
        targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
        self.none_missing({f"{path}: make {target}" for path, text in self.texts.items() if path.endswith(".md")
                           for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE) if target not in targets})

    def test_tests_that_documents_name_are_there(self):
        missing = set()
        for path, text in self.texts.items():
            for label, name in re.findall(r"`(unit|law|conformance|crash|cli)/(\w+)", text):
                if not PLACE.search(name) and not all_of(f"tests/{label}/{name}*", f"tests/torture/{name}*", f"{label}/{name}*"):
                    missing.add(f"{path}: {label}/{name}")
        self.none_missing(missing)


if __name__ == "__main__":
    os.chdir(SOURCE)
    unittest.main(argv=sys.argv[:1])
