"""What a person reads: summaries, changes, nodes, colours."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from support.command import DIFFERENT, DONE, PROGRAM, CommandTest, environment, graph, node, unittest

CURRENT = graph(
    node("user/1", {"name": ("Ada", 3), "age": (5, 3), "old": ("x", 2), "title": ("kept", 4)}),
    node("user/2", {"gone": ("y", 3)}),
)
INCOMING = graph(
    node("user/1", {"name": ("Ada Lovelace", 4), "age": (7, 3), "old": (..., 9), "title": ("older", 2),
                    "friend": ({"edge": "user/3"}, 1)}),
    node("user/2", floor=7),
    node("user/3", {"name": ("Grace", 1), "b": ({"bytes": "AQID"}, 1), "n": ({"int": "9007199254740993"}, 1)}),
)

MERGE = """\
nodes      3  1 new, 1 changed, 1 deleted
fields     8  8 changed, 4 overwritten, 1 came too late
conflicts  1

conflicts: the same state, and the greater value wins
  user/1  age  7  won over  5  3

changes
~ user/1
  ! age     5        →     7               3
  + friend                 -> user/3       1
  ~ name    "Ada"    →     "Ada Lovelace"  3 → 4
  - old     "x"      →     deleted         2 → 9
  < title   "older"  late  "kept"          2 < 4
- user/2  floor 7
  - gone  "y"  →  deleted  3 ≤ 7
+ user/3
  + b     <3 bytes: 010203>  1
  + n     9007199254740993   1
  + name  "Grace"            1
"""

SHOW = """\
user/1
  age     7               3
  friend  -> user/3       1
  name    "Ada Lovelace"  4
  old     deleted         9
  title   "older"         2
user/2  floor 7
user/3
  b     <3 bytes: 010203>  1
  n     9007199254740993   1
  name  "Grace"            1

"""


class ListingTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("a.json", CURRENT)
        self.write("b.json", INCOMING)

    def text(self, *words, code=DONE, **more):
        return self.expect(code, "graph", *words, **more).decode()


class Changes(ListingTest):
    def test_merge(self):
        self.assertEqual(self.text("merge", "a.json", "b.json"), MERGE)

    def test_merge_that_is_written(self):
        self.assertEqual(self.text("merge", "a.json", "b.json", "-o", "m.json"), MERGE + "\nwritten to m.json\n")

    def test_merge_that_changes_nothing(self):
        self.assertEqual(self.text("merge", "a.json", "a.json"),
                         "nodes      2\nfields     5\nconflicts  0\n\nnothing changed\n")

    def test_diff_shows_what_it_changes(self):
        self.assertEqual(self.text("diff", "a.json", "b.json", code=DIFFERENT), """\
nodes      1  1 changed
fields     1  1 changed, 1 overwritten
conflicts  0

changes
~ user/1
  ~ title  "older"  →  "kept"  2 → 4
""")
        self.assertEqual(self.text("diff", "b.json", "b.json"), """\
nodes      0
fields     0
conflicts  0

no difference: B has all that A has
""")

    def test_rebase_shows_what_it_changes(self):
        self.assertEqual(self.text("rebase", "a.json", "b.json"), """\
nodes      3  2 changed
fields     9  5 changed, 4 overwritten
conflicts  0

changes
~ user/1
  ~ age    7               →  5       3 → 4
  ~ name   "Ada Lovelace"  →  "Ada"   4 → 5
  + old    deleted         →  "x"     9 → 10
  ~ title  "older"         →  "kept"  2 → 4
~ user/2
  + gone  "y"  8
""")

    def test_overlap_shows_itself(self):
        self.assertEqual(self.text("overlap", "a.json", "b.json"), """\
nodes   2
fields  4

user/1
  age    5       3
  name   "Ada"   3
  old    "x"     2
  title  "kept"  4
user/2
""")

    def test_patch(self):
        self.assertEqual(self.text("patch", "a.json", "-", stdin='{"user/1":{"name":null,"age":{"deleted":true}},"new":{}}'), """\
nodes      3  1 new, 1 changed
fields     5  2 changed, 2 overwritten
conflicts  0

changes
+ new
~ user/1
  - age   5      →  deleted  3 → 4
  ~ name  "Ada"  →  null     3 → 4
""")

    def test_what_came_too_late_for_a_floor(self):
        self.write("deleted.json", graph(node("user/2", floor=7)))
        self.assertEqual(self.text("merge", "deleted.json", "a.json").split("changes\n")[1], """\
+ user/1
  + age    5       3
  + name   "Ada"   3
  + old    "x"     2
  + title  "kept"  4
< user/2
  < gone  "y"  late  deleted  3 ≤ 7
""")

    def test_long_listings_are_cut_and_all_shows_them(self):
        wide = [graph(node("wide", {f"f{i:04}": (value, 1) for i in range(1300)})) for value in (1, 2)]
        self.write("one.json", wide[0])
        self.write("two.json", wide[1])
        lines = self.text("merge", "one.json", "two.json").split("\n")
        self.assertEqual(lines[1], "fields     1,300  1,300 changed, 1,300 overwritten")
        self.assertEqual(lines[2], "conflicts  1,300")
        self.assertIn("… and 1,280 more; --all shows them", lines)
        self.assertIn("… and 1,261 more; --all shows them", lines)
        self.assertLess(len(lines), 80)
        lines = self.text("merge", "one.json", "two.json", "--all").split("\n")
        self.assertEqual(sum(" won over " in line for line in lines), 1300)
        self.assertEqual(sum(" → " in line for line in lines), 1300)
        self.assertNotIn("…", "".join(lines))
        lines = self.text("overlap", "one.json", "two.json").split("\n")
        self.assertIn("… and 1,261 more; --all shows them", lines)


class Show(ListingTest):
    def summary(self, text):
        return text.rstrip("\n").rsplit("\n", 1)[-1]

    def test_nodes_fields_and_states(self):
        size = os.path.getsize(self.path("b.json"))
        self.assertEqual(self.text("show", "b.json"), SHOW +
                         f"3 nodes, 7 living fields, 1 deleted field, 1 floor, {size} bytes\n")

    def test_an_empty_graph(self):
        self.assertEqual(self.text("show", "-", stdin="{}"),
                         "0 nodes, 0 living fields, 0 deleted fields, 0 floors, 2 bytes\n")

    def test_one_node(self):
        text = self.text("show", "b.json", "--uid", "user/2")
        self.assertTrue(text.startswith("user/2  floor 7\n\n1 of 3 nodes, 0 living fields, 0 deleted fields, 1 floor, "))
        self.assertTrue(self.text("show", "b.json", "--uid=user/").startswith("0 of 3 nodes, "))
        self.assertEqual(self.result("graph", "show", "--json", "b.json", "--uid", "user/3"),
                         graph(INCOMING["user/3"]))

    def test_a_prefix_and_a_limit(self):
        self.write("many.json", graph(*(node(f"{kind}/{i:04}", {"f": (i, 1)}) for kind in "abc" for i in range(1500))))
        text = self.text("show", "many.json", "--prefix", "b/", "--limit=2")
        self.assertTrue(text.startswith("b/0000\n  f  0  1\nb/0001\n  f  1  1\n… and 1,498 more nodes\n\n2 of 4,500 nodes, "))
        for words, wanted in ((["--prefix=c/"], 1500), (["--prefix=c/149"], 10), (["--prefix="], 4500), ([], 4500),
                              (["--limit=7"], 7), (["--limit=0"], 0), (["--prefix=d"], 0), (["--limit=9999"], 4500)):
            self.assertEqual(len(self.result("graph", "show", "--json", "many.json", *words)), wanted, words)
            plain = self.expect(DONE, "graph", "show", "--plain", "many.json", *words)
            self.assertEqual(plain.count(b'"f":'), wanted)

    def test_a_selected_node_is_whole(self):
        wide = node("wide", {f"f{i:04}": (i, i + 9) for i in range(1000)}, floor=8)
        self.write("wide.json", graph(node("a"), wide, node("wider")))
        self.assert_same(self.result("graph", "show", "--json", "wide.json", "--uid=wide"), graph(wide))

    def test_long_values_are_cut_and_all_shows_them(self):
        self.write("long.json", graph(node("a", {"b": ({"bytes": "AAECAwQF" * 200}, 1), "s": ("s" * 1234, 1)})))
        text = self.text("show", "long.json")
        self.assertIn('"' + "s" * 62 + '…" (1,234 bytes)  1\n', text)
        self.assertIn("<1,200 bytes: 00010203040500010203040500010203…>", text)
        text = self.text("show", "long.json", "--all")
        self.assertIn('"' + "s" * 1234 + '"  1\n', text)
        self.assertIn("000102030405" * 200, text)

    def test_keys_that_could_be_mistaken_stand_in_quotes(self):
        names = {"": '""', "a b": '"a b"', 'a"b': '"a\\"b"', "\x1b[31m": '"\\u001b[31m"', "\u202ex": '"\\u202ex"',
                 "-> x": '"-> x"', "a.b/c": "a.b/c", "é": "é"}
        for name, shown in names.items():
            self.write("x.json", graph(node("n", {name: ({"edge": name or "e"}, 1)})))
            self.assertIn(f"\n  {shown}  -> {shown if name else 'e'}  1\n", self.text("show", "x.json"))

    def test_nothing_in_a_graph_reaches_the_terminal_unescaped(self):
        risky = "".join(map(chr, [*range(1, 32), 127, *range(128, 160), 0x200e, 0x2028, 0x202e, 0x2066, 0xfeff, 0xe0041]))
        self.write("x.json", graph(node(risky, {risky: (risky, 1), "e": ({"edge": risky}, 2)})))
        self.write("y.json", graph(node(risky, {risky: ("x" + risky, 1), "e": ({"edge": "e" + risky}, 2)})))
        for text in (self.text("show", "--all", "x.json"), self.text("merge", "x.json", "y.json"),
                     self.text("merge", "y.json", "x.json")):
            self.assertFalse(set(text) & set(risky) - {"\n"})

    def test_wide_characters_are_aligned_by_their_columns(self):
        self.write("x.json", graph(node("n", {"日本": (1, 1), "name": (2, 1), "e\u0301": (3, 1)})))
        self.assertIn("\n  e\u0301     3  1\n  name  2  1\n  日本  1  1\n", self.text("show", "x.json"))


class Colours(ListingTest):
    SHOWN = ("show", "b.json", "--uid=user/2")
    BOLD = "\x1b[1muser/2\x1b[0m"

    def on_terminal(self, *words, **variables):
        terminal, slave = os.openpty()
        subprocess.run([PROGRAM, "graph", *words], cwd=self.folder, stdout=slave, env=environment(**variables), check=True)
        os.close(slave)
        text = os.read(terminal, 100000).decode()
        os.close(terminal)
        return text

    def test_a_terminal_gets_them(self):
        self.assertIn(self.BOLD, self.on_terminal(*self.SHOWN))
        self.assertIn(self.BOLD, self.on_terminal(*self.SHOWN, "--color=auto", NO_COLOR=""))

    def test_a_terminal_gets_none_where_they_are_not_wanted(self):
        for words, variables in (([], {"NO_COLOR": "1"}), (["--color=never"], {}), ([], {"TERM": "dumb"}),
                                 (["--json"], {}), (["--plain"], {})):
            self.assertNotIn("\x1b", self.on_terminal(*self.SHOWN, *words, **variables), (words, variables))

    def test_a_file_or_a_pipe_gets_none_unless_told(self):
        self.assertNotIn("\x1b", self.text("merge", "a.json", "b.json"))
        self.assertIn(self.BOLD, self.text(*self.SHOWN, "--color=always"))
        self.assertIn(self.BOLD, self.text(*self.SHOWN, "--color=always", env=environment(NO_COLOR="1")))

    def test_colours_change_nothing_else(self):
        coloured = self.text("merge", "a.json", "b.json", "--color=always")
        for code in (0, 1, 2, 31, 32, 33, 36):
            coloured = coloured.replace(f"\x1b[{code}m", "")
        self.assertEqual(coloured, MERGE)


if __name__ == "__main__":
    unittest.main()
