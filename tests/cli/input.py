"""Bad input ends with code 3 and a line that says what was expected, and where."""
import os
import sys

sys.dont_write_bytecode = True
from support.command import DONE, INPUT, CommandTest, graph, node, unittest


def of_node(members):
    return f'{{"a":{{"@object":{{"uid":"a"}},{members}}}}}'


def of_field(members):
    return of_node(f'"x":{{{members}}}')


def of_value(value):
    return of_field(f'"value":{value},"state":1')


def of_state(state):
    return of_field(f'"value":1,"state":{state}')


STATES = "1:52: expected a state from 1 to 9007199254740991, found "

JSON = [
    # Not a graph, or not all of one.
    ("", "1:1: the text is empty"),
    (" \n ", "2:2: the text is empty"),
    ("[]", '1:1: expected "{", found "["'),
    ("{", '1:2: expected a uid or "}", found the end of the text'),
    ("{}\n{}", '2:1: expected the end of the text, found "{"'),
    (b'{"a":{"@object":{"uid":"a"}}}\n\xff', '2:1: expected the end of the text, found "\\xff"'),
    ("[" * 100000, '1:1: expected "{", found "["'),
    ('{"a":{"x":' + '{"a":' * 100000, '1:12: unknown member "a"'),
    # Nodes.
    ('{"a":{}}', '1:7: expected a member "@object", found "}"'),
    ('{"a":{"@object":{}}}', '1:18: expected a member "uid", found "}"'),
    ('{"a":{"@object":{"uid":"b"}}}', '1:24: expected the uid "a", found "b"'),
    ('{"a":{"@object":{"uid":"a","extra":0}}}', '1:28: unknown member "extra"'),
    ('{"a":{"@object":{"uid":"a","floor":0}}}', "1:36: expected a floor from 1 to 9007199254740991, found 0"),
    ('{"":{"@object":{"uid":""}}}', "1:2: a uid is empty"),
    (f'{{"{"u" * 256}":{{}}}}', "1:2: a uid of more than 255 bytes"),
    ('{"a":{"@object":{"uid":"a"}},\n"b":{"@object":{"uid":"b"}},\n"a":{"@object":{"uid":"a"}}}',
     '3:1: uid "a" stands twice'),
    # Fields.
    (of_node('"x":{"value":1,"state":1},"x":{"value":1,"state":1}'), '1:55: field "x" stands twice'),
    (of_node('"@object":{"uid":"a"}'), '1:29: "@object" stands twice'),
    (of_node(f'"{"n" * 255}":1'), "1:29: a field name of more than 254 bytes"),
    (of_field('"value":1'), '1:43: expected a member "state", found "}"'),
    (of_field('"state":1'), '1:43: expected a member "value" or "deleted", found "}"'),
    (of_field('"value":1,"state":1,"kind":2'), '1:54: unknown member "kind"'),
    (of_field('"value":1,"deleted":true,"state":1'), '1:44: "value" and "deleted" stand in one field'),
    # States.
    (of_state("0"), STATES + "0"),
    (of_state("-1"), STATES + "-1"),
    (of_state("1.5"), STATES + "1.5"),
    (of_state("9007199254740992"), STATES + "9007199254740992"),
    (of_state("1e309"), "1:52: the number 1e309 is beyond the range of a double"),
    (of_state("NaN"), '1:52: expected a state, found "N" (JSON has no NaN)'),
    # Values.
    (of_value("NaN"), '1:42: expected a value, found "N" (JSON has no NaN)'),
    (of_value("1e309"), "1:42: the number 1e309 is beyond the range of a double"),
    (of_value("[1]"), '1:42: expected a value, found "["'),
    (of_value('"\\ud800"'), "1:43: lone surrogate \\ud800"),
    (of_value('"\xff"').encode("latin-1"), "1:43: invalid UTF-8: byte 0xFF"),
    (of_value('"a\nb"'), "1:44: control character U+000A in a string"),
    (of_value(f'"{"v" * 262145}"'), "1:42: a value of more than 262144 bytes (value_len_max)"),
    (of_value('{"bytes":"AQI="}'), "1:51: base64url takes no padding"),
    (of_value('{"bytes":"AR"}'), "1:51: the last bits of the base64url text are not zero"),
    (of_value('{"int":"1"}'), '1:49: expected an integer that no double holds, found "1"'),
    (of_value('{"edge":""}'), "1:50: a uid is empty"),
]

PATCHES = [
    ("", "1:1: the text is empty"),
    ('{"a":{"x":1,"x":2}}', '1:13: field "x" stands twice'),
    ('{"a":{"x":1},\n"a":{}}', '2:1: uid "a" stands twice'),
    ('{"a":{"x":{"value":1,"state":1}}}', '1:12: unknown member "value"'),
    ('{"a":{"x":{"deleted":false}}}', '1:22: expected "true", found "f"'),
]


class BadInput(CommandTest):
    def test_json_that_is_no_graph(self):
        for text, message in JSON:
            self.refused(INPUT, f"standard input:{message}", "graph", "show", "-", stdin=text)

    def test_json_that_is_no_patch(self):
        self.write("a.json", graph(node("a", {"x": (1, 1)})))
        for text, message in PATCHES:
            self.refused(INPUT, f"standard input:{message}", "graph", "patch", "a.json", "-", stdin=text)

    def test_a_name_that_stands_twice_far_apart(self):
        fields = ",".join(f'\n"f{i}":{i}' for i in range(5000))
        self.write("a.json", "{}")
        done = self.run_command("graph", "patch", "a.json", "-", stdin=f'{{"a":{{{fields},\n"f0":0}}}}')
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr.decode(), r'^mytosis: standard input:\d+:1: field "f0" stands twice\n$')

    def test_a_patch_in_binary(self):
        self.write("a.json", graph(node("a", {"x": (1, 1)})))
        self.expect(DONE, "graph", "convert", "a.json", "a.mtg")
        self.refused(INPUT, "a.mtg: a patch is JSON, and this is a binary graph",
                     "graph", "patch", "a.json", "a.mtg")

    def test_binary_that_is_damaged(self):
        self.write("a.json", graph(node("a", {"x": ("text " * 20, 1)})))
        for form in ("binary", "compressed"):
            made = self.expect(DONE, "graph", "convert", f"--format={form}", "a.json", "-")
            end = len(made)
            for damaged, message in (
                (made[:1], "byte 1: ends within the frame that begins at byte 0"),
                (made[:-1], f"byte {end - 1}: ends within the frame that begins at byte 0"),
                (made + b"x", f"byte {end}: bytes follow the last frame"),
                (made[:-1] + bytes([made[-1] ^ 1]), "byte 0: the frame's checksum does not match its bytes"),
            ):
                self.refused(INPUT, f"x.mtg: {message}", "graph", "show", self.write("x.mtg", damaged))

    def test_files_that_cannot_be_read(self):
        os.mkdir(self.path("folder"))
        self.write("a.json", "{}")
        for name, why in (("nowhere", "No such file or directory"), ("folder", "Is a directory"),
                          ("a.json/b", "Not a directory"), ("", "No such file or directory")):
            self.refused(INPUT, f"cannot read {name}: {why}", "graph", "show", name)
            self.refused(INPUT, f"cannot read {name}: {why}", "graph", "merge", "a.json", name)
            self.refused(INPUT, f"cannot read {name}: {why}", "graph", "patch", "a.json", name)

    def test_standard_input_that_is_closed(self):
        self.refused(INPUT, "cannot read standard input: Bad file descriptor", "graph", "show", "-",
                     preexec_fn=lambda: os.close(0))

    def test_states_that_cannot_go_up(self):
        self.write("top.json", graph(node("n", {"x": (1, 9007199254740991)})))
        self.refused(INPUT, 'cannot patch top.json: node "n", field "x": there is no state above 2^53 - 1',
                     "graph", "patch", "top.json", "-", stdin='{"n":{"x":2}}')
        done = self.run_command("graph", "rebase", "top.json", "top.json")
        self.assertRegex(done.stderr.decode(), r"^mytosis: cannot rebase top.json: .*there is no state above 2\^53 - 1\n$")
        self.assertEqual(done.returncode, INPUT)


if __name__ == "__main__":
    unittest.main()
