"""Import and export: whole graphs into a store and out of it."""
import json
import os
import resource
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from support.command import (DONE, INPUT, PROGRAM, SYSTEM, USAGE, StoreTest, environment, graph, large, node, unittest)

FORMS = ("json", "binary", "compressed")
ENV = environment(MYTOSIS_STORE="s.mdb")

SMALL = graph(
    node("a", {"b": ({"bytes": "AQID"}, 2), "e": ({"edge": "é"}, 1), "gone": (..., 9), "n": (0.1, 3)}, floor=1),
    node("deleted", floor=7),
    node("wide", {f"f{i:04}": ("x" * (i % 50), i + 1) for i in range(2000)}, floor=1),
    node("é", {"": ("\U0001f600\u2028\0", 1), "i": ({"int": "9007199254740993"}, 9007199254740991)}),
)


class Roundtrip(StoreTest):
    def test_every_form_goes_in_and_comes_out_the_same(self):
        wanted = self.canonical(SMALL)
        for into in FORMS:
            self.expect(DONE, "graph", "convert", f"--format={into}", "in.json", "in")
            store = f"--store={into}.mdb"
            self.expect(DONE, "init", f"{into}.mdb", "--clock=lamport")
            self.expect(DONE, "import", "in", store)
            for out in FORMS:
                self.expect(DONE, "export", store, "-o", "out", f"--format={out}")
                self.expect(DONE, "graph", "convert", f"--format={out}", "in.json", "wanted")
                self.assertEqual(self.read("out"), self.read("wanted"), (into, out))
            self.assertEqual(self.expect(DONE, "export", store), wanted)

    def test_out_and_in_and_out_is_the_same_bytes(self):
        self.import_graph(large(2500))
        self.import_graph(SMALL)
        self.expect(DONE, "rm", "user/000007")
        self.expect(DONE, "rm", "user/000008", "f1")
        self.expect(DONE, "export", "-o", "one.mtz")
        self.expect(DONE, "init", "t.mdb", "--clock=lamport")
        self.expect(DONE, "import", "one.mtz", "--store=t.mdb")
        self.expect(DONE, "export", "-o", "two.mtz", "--store=t.mdb")
        self.assertEqual(self.read("one.mtz"), self.read("two.mtz"))

    def test_to_import_again_changes_nothing(self):
        self.import_graph(large(2500))
        self.import_graph(SMALL)
        before = self.expect(DONE, "status")
        for content, nodes, fields in ((large(2500), 2500, 12500), (SMALL, 4, 2006)):
            self.write("again", content)
            said = self.result("import", "again", "--json")
            self.assertEqual((said["nodes"], said["fields"], said["changed"]), (nodes, fields, 0))
        self.assertEqual(self.expect(DONE, "status"), before)

    def test_values_of_the_greatest_length(self):
        content = graph(*(node(f"n{i}", {"x": ("é" * (128 * 1024), 1), "y": ({"bytes": "A" * 349524}, 2)}) for i in range(20)))
        wanted = self.canonical(content)
        self.expect(DONE, "import", "in.json")
        self.assertEqual(self.expect(DONE, "export"), wanted)

    def test_states_of_the_replica_and_of_the_file_are_merged(self):
        self.import_graph(graph(node("a", {"x": (1, 5), "y": (1, 5), "z": (1, 5)})))
        self.import_graph(graph(node("a", {"x": (2, 4), "y": (2, 6), "z": (2, 5)}), node("b", {"x": (1, 1)})))
        self.assert_same(self.exported(), graph(node("a", {"x": (1, 5), "y": (2, 6), "z": (2, 5)}), node("b", {"x": (1, 1)})))

    def test_an_older_field_of_a_large_node_does_not_win(self):
        self.import_graph(graph(node("wide", {f"f{i}": ("new" * 20, 9) for i in range(300)})))
        self.import_graph(graph(node("wide", {f"f{i}": ("old", 3) for i in range(0, 300, 7)})))
        self.assertEqual({field["state"] for name, field in self.exported()["wide"].items() if name != "@object"}, {9})


class Import(StoreTest):
    def test_what_it_says(self):
        self.write("in.json", large(1200))
        self.assertRegex(self.expect(DONE, "import", "in.json").decode(),
                         r"^imported 1,200 nodes with 6,000 fields, of which 6,000 changed the store, in \d+\.\d s\n$")
        self.assertEqual(self.result("import", "in.json", "--json").keys(), {"nodes", "fields", "changed", "ms"})

    def test_standard_input(self):
        self.expect(DONE, "import", "-", stdin=json.dumps(SMALL))
        self.assertEqual(list(self.exported()), list(SMALL))

    def test_an_empty_graph(self):
        self.assertIn(b"imported 0 nodes with 0 fields", self.expect(DONE, "import", "-", stdin="{}"))

    def test_a_node_that_comes_twice_is_merged(self):
        one, two = json.dumps(node("a", {"x": (1, 2), "y": (1, 1)})), json.dumps(node("a", {"x": (2, 1), "y": (2, 2)}))
        self.expect(DONE, "import", "-", stdin=f'{{"a":{one},"a":{two}}}')
        self.assert_same(self.exported(), graph(node("a", {"x": (1, 2), "y": (2, 2)})))

    def test_files_that_cannot_be_read(self):
        os.mkdir(self.path("folder"))
        self.refused(INPUT, "cannot read no: No such file or directory", "import", "no")
        self.refused(INPUT, "cannot read folder: Is a directory", "import", "folder")
        self.refused(INPUT, "cannot read standard input: Bad file descriptor", "import", "-", preexec_fn=lambda: os.close(0))
        self.refused(USAGE, "import takes an operand, FILE; see mytosis import --help", "import")

    def test_text_that_is_no_graph(self):
        for text, message in (
            ("", "1:1: the text is empty"),
            ("[]", '1:1: expected "{", found "["'),
            ('{"a":{"x":1}}', '1:11: expected "{", found a number'),
            ('{"a":{"@object":{"uid":"a"},"x":{"value":1,"state":0}}}',
             "1:52: expected a state from 1 to 9007199254740991, found 0"),
        ):
            self.refused(INPUT, f"standard input:{message}", "import", "-", stdin=text)

    def test_bytes_that_are_damaged(self):
        self.write("in.json", SMALL)
        self.expect(DONE, "graph", "convert", "in.json", "in.mtg")
        good = self.read("in.mtg")
        self.refused(INPUT, "standard input: byte 1: ends within the frame that begins at byte 0", "import", "-", stdin=good[:1])
        self.write("bad.mtg", good[:-1] + bytes([good[-1] ^ 1]))
        done = self.run_command("import", "bad.mtg")
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr.decode(), r"^mytosis: bad.mtg: byte \d+: the frame's checksum does not match its bytes")

    def test_what_came_before_damage_is_imported(self):
        text = json.dumps(large(3500)).replace('"user/003210": {"@object"', '"user/003210": {"object"')
        done = self.run_command("import", "-", stdin=text)
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr.decode(), r'^mytosis: standard input:1:\d+: unknown member "uid"; '
                                               r"3000 nodes are imported\n$")
        self.assertEqual(len(self.exported()), 3000)

    def test_a_store_without_room(self):
        def no_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, 1000000))

        self.write("in.json", large(6000, 20))
        done = self.run_command("import", "in.json", preexec_fn=no_room)
        self.assertEqual(done.returncode, SYSTEM)
        self.assertRegex(done.stderr.decode(), r"^mytosis: in\.json: s\.mdb: No space left on device(; \d+ nodes are imported)?\n$")
        self.expect(DONE, "import", "in.json")
        self.assertEqual(len(self.exported()), 6000)


class Future(StoreTest):
    CLOCK = "hybrid"

    def of(self, minutes):
        ahead = int((time.time() + minutes * 60) * 1000 - 1577836800000) << 11
        return graph(node("far", {"x": (1, ahead)}))

    def test_states_that_are_too_far_ahead(self):
        self.import_graph(self.of(9))
        self.write("far.json", self.of(11))
        self.assertRegex(self.run_command("import", "far.json").stderr.decode(),
                         r'^mytosis: far\.json: node "far": state \d+ is 6[56]\d s ahead of the time of day; 600 are the most; '
                         r"--allow-future takes it\n$")
        self.expect(DONE, "import", "far.json", "--allow-future")
        self.assert_same(self.exported(), json.loads(self.read("far.json")))

    def test_a_write_after_them_still_wins(self):
        self.import_graph(self.of(60), "--allow-future")
        self.expect(DONE, "write", "far", "x=mine")
        self.assertEqual(self.expect(DONE, "read", "far", "x", "--raw"), b"mine\n")


class Export(StoreTest):
    def setUp(self):
        super().setUp()
        self.import_graph(large(3000))

    def test_a_prefix(self):
        self.assertEqual(list(self.exported("user/00012")), [f"user/{i:06}" for i in range(120, 130)])
        self.assertEqual(self.expect(DONE, "export", "no such"), b"{}\n")
        self.refused(USAGE, "a prefix of 256 bytes is longer than any uid", "export", "p" * 256)

    def test_the_ending_names_the_form(self):
        for name, first in (("x.json", b"{"), ("x.mtg", b"\xa1"), ("x.mtz", b"\xa1"), ("x", b"{")):
            self.expect(DONE, "export", "-o", name)
            self.assertEqual(self.read(name)[:1], first)
        self.assertLess(len(self.read("x.mtz")), len(self.read("x.mtg")))

    def test_a_closed_pipe_ends_quietly(self):
        for form in FORMS:
            done = subprocess.run(f'"{PROGRAM}" export --format={form} | head -c 10 >/dev/null; exit ${{PIPESTATUS[0]}}',
                                  shell=True, executable="/bin/bash", cwd=self.folder, env=ENV, stderr=subprocess.PIPE,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (DONE, b""), form)

    def test_a_full_disk_leaves_the_old_file(self):
        def no_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))

        self.write("out.json", "precious")
        before = sorted(os.listdir(self.folder))
        self.refused(SYSTEM, "cannot write out.json: File too large", "export", "-o", "out.json", preexec_fn=no_room)
        self.assertEqual(self.read("out.json"), b"precious")
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_the_binary_form_is_not_written_to_a_terminal(self):
        terminal, slave = os.openpty()
        done = subprocess.run([PROGRAM, "export", "--format=binary"], cwd=self.folder, stdout=slave, stderr=subprocess.PIPE,
                              env=ENV, check=False)
        os.close(slave)
        os.close(terminal)
        self.assertEqual(done.stderr, b"mytosis: the binary form is not for a terminal; name a file or redirect it\n")
        self.assertEqual(done.returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
