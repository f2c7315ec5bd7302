"""Bench: it prints what it says, in a moment, and leaves nothing behind."""
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from support.command import DONE, INPUT, PROGRAM, SANITIZED, SYSTEM, USAGE, CommandTest, environment, unittest

FIGURES = ["writes_durable", "writes_batched", "reads_cold", "reads_cached", "merge", "sync"]


class Bench(CommandTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("disk"))

    def test_each_figure_is_measured(self):
        said = self.result("bench", "--seconds=1", "--store-dir=disk", "--json")
        self.assertEqual(list(said), ["version", "system", "machine", "processors", "runs", *FIGURES])
        for figure in FIGURES:
            self.assertGreater(said[figure], 0, figure)
        self.assertGreater(said["writes_batched"], said["writes_durable"])
        if not SANITIZED:
            self.assertGreater(said["reads_cached"], said["writes_durable"])
        self.assertEqual(os.listdir(self.path("disk")), [])

    def test_the_table(self):
        lines = self.expect(DONE, "bench", "--seconds=1").decode().splitlines()
        self.assertRegex(lines[0], r"^mytosis \d+\.\d+\.\d+, Linux \w+, \d+ processors?$")
        for line in lines[2:8]:
            self.assertRegex(line, r"^[a-z].* [\d,]+  (nodes|fields)/s +[\d,]+ to [\d,]+$")
        self.assertEqual(lines[8:], ["", "Medians of 5 runs; a node has 5 short texts."])
        self.assertEqual(os.listdir(self.folder), ["disk"])

    def test_a_signal_ends_it_and_leaves_nothing(self):
        process = subprocess.Popen([PROGRAM, "bench", "--seconds=600", "--store-dir=disk"], cwd=self.folder, env=environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        while process.poll() is None and not os.listdir(self.path("disk")):
            pass
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate()[0], b"")
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertEqual(os.listdir(self.path("disk")), [])

    def test_without_room_it_says_so_and_leaves_nothing(self):
        def no_room():
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))

        done = self.run_command("bench", "--seconds=1", "--store-dir=disk", preexec_fn=no_room)
        self.assertEqual((done.returncode, done.stdout), (SYSTEM, b""))
        self.assertRegex(done.stderr.decode(), r"^mytosis: cannot measure writes, .*\n$")
        self.assertEqual(os.listdir(self.path("disk")), [])

    def test_words_that_make_no_sense(self):
        for seconds in ("0", "3601"):
            self.refused(USAGE, "--seconds takes 1 to 3600; see mytosis bench --help", "bench", f"--seconds={seconds}")
        self.refused(USAGE, '--seconds takes a number, not "x"; see mytosis bench --help', "bench", "--seconds=x")
        self.refused(INPUT, "cannot make a folder in none: No such file or directory", "bench", "--store-dir=none")


if __name__ == "__main__":
    unittest.main()
