"""Watch: lines go in, and what they changed comes out."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from support.command import (DONE, INPUT, PROGRAM, SYSTEM, USAGE, StoreTest, environment, graph, node, unittest)


class Watch(StoreTest):
    def watch(self, *words, lines=(), code=DONE, err=""):
        return self.expect(code, "watch", *words, stdin="".join(line + "\n" for line in lines), err=err).decode()

    def events(self, *words, lines=()):
        return [json.loads(line) for line in self.watch("--json", *words, lines=lines).splitlines()]

    def test_each_patch_is_written_and_what_it_changed_is_printed(self):
        self.assertEqual(self.watch(lines=['{"ada":{"name":"Ada","born":1815}}', '{"ada":{"name":"Eve","born":{"deleted":true}}}',
                                           '{"ada":{"@object":{"deleted":true}},"bob":{"friend":{"edge":"ada"}}}']), """\
update 1
+ ada
  + born  1815   1
  + name  "Ada"  1
update 2
~ ada
  - born  1815   →  deleted  1 → 2
  ~ name  "Ada"  →  "Eve"    1 → 2
update 3
- ada  floor 2
  - born  deleted  →  deleted  2 ≤ 2
  - name  "Eve"    →  deleted  2 ≤ 2
+ bob
  + friend  -> ada  1
""")
        self.assertEqual(self.expect(DONE, "ls"), b"bob\n")

    def test_json_is_an_object_a_line(self):
        self.assert_same(self.events(lines=['{"b":{"x":"\\n"},"a":{"y":2}}', '{"a":{"y":3}}']), [
            {"event": "update", "commit": 1, "nodes": graph(node("a", {"y": (2, 1)}), node("b", {"x": ("\n", 1)}))},
            {"event": "update", "commit": 2, "nodes": graph(node("a", {"y": (3, 2)}))}])

    def test_only_nodes_of_the_prefix(self):
        self.assert_same(self.events("note/", lines=['{"note/1":{"x":1},"other":{"x":1}}', '{"other":{"x":2}}', '{"note/2":{"x":1}}']), [
            {"event": "update", "commit": 1, "nodes": graph(node("note/1", {"x": (1, 1)}))},
            {"event": "update", "commit": 3, "nodes": graph(node("note/2", {"x": (1, 1)}))}])
        self.assertEqual(self.watch("note/", lines=['{"note/1":{"x":2},"other":{"x":1}}']), 'update 1\n~ note/1\n  ~ x  1  →  2  1 → 2\n')
        self.refused(USAGE, "a prefix of 256 bytes is longer than any uid", "watch", "p" * 256)

    def test_history(self):
        lines = ['{"a":{"x":1}}', '{"a":{"x":2}}']
        self.assert_same(self.events("--history", lines=lines), [
            {"event": "update", "commit": 1, "nodes": graph(node("a", {"x": (1, 1)}))},
            {"event": "update", "commit": 2, "nodes": graph(node("a", {"x": (2, 2)}))},
            {"event": "history", "commit": 2, "nodes": graph(node("a", {"x": (1, 1)}))}])
        self.assertTrue(self.watch("--history", lines=['{"a":{"x":3}}']).endswith("history 1\na\n  x  2  2\n"))

    def test_a_graph_is_merged(self):
        lines = [json.dumps(graph(node("a", {"x": (1, 5), "y": (1, 5)}))), json.dumps(graph(node("a", {"x": (2, 5), "y": (2, 4)})))]
        self.assert_same(self.events("--history", "--conflicts", lines=lines), [
            {"event": "update", "commit": 1, "nodes": graph(node("a", {"x": (1, 5), "y": (1, 5)}))},
            {"event": "update", "commit": 2, "nodes": graph(node("a", {"x": (2, 5)}))},
            {"event": "history", "commit": 2, "nodes": graph(node("a", {"x": (1, 5), "y": (2, 4)}))},
            {"event": "conflict", "commit": 2, "conflicts": [{"uid": "a", "field": "x", "won": {"value": 2, "state": 5},
                                                              "lost": {"value": 1, "state": 5}}]}])

    def test_a_conflict_for_a_person(self):
        lines = [json.dumps(graph(node("a", {"x": (value, 5)}))) for value in (1, 2)]
        self.assertTrue(self.watch("--conflicts", lines=lines).endswith("conflict 2\n  a  x  2  won over  1  5\n"))

    def test_what_changes_nothing_is_no_event(self):
        line = json.dumps(graph(node("a", {"x": (1, 5)})))
        self.assertEqual(len(self.events("--history", "--conflicts", lines=[line, line, "", "  \t", "{}"])), 1)

    def test_a_bad_line_is_left_out(self):
        done = self.run_command("watch", stdin='{"a":{"x":1}}\n\n{"a":{"x":[1]}}\n{"b":{"@object":{"uid":"b"},"x":{"value":7}}}\n{"c":{"x":1}}')
        self.assertEqual(done.stderr.decode(), 'mytosis: standard input:3:11: expected a value, found "["\n'
                                               'mytosis: standard input:4:43: expected a member "state", found "}"\n')
        self.assertEqual(done.returncode, INPUT)
        self.assertEqual(self.expect(DONE, "ls"), b"a\nc\n")

    def test_states_that_cannot_go_up(self):
        top = json.dumps(graph(node("n", {"x": (1, 9007199254740991)})))
        done = self.run_command("watch", stdin=f'{top}\n{{"n":{{"x":2}}}}\n')
        self.assertEqual(done.stderr.decode(), 'mytosis: standard input:2: node "n", field "x": there is no state above 2^53 - 1\n')
        self.assertEqual(done.returncode, INPUT)

    def test_a_line_that_is_too_long(self):
        text = '{"a":{"x":1}}\n{"b":{' + " " * (17 << 20) + '"x":1}}\n'
        self.assertEqual(self.told(INPUT, "watch", "--json", stdin=text, message="standard input:2: a line of more than 16777216 bytes"),
                         b'{"event":"update","commit":1,"nodes":{"a":{"@object":{"uid":"a"},"x":{"value":1,"state":1}}}}\n')

    def test_standard_input_that_is_closed(self):
        self.refused(INPUT, "cannot read standard input: Bad file descriptor", "watch", preexec_fn=lambda: os.close(0))

    def test_each_event_is_printed_at_once(self):
        running = subprocess.Popen([PROGRAM, "watch", "--json"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=environment(MYTOSIS_STORE="s.mdb"))
        for i in range(3):
            running.stdin.write(b'{"a":{"x":%d}}\n' % i)
            running.stdin.flush()
            self.assertEqual(json.loads(running.stdout.readline())["commit"], i + 1)
        self.assertEqual(running.communicate()[0], b"")
        self.assertEqual(running.returncode, DONE)

    def test_a_closed_pipe_ends_quietly(self):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([PROGRAM, "watch"], cwd=self.folder, input=b'{"a":{"x":1}}\n{"b":{"x":1}}\n', stdout=writing,
                              stderr=subprocess.PIPE, env=environment(MYTOSIS_STORE="s.mdb"), check=False)
        os.close(writing)
        self.assertEqual((done.returncode, done.stderr), (DONE, b""))

    def test_a_full_disk_ends_it(self):
        def no_room():
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))

        lines = "".join(json.dumps({f"n{i}": {"x": "x" * 100000}}) + "\n" for i in range(10))
        done = self.run_command("watch", stdin=lines, preexec_fn=no_room)
        self.assertEqual(done.returncode, SYSTEM)
        self.assertRegex(done.stderr.decode(), r"^mytosis: standard input:\d: s\.mdb: No space left on device\n$")


if __name__ == "__main__":
    unittest.main()
