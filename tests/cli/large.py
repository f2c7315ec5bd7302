"""Graphs that take long: imports that are interrupted, memory that stays bounded, progress."""
import json
import os
import random
import re
import signal
import subprocess
import sys
import tty

sys.dont_write_bytecode = True
from support.command import DONE, PROGRAM, StoreTest, environment, graph, large, node, unittest

ENV = environment(MYTOSIS_STORE="s.mdb")


class Interrupted(StoreTest):
    """Whatever ends an import: what it has stored stays, and to repeat it ends as if nothing had happened."""

    def setUp(self):
        super().setUp()
        self.wanted = self.canonical(large(6000))
        self.random = random.Random(1815)

    def start(self):
        return subprocess.Popen([PROGRAM, "import", "-"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=ENV)

    def feed(self, running, part):
        """Gives it a part of the graph."""
        running.stdin.write(self.wanted[:int(len(self.wanted) * part)])
        running.stdin.flush()

    def test_by_a_kill_at_any_time(self):
        for round_ in range(12):
            running = self.start()
            self.feed(running, self.random.random())
            running.send_signal(signal.SIGKILL)
            running.communicate()
            self.expect(DONE, "doctor")
            part = self.exported()
            self.assertEqual(part, {uid: made for uid, made in json.loads(self.wanted).items() if uid in part}, round_)
        self.expect(DONE, "import", "in.json")
        self.assertEqual(self.expect(DONE, "export"), self.wanted)

    def test_by_a_signal_that_asks(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            running = self.start()
            self.feed(running, 0.5)
            # The store is open once its note of who holds it is there; then the signal is watched for, or soon.
            while not os.path.exists(self.path("s.mdb-owner")) or not self.exported_now():
                pass
            running.send_signal(number)
            _, said = running.communicate()
            self.assertRegex(said.decode(), r"^mytosis: standard input: interrupted; \d+ nodes are imported; it may be imported again\n$")
            self.assertEqual(running.returncode, -number)
            self.assertGreater(len(self.exported()), 0)
            os.unlink(self.path("s.mdb"))
            self.expect(DONE, "init", "s.mdb", "--clock=lamport")
        self.expect(DONE, "import", "in.json")
        self.assertEqual(self.expect(DONE, "export"), self.wanted)

    def exported_now(self):
        """Whether the file has grown: something is stored."""
        return os.path.getsize(self.path("s.mdb")) > 100000


class Memory(StoreTest):
    def taken(self, process):
        """Bytes of memory, without the pages of files."""
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"RssAnon:\s*(\d+) kB", status.read())[1]) * 1024

    @unittest.skipIf(b"__asan_init" in open(PROGRAM, "rb").read(), "sanitizers keep what was freed")
    def test_it_does_not_grow_with_what_goes_in_and_out(self):
        running = subprocess.Popen([PROGRAM, "import", "-"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=ENV)
        text = "x" * 3000
        taken = []
        for i in range(0, 100000, 100):
            pieces = (f'"n{j:05}":{{"@object":{{"uid":"n{j:05}"}},"x":{{"value":"{text}","state":1}}}}' for j in range(i, i + 100))
            running.stdin.write((("{" if i == 0 else ",\n") + ",\n".join(pieces)).encode())
            if i % 50000 == 49900:
                taken.append(self.taken(running))
        self.assertLess(taken[1], taken[0] * 1.4)
        running.communicate(b"}")
        self.assertEqual(running.returncode, DONE)
        exporting = subprocess.Popen([PROGRAM, "export"], cwd=self.folder, stdout=subprocess.PIPE, env=ENV)
        size, most = 0, 0
        while piece := exporting.stdout.read(1 << 20):
            size += len(piece)
            most = max(most, self.taken(exporting)) if size < 290_000_000 else most
        exporting.communicate()
        self.assertEqual(exporting.returncode, DONE)
        self.assertGreater(size, 300_000_000)
        self.assertLess(most, 50_000_000)

    def test_a_node_larger_than_the_cache_goes_in_twice_and_out(self):
        content = graph(node("big", {f"f{i:04}": ("x" * 250000, 1) for i in range(400)}))
        wanted = self.canonical(content)
        for changed in (400, 0):
            self.assertEqual(self.result("import", "in.json", "--json")["changed"], changed)
        self.assertEqual(self.expect(DONE, "export"), wanted)


class Progress(StoreTest):
    def on_terminal(self, words, content):
        """Gives the rest of the text only once progress was seen, or the command ended; answers what it said."""
        terminal, slave = os.openpty()
        tty.setraw(slave)
        done = subprocess.Popen([PROGRAM, *words], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave,
                                env=ENV)
        os.close(slave)
        done.stdin.write(content[:len(content) // 2])
        done.stdin.flush()
        said = os.read(terminal, 1000)
        done.communicate(content[len(content) // 2:])
        try:
            while piece := os.read(terminal, 1000):
                said += piece
        except OSError:  # Linux says so where all of the other side is closed.
            pass
        os.close(terminal)
        return said.decode()

    def test_an_import_says_how_far_it_is(self):
        said = self.on_terminal(["import", "-"], self.canonical(large(6000)))
        self.assertRegex(said, "^\r\x1b\\[Kmytosis: importing ([\\d,]+ nodes, [\\d,]+/s, )?standard input \\.\\.\\. 1 s")
        self.assertTrue(said.endswith("\r\x1b[K"), said)
        self.assertIsNone(re.search("error", said))


if __name__ == "__main__":
    unittest.main()
