"""Doctor: what a store holds, what is damaged in it, and mending the states of a wrong clock."""
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from support.command import (DIFFERENT, DONE, INPUT, PROGRAM, SYSTEM, USAGE, CommandTest, StoreTest, environment, graph, node,
                             unittest)


class Sound(StoreTest):
    def test_of_an_empty_store(self):
        self.assertEqual(self.result("doctor", "--json")["nodes"], 0)

    def test_it_counts_what_is_there(self):
        self.import_graph(graph(
            node("a", {"x": (1, 1), "to": ({"edge": "b"}, 1), "no": ({"edge": "nowhere"}, 1), "gone": (..., 2)}),
            node("b", {"to": ({"edge": "wide"}, 9), "self": ({"edge": "b"}, 9), "dead": ({"edge": "dead"}, 9)}, floor=3),
            node("dead", floor=7),
            node("wide", {f"f{i:04}": ("x" * 20, 1) for i in range(3000)})))
        size = os.path.getsize(self.path("s.mdb"))
        self.assertEqual(self.expect(DONE, "doctor").decode(), f"""\
nodes          3  1 deleted, 2 with a floor
fields     3,006  1 deleted
edges          5  2 lead to no node
bytes    {size:7,}
changes        4
records        0
ahead          0
damaged        0

Edges that lead to no node: 2.
    That is no damage: the nodes were deleted, have not come yet, or are not replicated here.
""")
        self.assertEqual(self.result("doctor", "--json"), {
            "store": "s.mdb", "nodes": 3, "nodes_deleted": 1, "floors": 2, "fields": 3006, "fields_deleted": 1, "edges": 5,
            "edges_dangling": 2, "value_bytes": 60000 + len("bnowherewidebdead"), "bytes": size, "changes": 4, "records": 0,
            "ahead": 0, "damaged": 0, "damage": [], "findings": [
                {"kind": "dangling", "count": 2, "text": "Edges that lead to no node: 2.",
                 "advice": "That is no damage: the nodes were deleted, have not come yet, or are not replicated here."}]})

    def test_very_many_edges(self):
        self.import_graph(graph(*(node(f"n{i:05}", {f"e{j}": ({"edge": f"n{(i * 7 + j * 1000) % 12000:05}"}, 1) for j in range(8)})
                                  for i in range(10000))))
        wanted = sum((i * 7 + j * 1000) % 12000 >= 10000 for i in range(10000) for j in range(8))
        said = self.result("doctor", "--json")
        self.assertEqual((said["nodes"], said["edges"], said["edges_dangling"]), (10000, 80000, wanted))

    def test_it_changes_nothing(self):
        self.expect(DONE, "write", "a", "x=1")
        before = self.read("s.mdb")
        self.expect(DONE, "doctor")
        self.assertEqual(self.read("s.mdb"), before)

    def test_words_that_make_no_sense(self):
        self.refused(USAGE, "doctor takes at most one operand, URL; see mytosis doctor --help", "doctor", "a", "b")
        self.refused(USAGE, "--report and --restamp cannot be combined", "doctor", "--restamp", "--report=r.json")
        self.refused(USAGE, "--report is of a store, and not of a peer", "doctor", "tcp://127.0.0.1:1", "--report=r.json")
        self.refused(USAGE, "--ca goes with a URL, and there is none", "doctor", "--ca=x")
        self.assertEqual(self.run_command("doctor", "s.mdb").returncode, USAGE)
        self.refused(USAGE, "--yes goes with --restamp, and there is none", "doctor", "--yes")


class Damage(StoreTest):
    def setUp(self):
        super().setUp()
        self.import_graph(graph(*(node(f"n{i:03}", {"x": (f"precious {i:03}", 1)}) for i in range(600)),
                                node("wide", {f"f{i:03}": (f"field {i:03} " + "x" * 50, 1) for i in range(300)})))

    def damage(self, *texts):
        content = self.read("s.mdb")
        for text in texts:
            self.assertIn(text.encode(), content)
            content = content.replace(text.encode(), text.upper().encode())
        self.write("s.mdb", content)

    def examine(self):
        return self.told(INPUT, "doctor", message="s.mdb is damaged").decode()

    def test_each_damaged_node_is_named(self):
        self.damage("precious 000", "precious 007", "precious 009", "precious 300", "precious 599")
        said = self.examine()
        self.assertIn("nodes        596\n", said)
        self.assertIn("damaged        5\n\n", said)
        self.assertEqual([line[:26] for line in said.split("\n\n")[1].splitlines()],
                         [f'the record of node "n{i:03}":' for i in (0, 7, 9, 300, 599)])

    def test_more_than_are_named(self):
        self.damage(*(f"precious {i:03}" for i in range(0, 100, 2)))
        said = self.examine()
        self.assertIn("damaged       50\n", said)
        self.assertIn("… and 30 more\n\nDamaged records, which are not served: 50.\n    All else is read as before.", said)

    def test_a_damaged_field_of_a_large_node(self):
        self.damage("field 123 ")
        said = self.examine()
        self.assertIn("fields       899\n", said)
        self.assertRegex(said, r'\n\n.*field "f123".*node "wide".*\n\n|\n\n.*node "wide".*field "f123".*\n\n')

    def test_json(self):
        self.damage("precious 007")
        said = json.loads(self.told(INPUT, "doctor", "--json", message="s.mdb is damaged"))
        self.assertEqual((said["nodes"], said["damaged"], len(said["damage"])), (600, 1, 1))

    def test_damage_is_never_served_as_data(self):
        self.damage("precious 007", "field 123 ")
        for words in (["read", "n007"], ["read", "wide"], ["read", "wide", "f123"], ["write", "n007", "x=1"], ["export"], ["ls"]):
            done = self.run_command(*words)
            self.assertEqual(done.returncode, INPUT, words)
            self.assertRegex(done.stderr.decode(), r'^mytosis: cannot .* s\.mdb: .*(n007|f123)', words)
            self.assertNotIn(b"PRECIOUS", done.stdout)
            self.assertNotIn(b"FIELD 123", done.stdout)
        self.assertEqual(self.expect(DONE, "read", "n008", "x", "--raw"), b"precious 008\n")
        self.assertEqual(self.expect(DONE, "read", "wide", "f124", "--raw")[:9], b"field 124")

    def test_a_file_that_ends_early(self):
        self.write("s.mdb", self.read("s.mdb")[:40000])
        for words in (["doctor"], ["ls"], ["export"]):
            done = self.run_command(*words)
            self.assertEqual((done.returncode, done.stdout), (INPUT, b""), words)
            self.assertRegex(done.stderr.decode(), r"^mytosis: s\.mdb is cut short: it has 40000 bytes\n$")

    def test_pages_that_are_damaged_are_found_before_they_are_used(self):
        content = self.read("s.mdb")
        page = content.rindex(b"precious 007") // 4096
        for at, byte in ((0, 1), (10, 1), (12, 1), (14, 1), (16, 0xFF), (17, 0xFF), (18, 2)):
            with self.subTest(at):
                changed = bytearray(content)
                changed[4096 * page + at] ^= byte
                self.write("s.mdb", bytes(changed))
                done = self.run_command("doctor")
                self.assertEqual((done.returncode, done.stdout), (INPUT, b""))
                self.assertRegex(done.stderr.decode(), rf"^mytosis: s\.mdb is damaged: page {page}: [a-z ]+\n$")

    def test_a_format_that_is_damaged(self):
        content = bytearray(self.read("s.mdb"))
        for at in (found.end() for found in re.finditer(rb"mformat(\.copy)?", content)):
            content[at] ^= 0xFF
        self.write("s.mdb", bytes(content))
        for words in (["doctor"], ["status"], ["ls"], ["import", "-"]):
            done = self.run_command(*words, stdin="{}")
            self.assertEqual((done.returncode, done.stdout), (INPUT, b""), words)
            self.assertRegex(done.stderr.decode(),
                             r"^mytosis: s\.mdb: .*what the store says of its format is damaged in both copies\n$")


class Restamp(CommandTest):
    """A clock that was 3 hours ahead, and was put right."""

    def setUp(self):
        super().setUp()
        self.expect(DONE, "init", "s.mdb")
        self.now = int(time.time() * 1000 - 1577836800000) << 11

    def run_command(self, *arguments, env=None, **more):
        return super().run_command(*arguments, env=env or environment(MYTOSIS_STORE="s.mdb"), **more)

    def ahead(self, minutes):
        return self.now + (int(minutes * 60000) << 11)

    def fill(self):
        self.write("in.json", graph(
            node("floor", {"x": ("above", self.ahead(180)), "gone": (..., self.ahead(181))}, floor=self.ahead(179)),
            node("gone", floor=self.ahead(120)),
            node("near", {"x": ("near", self.ahead(5)), "y": ("far", self.ahead(60))}, floor=self.ahead(4)),
            node("old", {"x": ({"edge": "floor"}, 7)}),
            node("wide", {f"f{i:04}": ("x" * 20, self.ahead(100) if i % 2 else i + 1) for i in range(3000)})))
        self.expect(DONE, "import", "in.json", "--allow-future")

    WOULD = ("s.mdb: 1505 states of 4 nodes would be restamped; that is sound only while no other replica has them: "
             "--yes does it")

    def test_it_says_what_it_would_do_and_does_it_when_told(self):
        self.fill()
        before = self.read("s.mdb")
        self.refused(DIFFERENT, self.WOULD, "doctor", "--restamp")
        self.assertEqual(self.read("s.mdb"), before)
        self.assertEqual(self.expect(DONE, "doctor", "--restamp", "--yes"), b"restamped 1,505 states of 4 nodes\n")
        self.assertEqual(self.result("doctor", "--json")["ahead"], 0)
        self.assertEqual(self.expect(DONE, "doctor", "--restamp"), b"restamped 0 states of 0 nodes\n")
        self.assertEqual(sorted(os.listdir(self.folder)), ["in.json", "s.mdb", "s.mdb-lock"])

    def test_readers_see_what_they_saw_before(self):
        self.fill()
        plain = {uid: self.expect(DONE, "read", uid, "--plain") for uid in ("floor", "near", "old", "wide")}
        self.expect(DONE, "doctor", "--restamp", "--yes")
        for uid, values in plain.items():
            self.assertEqual(self.expect(DONE, "read", uid, "--plain"), values)
        self.assertEqual(self.expect(DONE, "ls"), b"floor\nnear\nold\nwide\n")

    def test_only_what_is_too_far_ahead_changes_and_stays_above_its_floor(self):
        self.fill()
        self.expect(DONE, "doctor", "--restamp", "--yes")
        made = self.result("export")
        self.assert_same(made["old"], node("old", {"x": ({"edge": "floor"}, 7)}))
        self.assertEqual(made["near"]["x"]["state"], self.ahead(5))
        self.assertEqual(made["near"]["@object"]["floor"], self.ahead(4))
        self.assertEqual(made["near"]["y"]["state"], self.ahead(4) + 1)
        floor = made["floor"]["@object"]["floor"]
        self.assertLess(floor, self.ahead(1))
        self.assertEqual((made["floor"]["x"]["state"], made["floor"]["gone"]["state"]), (floor + 1, floor + 1))
        self.assertEqual(made["gone"], node("gone", floor=floor))
        self.assertEqual([field["state"] for name, field in made["wide"].items() if name != "@object"],
                         [floor + 1 if i % 2 else i + 1 for i in range(3000)])

    def test_a_clock_that_ran_ahead_is_put_right(self):
        # A write on top of a state that is ahead takes the clock with it.
        self.fill()
        self.expect(DONE, "write", "floor", "x=mine")
        self.assertGreater(self.result("status", "--json")["clock"]["ahead_ms"], 170 * 60000)
        self.expect(DONE, "doctor", "--restamp", "--yes")
        self.assertEqual(self.result("status", "--json")["clock"]["ahead_ms"], 0)
        self.expect(DONE, "write", "floor", "x=later")
        self.assertEqual(self.expect(DONE, "read", "floor", "x", "--raw"), b"later\n")
        self.assertLess(self.result("export", "floor")["floor"]["x"]["state"], self.ahead(10))

    def test_a_lamport_clock_has_no_time(self):
        self.expect(DONE, "init", "l.mdb", "--clock=lamport")
        self.refused(INPUT, "l.mdb has a lamport clock, whose states are no times", "doctor", "--restamp", "--store=l.mdb")

    def test_a_damaged_store_is_left_as_it_is(self):
        self.fill()
        before = self.read("s.mdb").replace(b"above", b"ABOVE")
        self.write("s.mdb", before)
        self.refused(INPUT, "s.mdb is damaged, and would lose what cannot be read", "doctor", "--restamp", "--yes")
        self.assertEqual(self.read("s.mdb"), before)

    def test_json(self):
        self.fill()
        self.assertEqual(self.result("doctor", "--restamp", "--yes", "--json"), {"restamped": 1505})

    def test_the_mode_of_the_file_stays(self):
        self.fill()
        os.chmod(self.path("s.mdb"), 0o640)
        self.expect(DONE, "doctor", "--restamp", "--yes")
        self.assertEqual(os.stat(self.path("s.mdb")).st_mode & 0o777, 0o640)

    def test_while_another_reads_it(self):
        self.fill()
        reader = subprocess.Popen([PROGRAM, "export"], cwd=self.folder, stdout=subprocess.PIPE,
                                  env=environment(MYTOSIS_STORE="s.mdb"))
        self.addCleanup(reader.communicate)
        reader.stdout.read(1)
        self.refused(SYSTEM, "s.mdb is held by another", "doctor", "--restamp", "--yes")

    def test_without_room_the_store_stays_as_it_is(self):
        def no_room():
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))

        self.fill()
        before = self.read("s.mdb")
        done = self.run_command("doctor", "--restamp", "--yes", preexec_fn=no_room)
        self.assertEqual(done.returncode, SYSTEM)
        self.assertRegex(done.stderr.decode(), r"^mytosis: cannot restamp s\.mdb: .*No space left on device\n$")
        self.assertEqual(self.read("s.mdb"), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["in.json", "s.mdb", "s.mdb-lock"])


if __name__ == "__main__":
    unittest.main()
