"""What the README and make run say to type works as it is."""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from support.command import DONE, PROGRAM, SYSTEM, CommandTest, environment, unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LIMIT_S = 60


class Shown(CommandTest):
    def setUp(self):
        super().setUp()
        self.env = environment(PATH=f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}")

    def type(self, line, **more):
        return subprocess.run(["bash", "-c", line], cwd=self.folder, env={**self.env, **more}, capture_output=True, check=True,
                              timeout=LIMIT_S).stdout.decode()

    def start(self, line):
        """A line that goes on until it is interrupted."""
        running = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.addCleanup(running.communicate)
        self.addCleanup(running.terminate)
        while b" ready " not in running.stderr.readline():
            self.assertIsNone(running.poll(), line)

    def interrupt(self, running):
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGINT)

    def until(self, line, wanted, **more):
        limit = time.monotonic() + LIMIT_S
        while wanted not in self.type(f"{line} || true", **more):
            self.assertLess(time.monotonic(), limit, line)

    def test_two_peers_of_the_readme(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            section = file.read().split("\n## Two peers\n")[1].split("\n## ")[0]
        # The port may be in use.
        terminals = [block.replace("ws://127.0.0.1:7118", "unix:peer.socket").splitlines()
                     for block in re.findall(r"(?s)```sh[^\n]*\n(.*?)```", section)]
        for init, serve in terminals[:2]:
            self.type(init)
            self.start(serve)
        write, read, peers = terminals[2]
        self.type(write)
        self.until(read, '"Ada"')
        self.until(peers, "live")

    def test_make_run(self):
        run = ["bash", os.path.join(ROOT, "examples", "first_peer.sh"), "peer", "tcp://127.0.0.1:0"]
        env = {**self.env, "MYTOSIS_BIN": os.path.dirname(PROGRAM)}
        peer = subprocess.Popen(run, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                start_new_session=True)
        self.addCleanup(peer.communicate)
        self.addCleanup(self.interrupt, peer)
        said = [peer.stdout.readline().decode()]
        while said[-1] and not said[-1].startswith("Ctrl-C ends it."):
            said.append(peer.stdout.readline().decode())
        lines = [line.strip() for line in said if line.startswith("  ")]
        store = lines[0].removeprefix("export MYTOSIS_STORE=")
        here = {"MYTOSIS_STORE": store}
        following = next(line for line in lines if line.endswith("watch --follow"))
        for line in lines[1:lines.index(following)]:
            said = self.type(line, **here)
        self.assertIn('"Charles"', said)
        watching = subprocess.Popen(["bash", "-c", f"exec {following}"], cwd=self.folder, env={**self.env, **here},
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(watching.communicate)
        self.addCleanup(watching.terminate)
        others = lines[lines.index(following) + 1:]
        self.type(others[0])
        self.start(others[1])
        second = others[0].split()[-1]
        self.until(f"{PROGRAM} ls --store={second}", "ada\ncharles\n")
        self.type(others[2])
        self.assertIn("equal: 2 nodes ", self.type(others[3]))
        again = subprocess.run(run, cwd=self.folder, env=env, capture_output=True, check=False, timeout=LIMIT_S)
        self.assertRegex(again.stderr.decode(), r"^mytosis: peer/first\.mdb is held by mytosis \(pid \d+\)\n$")
        self.assertEqual((again.stdout, again.returncode), (b"", SYSTEM))
        self.interrupt(peer)
        self.assertIn(f"The store is {store};", peer.stdout.read().decode())
        self.assertEqual(peer.wait(), DONE)


if __name__ == "__main__":
    unittest.main()
