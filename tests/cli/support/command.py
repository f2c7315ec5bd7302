"""Runs the command for the tests beside this folder, and makes what it is given.

The environment names the program (MYTOSIS) and the folder of the vectors (MYTOSIS_VECTORS).
"""
import json
import os
import re
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["MYTOSIS"]
VECTORS = os.environ.get("MYTOSIS_VECTORS") or os.path.join(os.path.dirname(__file__), "..", "..", "vectors")

# A sanitizer makes it slow, and large.
with open(PROGRAM, "rb") as program:
    SANITIZED = re.search(rb"__[at]san_init", program.read()) is not None

DONE, DIFFERENT, USAGE, INPUT, SYSTEM = range(5)


def environment(**changes):
    """What the command runs in: nothing of the caller's that changes what it prints."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("NO_COLOR", "COLUMNS", "MYTOSIS_STORE", "MYTOSIS_PLUGIN", "MYTOSIS_PASSPHRASE", "MYTOSIS_PASSPHRASE_FILE",
                           "NOTIFY_SOCKET")}
    env["TERM"] = "xterm"
    env.update(changes)
    return env


def vectors(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return json.load(file)


def node(uid, fields=None, floor=None):
    """A node as in the text of a graph; fields are {name: (value, state)}, a value of `...` is deleted."""
    made = {"@object": {"uid": uid} if floor is None else {"uid": uid, "floor": floor}}
    for name, (value, state) in (fields or {}).items():
        made[name] = {"deleted": True, "state": state} if value is ... else {"value": value, "state": state}
    return made


def graph(*nodes):
    return {made["@object"]["uid"]: made for made in nodes}


def large(nodes, fields=5):
    """A graph that takes several commits."""
    return graph(*(node(f"user/{i:06}", {f"f{j}": (f"text {i} {j} " * 3, j + 1) for j in range(fields)}) for i in range(nodes)))


def canonical(value):
    """A text that two values share only if they are the same: true is not 1 here."""
    return json.dumps(value, sort_keys=True)


class CommandTest(unittest.TestCase):
    """A test in a folder of its own, where the command runs too."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mytosis-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        """Bytes, text or what JSON can hold. Answers the name."""
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_command(self, *arguments, stdin=b"", env=None, **more):
        return subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.folder,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=env or environment(),
            check=False,
            **more,
        )

    def expect(self, code, *arguments, stdin=b"", err="", **more):
        """Runs the command, checks how it ended and what it said, and answers its output."""
        done = self.run_command(*arguments, stdin=stdin, **more)
        self.assertEqual(done.stderr.decode(), err, arguments)
        self.assertEqual(done.returncode, code, arguments)
        return done.stdout

    def refused(self, code, message, *arguments, **more):
        """The command ends with `code`, says one line and prints nothing."""
        self.assertEqual(self.expect(code, *arguments, err=f"mytosis: {message}\n", **more), b"", arguments)

    def result(self, *arguments, code=DONE, **more):
        """What the command prints as JSON."""
        return json.loads(self.expect(code, *arguments, **more))

    def told(self, code, *arguments, message, **more):
        """The command ends with `code` and says one line; answers its output."""
        return self.expect(code, *arguments, err=f"mytosis: {message}\n", **more)

    def assert_same(self, made, wanted, about=None):
        self.assertEqual(canonical(made), canonical(wanted), about)


class StoreTest(CommandTest):
    """A test with a store, whose states count writes: that of a node's first write is 1."""

    CLOCK = "lamport"

    def setUp(self):
        super().setUp()
        self.expect(DONE, "init", "s.mdb", "--clock", self.CLOCK)

    def run_command(self, *arguments, env=None, **more):
        return super().run_command(*arguments, env=env or environment(MYTOSIS_STORE="s.mdb"), **more)

    def import_graph(self, content, *options):
        self.write("imported", content)
        self.expect(DONE, "import", "imported", *options)

    def exported(self, *arguments):
        """The graph in the store."""
        return self.result("export", *arguments)

    def canonical(self, content):
        """Writes in.json, and answers its canonical text."""
        self.write("in.json", content)
        return self.expect(DONE, "graph", "convert", "--format=json", "in.json", "-")
