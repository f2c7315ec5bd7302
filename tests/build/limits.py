#!/usr/bin/env python3
"""The numbers of docs/limits.md are those of the sources that each row names.

    limits.py SOURCE_FOLDER

A row is: what | how much | `FILE` `NAME` | what happens. NAME is a constant, or a member whose comment has its default.
"""
import os
import re
import sys
import unittest

SOURCE = sys.argv[1]
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1000, "min": 60000}
NUMBER = re.compile(r"(\d[\d,]*)(?: (KiB|MiB|GiB|min|s)\b)?")


def text_of(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def numbers_in(text):
    """Those that a text has, in bytes and milliseconds."""
    return [int(digits.replace(",", "")) * UNITS.get(unit, 1) for digits, unit in NUMBER.findall(text)]


def rows():
    row = re.compile(r"^\| (.*?) \| (.*?) \| `([\w./]+)` `(\w+)` \| .+ \|$")
    return [row.match(line).groups() for line in text_of("docs/limits.md").splitlines()
            if line.startswith("| ") and not line.startswith("| what ")]


def constant(text, name):
    """What a #define says, or None."""
    found = re.search(rf"^#define {name} +(.+?)(?: */\*.*)?$", text, re.MULTILINE)
    if not found:
        return None
    plain = re.sub(r"\((?:size_t|uint\w+)\)|UINT64_C|(?<=\d)[uUlL]+\b", "", found[1])
    if not re.fullmatch(r"[\d\s()*+<-]+", plain):
        raise ValueError(f"{name} is {found[1]}, which is no number")
    return eval(plain)  # nothing but digits and signs: looked at above


def comments_of_member(text, name):
    """Of each member of that name: its comment, which may be cut by the ends of lines."""
    return re.findall(rf"^[^/\n]*\n?[^/\n]*\b{name};\s*/\*(.*?)\*/", text, re.MULTILINE | re.DOTALL)


class Limits(unittest.TestCase):
    def test_every_row_says_where_its_number_is(self):
        self.assertGreater(len(rows()), 40)

    def test_numbers_are_those_of_the_sources(self):
        wrong = []
        for what, amount, path, name in rows():
            shown, text = numbers_in(amount), text_of(path)
            value = constant(text, name)
            there = [[value]]
            if value is None:
                there = list(filter(None, map(numbers_in, comments_of_member(text, name))))
            if len(shown) != 1 or not there or any(shown[0] not in numbers for numbers in there):
                wrong.append(f"{what}: {amount}, but {path} has {name} {there}")
        self.assertFalse(wrong, "\n" + "\n".join(wrong))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
