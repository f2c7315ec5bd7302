#!/usr/bin/env python3
"""Every block of code in README.md, CONTRIBUTING.md and docs/ is compiled, run or read, against what is installed.

    blocks.py SOURCE_FOLDER BUILD_FOLDER [PAGE...]        environment: CC, CXX, CMAKE

The first word behind a fence says what a block is; a block without one fails, as does one whose words are not known.

    text      no code: a format, a table, a drawing; looked at only if it is `printed`
    c, cpp    a program is compiled, linked and run; a part of one is compiled among the names of blocks_names.h.
              One whose first line names a file, /* load.c */, is compiled, and kept in the folder for what follows
    sh        is run by bash -e, in a folder of its own, with what blocks_shell.sh says. Must end with 0
    console   lines that begin with "$ " are run likewise, and must print the lines below them
    json      is parsed; a graph is read by the command
    ini       settings of the daemon, read by the command
    cmake     is configured, with a target `app`

What is printed is compared line by line; "..." there stands for any text, alone on its line for any lines, and columns
may be of another width. Further words:

    in=FILE     c, cpp: it is a part of that file
    printed     json, text: the block of C before it, or the file that it is in, prints that
    goes-on     sh, console: in the folder of the block before it, with its files and daemons
    remarks     sh: what stands behind three spaces is no part of a line; remarks=N: nor what begins in column N
    store=NAME  sh, console: in the folder is an empty store of that name, and MYTOSIS_STORE names it
    with=FILE   sh, console: a file of the tree, or of the build, is in the folder; FILE:NAME, by that name.
                May be repeated
    graphs      sh, console: in it are graphs of small size, packages.json, laptop.mtg and phone.mtg
    by=FILE     sh: that test runs it, and has all its options
    not-run=WHY sh: it takes `machines`, `root` or `time` that a test has not. Its syntax is looked at
"""
import concurrent.futures
import contextlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SECONDS = 60
FENCE = re.compile(r"^( *)```(.*)$")
WORDS = {
    "text": {"printed"}, "json": {"printed"}, "ini": set(), "cmake": set(), "c": {"in"}, "cpp": {"in"},
    "sh": {"goes-on", "remarks", "store", "with", "graphs", "by", "not-run"},
    "console": {"goes-on", "store", "with", "graphs"},
}
REASONS = {"machines", "root", "time"}
C_FLAGS = ["-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-variable",
           "-Wno-unused-but-set-variable", "-Wno-unused-parameter"]
CPP_FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Werror"]


class Wrong(Exception):
    """A block is not as it should be."""


class Block:
    def __init__(self, path, line, info, code):
        self.path, self.line, self.code = path, line, code
        words = info.split()
        self.kind = words[0] if words else ""
        self.words = {}
        for word in words[1:]:
            name, _, value = word.partition("=")
            self.words.setdefault(name, []).append(value)

    def has(self, word):
        return word in self.words

    def value(self, word):
        return self.words[word][-1]

    def classified(self):
        if self.kind not in WORDS:
            raise Wrong(f"nothing says what it is: it begins with ```{self.kind}")
        for word in self.words:
            if word not in WORDS[self.kind]:
                raise Wrong(f"a block of {self.kind} has no word `{word}`")
        if self.has("not-run") and self.value("not-run") not in REASONS:
            raise Wrong(f"`{self.value('not-run')}` is no reason")


def blocks_of(path, text):
    found, start = [], None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if fence and start is None:
            start, info, indent, lines = number, fence[2], len(fence[1]), []
        elif fence:
            found.append(Block(path, start, info, "\n".join(lines) + "\n"))
            start = None
        elif start is not None:
            lines.append(line[indent:] if line[:indent].isspace() else line)
    if start is not None:
        raise Wrong(f"{path}:{start}: a block has no end")
    return found


def same(wanted, printed):
    """Whether that was printed which the page has; "..." stands for any text. Columns may be of another width."""
    wanted, printed = (re.sub(r"  +", "  ", text) for text in (wanted, printed))
    pattern = ""
    for line in wanted.rstrip("\n").split("\n"):
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n"
    return re.fullmatch(pattern, printed.rstrip("\n") + "\n") is not None


def compare(wanted, printed):
    if not same(wanted, printed):
        raise Wrong(f"it prints\n{printed.rstrip()}\nand the page has\n{wanted.rstrip()}")


class Installed:
    """What a user has: the build, installed into a folder."""

    def __init__(self, source, build, scratch):
        self.source, self.build, self.root = source, build, os.path.join(scratch, "root")
        self.cmake = os.environ.get("CMAKE", "cmake")
        done = subprocess.run([self.cmake, "--install", build, "--prefix", self.root], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout)
        found = [folder for folder, _, files in os.walk(self.root) if "mytosis.pc" in files]
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("MYTOSIS")}
        self.env.update(PKG_CONFIG_PATH=":".join(filter(None, [found[0], os.environ.get("PKG_CONFIG_PATH")])),
                        LD_LIBRARY_PATH=os.path.dirname(found[0]), LC_ALL="C", SOURCE=source, NO_COLOR="1",
                        PATH=os.path.join(self.root, "bin") + ":" + os.environ["PATH"])

    def run(self, words, folder, **env):
        done = subprocess.run(words, cwd=folder, env={**self.env, "HOME": folder, **env}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
        return done.returncode, done.stdout

    def must(self, words, folder, **env):
        code, printed = self.run(words, folder, **env)
        if code:
            raise Wrong(f"{shlex.join(words)}\nends with {code}:\n{printed.rstrip()}")
        return printed

    def flags(self, code, *which):
        """What pkg-config says for a piece of C; of a part of a program, or a plugin, only how it is compiled."""
        package = "mytosis"
        for name in ("conformance", "sim"):
            if f"mytosis/{name}.h" in code:
                package = f"mytosis-{name}"
        return self.must(["pkg-config", *(which or ("--cflags", "--libs")), package], self.source).split()


def free_port():
    """Of those that no system gives to who asks for any: nobody is given it before it is used here."""
    while True:
        port = random.randrange(20000, 32768)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def has_ended(pid):
    """Whether it is only there because nobody has asked how it ended: not everywhere does a first process do that."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


class Page:
    """The blocks of a page, in order; each has a folder, its own or that of the one before."""

    def __init__(self, installed, path, blocks, scratch):
        self.installed, self.path, self.blocks = installed, path, blocks
        self.scratch, self.folder, self.ports, self.said = scratch, None, [], None
        self.failures, self.count = [], 0

    def check(self):
        for block in self.blocks:
            try:
                block.classified()
                getattr(self, block.kind)(block)
            except (Wrong, OSError, subprocess.TimeoutExpired, UnicodeError) as error:
                self.failures.append(f"{block.path}:{block.line}: {error}")
        self.end()
        return self

    # ---- Folders and daemons ----

    def made(self):
        self.count += 1
        folder = os.path.join(self.scratch, str(self.count))
        os.makedirs(folder)
        return folder

    @contextlib.contextmanager
    def aside(self):
        """A folder of its own, that nothing goes on in."""
        before, self.folder = self.folder, self.made()
        try:
            yield
        finally:
            self.folder = before

    def begin(self):
        self.end()
        self.folder = self.made()
        self.ports = [(str(7117 + at), str(free_port())) for at in range(3)]

    def end(self):
        """Ends the daemons of the folder, each of which has to."""
        path = os.path.join(self.folder or "", ".daemons")
        if not self.folder or not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            pids = [int(line) for line in file]
        os.remove(path)
        for pid in pids:
            self.stop(pid)

    def stop(self, pid):
        deadline = time.monotonic() + 10
        number = signal.SIGTERM
        while True:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            if has_ended(pid):
                return
            number = 0
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                self.failures.append(f"{self.path}: a daemon does not end")
                return
            time.sleep(0.02)

    def prepare(self, block):
        if not block.has("goes-on") or not self.folder:
            self.begin()
        for value in block.words.get("with", []):
            name, _, here = value.partition(":")
            for root in (self.installed.source, self.installed.build):
                if os.path.exists(os.path.join(root, name)):
                    shutil.copy(os.path.join(root, name), os.path.join(self.folder, here))
                    break
            else:
                raise Wrong(f"{name} is not there")
        env = {"PORT": self.ports[1][1]}
        if block.has("store"):
            self.installed.must(["mytosis", "init", block.value("store")], self.folder)
            env["MYTOSIS_STORE"] = block.value("store")
        if block.has("graphs"):
            self.graphs()
        return env

    def graphs(self):
        """Three small graphs, two of which differ."""
        self.write("empty.json", "{}")
        self.write("one.json", '{"ada": {"name": "Ada", "born": 1815}, "mary": {"name": "Mary"}}')
        self.write("two.json", '{"ada": {"name": "Ada King"}, "charles": {"born": 1791}}')
        for base, patch, name in (("empty.json", "one.json", "packages.json"), ("empty.json", "one.json", "laptop.mtg"),
                                  ("laptop.mtg", "two.json", "phone.mtg")):
            self.installed.must(["mytosis", "graph", "patch", base, patch, "-o", name], self.folder)
        for name in ("empty.json", "one.json", "two.json"):
            os.remove(os.path.join(self.folder, name))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def swapped(self, text, back=False):
        """Ports that the page names, for some that are free; and back."""
        for shown, free in self.ports:
            text = text.replace(":" + (free if back else shown), ":" + (shown if back else free))
        return text

    # ---- Kinds of blocks ----

    def text(self, block):
        if not block.has("printed"):
            return
        if self.said is None:
            raise Wrong("there is nothing before it that prints")
        compare(block.code, self.said)

    def json(self, block):
        try:
            value = json.loads(block.code)
        except ValueError as error:
            raise Wrong(str(error)) from error
        if isinstance(value, dict) and any(isinstance(node, dict) and "uid" in node.get("@object", {})
                                           for node in value.values()):
            with self.aside():
                self.write("shown.json", block.code)
                self.installed.must(["mytosis", "graph", "show", "shown.json"], self.folder)
        self.text(block)

    def ini(self, block):
        with self.aside():
            self.write("shown.conf", block.code)
            self.installed.must(["mytosis", "serve", "--config", "shown.conf", "--check-config"], self.folder)

    def cmake(self, block):
        cmake, found = self.installed.cmake, f"-DCMAKE_PREFIX_PATH={self.installed.root}"
        begun = "cmake_minimum_required(VERSION 3.25)\nproject(app C)\nadd_executable(app app.c)\n"
        with self.aside():
            self.write("app.c", "#include <mytosis/mytosis.h>\nint main(void) { return 0; }\n")
            self.write("CMakeLists.txt", begun + block.code)
            self.installed.must([cmake, "-S", ".", "-B", "build", found], self.folder)
            self.installed.must([cmake, "--build", "build"], self.folder)

    def c(self, block):
        self.program(block, os.environ.get("CC") or "cc", C_FLAGS, "c")

    def cpp(self, block):
        self.program(block, os.environ.get("CXX") or "c++", CPP_FLAGS, "cpp")

    def program(self, block, compiler, flags, ending):
        code = self.shown(block) if block.has("in") else block.code
        compile_it = [compiler, *flags]
        named = None if block.has("in") else re.match(r"/\* ([\w]+\.c) \*/\n", code)
        if named:
            return self.kept(named[1], code, compile_it)
        name = f"shown.{ending}"
        with self.aside():
            if "int main(" in code:
                self.write(name, code)
                self.installed.must([*compile_it, name, *self.installed.flags(code), "-o", "shown"], self.folder)
                self.said = self.installed.must(["./shown"], self.folder)
            else:
                names = os.path.join(self.installed.source, "tests/build/blocks_names.h")
                self.write(name, f'#include "{names}"\nvoid shown(void);\nvoid shown(void)\n{{\n{code}}}\n')
                how = ["-fsyntax-only", *self.installed.flags(code, "--cflags")]
                self.installed.must([*compile_it, *how, name], self.folder)
        return None

    def kept(self, name, code, compile_it):
        """A file that stays in the folder: a program, or else a plugin, which shell code that follows uses."""
        if not self.folder or not os.path.exists(os.path.join(self.folder, ".kept")):
            self.begin()
        self.write(".kept", "")
        self.write(name, code)
        if "int main(" in code:
            how = self.installed.flags(code)
        else:
            how = ["-shared", "-fPIC", *self.installed.flags(code, "--cflags")]
        self.installed.must([*compile_it, name, *how, "-o", f"{name}.out"], self.folder)

    def shown(self, block):
        with open(os.path.join(self.installed.source, block.value("in")), encoding="utf-8") as file:
            whole = file.read()
        stripped = [re.sub(r"^ +", "", text, flags=re.MULTILINE) for text in (block.code, whole)]
        if stripped[0] not in stripped[1]:
            raise Wrong(f"it is not in {block.value('in')}")
        return whole

    def lines_of(self, block):
        lines = block.code.splitlines()
        if block.has("remarks"):
            column = int(block.value("remarks") or 0)
            lines = [re.sub(r"   +\S.*$", "", line) for line in lines]
            lines = [line[:column] if column and line[column - 1:column] == " " else line for line in lines]
        # A daemon is in the background anyway, and the block goes on once it is ready.
        return [re.sub(r"^(mytosis (?:serve|share) .*) &$", r"\1", line) for line in lines]

    def sh(self, block):
        script = "\n".join(self.lines_of(block)) + "\n"
        if block.has("by"):
            return self.elsewhere(block, script)
        env = self.prepare(block)
        if block.has("not-run"):
            self.write("shown.sh", script)
            return self.installed.must(["bash", "-n", "shown.sh"], self.folder)
        self.said = self.shell(script, env, 0)
        return None

    def elsewhere(self, block, script):
        with open(os.path.join(self.installed.source, block.value("by")), encoding="utf-8") as file:
            test = file.read()
        lacking = [word for word in re.findall(r"(?<!\S)-[\w-]+", script) if word not in test]
        if lacking:
            raise Wrong(f"{block.value('by')} has no {', '.join(lacking)}")

    def shell(self, script, env, expected):
        self.write(".script", self.swapped(script))
        prelude = os.path.join(self.installed.source, "tests/build/blocks_shell.sh")
        # A file, since a daemon that goes on would hold a pipe open.
        with open(os.path.join(self.folder, ".printed"), "w+", encoding="utf-8") as out:
            code = subprocess.run(["bash", "-c", f". {shlex.quote(prelude)}; . ./.script"], cwd=self.folder,
                                  env={**self.installed.env, "HOME": self.folder, **env}, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=subprocess.STDOUT, timeout=SECONDS, check=False).returncode
            out.seek(0)
            printed = self.swapped(out.read(), back=True)
        if expected is not None and code != expected:
            raise Wrong(f"it ends with {code}:\n{printed.rstrip()}")
        return printed

    def console(self, block):
        """Commands, and what each prints, which may be an error."""
        env = self.prepare(block)
        steps = []
        for line in self.lines_of(block):
            if line.startswith("$ "):
                steps.append(([line[2:]], []))
            elif line.startswith("> ") and steps and not steps[-1][1]:
                steps[-1][0].append(line[2:])
            elif steps:
                steps[-1][1].append(line)
            else:
                raise Wrong("it does not begin with a command")
        mark = "--- blocks.py ---"
        script = "set +e\n" + "".join("\n".join(command) + f"\nset +e; echo '{mark}'\n" for command, _ in steps)
        parts = self.shell(script, env, None).split(mark + "\n")
        if len(parts) != len(steps) + 1:
            raise Wrong(f"it ends early, behind `{steps[len(parts) - 1][0][0]}`:\n{parts[-1]}")
        for (command, wanted), printed in zip(steps, parts):
            if wanted or printed.strip():
                try:
                    compare("\n".join(wanted), printed)
                except Wrong as error:
                    raise Wrong(f"`{command[0]}`: {error}") from error
        self.said = None


# Blocks that must be found wrong: what this looks for, it finds.
WRONG = [
    ("", "x"), ("text in=README.md", "x"), ("perl", "print 1"), ("c", "int main(void) { return 1; }"),
    ("c", "int main(void) { return x; }"), ("c", "mt_graph_get(graph);"), ("c in=examples/hooks.c", "int none;"),
    ("cpp", "int main() { return x; }"), ("sh", "false"), ("sh", "mytosis read ada --store none.mdb"),
    ("sh", "make no-such-target"), ("sh not-run=time", "if"), ("sh not-run=mood", "true"),
    ("sh by=tests/build/dist.sh", "cc --never-heard-of"), ("console", "$ echo 1\n2"), ("console", "$ true\n2"),
    ("console", "$ echo 1"), ("json", "{"), ("json", '{"a":{"@object":{"uid":"a"},"b":1}}'), ("json printed", "{}"),
    ("ini", "listen: nowhere"), ("cmake", "find_package(mytosis 99 REQUIRED)"),
]


def self_test(installed, scratch):
    failures = []
    for at, (info, code) in enumerate(WRONG):
        page = Page(installed, "wrong", [Block("wrong", at, info, code + "\n")], os.path.join(scratch, f"wrong-{at}"))
        if not page.check().failures:
            failures.append(f"blocks.py: ```{info} is taken: {code}")
    return failures


def main():
    source, build = map(os.path.abspath, sys.argv[1:3])
    pages = sys.argv[3:] or ["README.md", "CONTRIBUTING.md"] + sorted(
        "docs/" + name for name in os.listdir(os.path.join(source, "docs")) if name.endswith(".md"))
    failures, count = [], 0
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(2) as pool:
        installed = Installed(source, build, scratch)
        jobs = [pool.submit(self_test, installed, scratch)] if len(sys.argv) == 3 else []
        for path in pages:
            with open(os.path.join(source, path), encoding="utf-8") as file:
                blocks = blocks_of(path, file.read())
            count += len(blocks)
            page = Page(installed, path, blocks, os.path.join(scratch, path.replace("/", "-")))
            jobs.append(pool.submit(lambda page=page: page.check().failures))
        for job in jobs:
            failures += job.result()
    print("\n\n".join(failures))
    print(f"{count} blocks on {len(pages)} pages, {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
