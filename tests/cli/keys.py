"""The keys of a device: shown, protected, exported and imported; and what is refused."""
import base64
import hashlib
import os
import pty
import resource
import select
import signal
import stat
import sys
import termios
import time

sys.dont_write_bytecode = True
from support.command import DIFFERENT, DONE, INPUT, PROGRAM, SYSTEM, USAGE, CommandTest, environment, unittest

DEVICE, ROOT, RECOVERY = 1, 2, 3
NAMES = {DEVICE: "device", ROOT: "root", RECOVERY: "recovery"}

# The public keys of the seeds of 32 bytes 01, 02, 03 and 04.
PUBLIC = [None] + [bytes.fromhex(text) for text in (
    "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
    "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
    "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1",
    "ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c",
)]

OTHER = 4

SESAME = "open sesame"
WRONG = "the passphrase is not the one that it is sealed with"
NO_TERMINAL = ("a passphrase is needed, and there is no terminal to ask for it: set MYTOSIS_PASSPHRASE_FILE to the name "
               "of a file, or MYTOSIS_PASSPHRASE")
NO_KEY = ("there is no device key in s.mdb-keys; mytosis share and mytosis join make one, and mytosis keys import brings "
          "one back")


def line(content):
    content += hashlib.blake2b(content, digest_size=32).digest()[:4]
    return b"mtk1:" + base64.urlsafe_b64encode(content).rstrip(b"=")


def plain(kind, seed=None):
    seed = seed or kind
    return line(bytes([kind, 0]) + PUBLIC[seed] + bytes([seed]) * 32) + b"\n"


class KeyTest(CommandTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("s.mdb-keys"), 0o700)

    def run_command(self, *arguments, passphrase=None, env=None, **more):
        """Without a terminal, whoever runs the tests."""
        given = {"MYTOSIS_PASSPHRASE": passphrase} if passphrase is not None else {}
        more.setdefault("start_new_session", True)
        return super().run_command(*arguments, env=env or environment(MYTOSIS_STORE="s.mdb", **given), **more)

    def put(self, kind, content=None, mode=0o600):
        name = f"s.mdb-keys/{NAMES[kind]}.key"
        self.write(name, plain(kind) if content is None else content)
        os.chmod(self.path(name), mode)
        return name

    def put_all(self):
        return [self.put(kind) for kind in NAMES]

    def mode(self, name):
        return stat.S_IMODE(os.lstat(self.path(name)).st_mode)

    def files(self):
        return {name: self.read(f"s.mdb-keys/{name}") for name in sorted(os.listdir(self.path("s.mdb-keys")))}

    def away(self):
        """The keys are lost. Answers what they were."""
        files = self.files()
        for name in files:
            os.unlink(self.path(f"s.mdb-keys/{name}"))
        return files

    def shown(self, **sealed):
        """What is printed of the keys that are here: with a passphrase or without."""
        lines = []
        for kind, name in NAMES.items():
            start = f"{name:<8}  "
            if name in sealed:
                about = "with a passphrase" if sealed[name] else "no passphrase"
                width = 17 if any(sealed.values()) else 13
                start += f"{PUBLIC[kind].hex()}  {about:<{width}}  s.mdb-keys/{name}.key"
            else:
                start += "not on this device"
            lines.append(start)
        return "\n".join(lines) + "\n"

    def expect_shown(self, *words, passphrase=None, **sealed):
        self.assertEqual(self.expect(DONE, "keys", *words, passphrase=passphrase).decode(), self.shown(**sealed))


class Show(KeyTest):
    def test_keys_that_are_there(self):
        self.put(DEVICE)
        self.expect_shown("show", device=False)
        self.put_all()
        self.expect_shown("show", device=False, root=False, recovery=False)
        self.expect_shown("protect", passphrase=SESAME, device=True, root=True, recovery=True)
        self.expect_shown("show", device=True, root=True, recovery=True)

    def test_for_a_program(self):
        self.put(DEVICE)
        shown = {"key": PUBLIC[DEVICE].hex(), "file": "s.mdb-keys/device.key", "passphrase": False}
        self.assertEqual(self.result("keys", "show", "--json"), {"device": shown, "root": None, "recovery": None})
        self.put_all()
        self.expect(DONE, "keys", "protect", passphrase=SESAME)
        shown = self.result("keys", "show", "--json")
        self.assertEqual({name: key["key"] for name, key in shown.items()},
                         {name: PUBLIC[kind].hex() for kind, name in NAMES.items()})
        self.assertTrue(all(key["passphrase"] for key in shown.values()))

    def test_no_secret_is_printed(self):
        self.put_all()
        for words in ([], ["--json"]):
            out = self.expect(DONE, "keys", "show", *words)
            for kind in NAMES:
                self.assertNotIn(bytes([kind]).hex() * 32, out.decode())

    def test_none(self):
        for words in (["show"], ["show", "--json"], ["protect"], ["export", "f"]):
            self.refused(DIFFERENT, NO_KEY, "keys", *words, passphrase=SESAME)
        os.rmdir(self.path("s.mdb-keys"))
        for words in (["show"], ["show", "--json"], ["protect"], ["export", "f"]):
            self.refused(DIFFERENT, NO_KEY, "keys", *words, passphrase=SESAME)
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_store_is_named(self):
        for words in (["show"], ["protect"], ["export", "f"], ["import", "f"]):
            self.refused(USAGE, "no store is named: --store PATH does, or MYTOSIS_STORE in the environment",
                         "keys", *words, env=environment())

    def test_files_of_others_are_none_of_ours(self):
        self.put(DEVICE)
        self.write("s.mdb-keys/space", "x")
        os.mkdir(self.path("s.mdb-keys/tickets"))
        self.expect_shown("show", device=False)
        self.expect_shown("protect", passphrase=SESAME, device=True)
        self.assertEqual(self.read("s.mdb-keys/space"), b"x")


class Files(KeyTest):
    def test_what_others_may_use_is_refused(self):
        name = self.put(DEVICE)
        for mode in (0o640, 0o620, 0o604, 0o602, 0o666):
            os.chmod(self.path(name), mode)
            self.refused(INPUT, f"{name}: others than its owner may use it: chmod 600 {name}", "keys", "show")
        os.chmod(self.path(name), 0o400)
        self.expect_shown("show", device=False)
        for mode in (0o750, 0o720, 0o705, 0o777):
            os.chmod(self.path("s.mdb-keys"), mode)
            for words in (["show"], ["protect"], ["export", "f"]):
                self.refused(INPUT, "s.mdb-keys: others than its owner may enter it: chmod 700 s.mdb-keys",
                             "keys", *words, passphrase=SESAME)

    def test_what_is_no_regular_file_is_refused(self):
        name = self.put(DEVICE)
        os.rename(self.path(name), self.path("elsewhere"))
        os.symlink("../elsewhere", self.path(name))
        self.refused(INPUT, f"{name} is not a regular file", "keys", "show")
        os.unlink(self.path(name))
        os.mkdir(self.path(name), 0o700)
        self.refused(INPUT, f"{name} is not a regular file", "keys", "show")
        os.rmdir(self.path(name))
        os.mkfifo(self.path(name), 0o600)
        self.refused(INPUT, f"{name} is not a regular file", "keys", "show")

    def test_a_folder_that_is_none_is_refused(self):
        self.put(DEVICE)
        os.rename(self.path("s.mdb-keys"), self.path("elsewhere"))
        os.symlink("elsewhere", self.path("s.mdb-keys"))
        self.refused(INPUT, "s.mdb-keys is not a folder", "keys", "show")
        os.unlink(self.path("s.mdb-keys"))
        self.write("s.mdb-keys", "x")
        self.refused(INPUT, "s.mdb-keys is not a folder", "keys", "show")

    def test_every_changed_byte_is_refused(self):
        whole = plain(DEVICE)
        for i in range(len(whole)):
            name = self.put(DEVICE, whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1:])
            done = self.run_command("keys", "show")
            self.assertEqual((done.returncode, done.stdout), (INPUT, b""), i)
            self.assertTrue(done.stderr.startswith(f"mytosis: {name}: ".encode()), i)

    def test_every_cut_is_refused(self):
        whole = plain(DEVICE)
        for i in range(len(whole)):
            name = self.put(DEVICE, whole[:i])
            self.refused(INPUT, f"{name}: not one whole line", "keys", "show")

    def test_anything_more_is_refused(self):
        for more in (b"\n", b"x\n", b"x" * 1000 + b"\n", plain(ROOT)):
            self.put(DEVICE, plain(DEVICE) + more)
            self.assertEqual(self.run_command("keys", "show").returncode, INPUT)

    def test_reasons(self):
        content = bytes([DEVICE, 0]) + PUBLIC[DEVICE]
        for text, reason in (
            (plain(ROOT), "it is a root key"),
            (line(content + bytes([OTHER]) * 32) + b"\n", "the public key is not that of the secret one"),
            (b"mt1:AAAA\n", 'no key: it does not begin with "mtk1:"'),
            (b"mtk7:AAAA\n", "a key of version 7, this build knows 1"),
            (plain(DEVICE).replace(b"A", b"B", 1), "its checksum is wrong: a character was changed or is missing"),
            (line(bytes([DEVICE, 1]) + PUBLIC[DEVICE] + bytes(16) + bytes([3, 0, 0, 0, 1, 0, 16, 0]) + bytes(48))
             + b"\n",
             "its passphrase takes 1048577 KiB of memory, not 8 to 1048576"),
        ):
            name = self.put(DEVICE, text)
            self.refused(INPUT, f"{name}: {reason}", "keys", "show")


class Protect(KeyTest):
    def test_there_and_back(self):
        self.put_all()
        before = self.files()
        self.expect_shown("protect", passphrase=SESAME, device=True, root=True, recovery=True)
        sealed = self.files()
        self.assertEqual(set(sealed), set(before))
        for kind, name in NAMES.items():
            self.assertEqual(self.mode(f"s.mdb-keys/{name}.key"), 0o600)
            self.assertNotIn(base64.urlsafe_b64encode(bytes([kind]) * 24), sealed[f"{name}.key"])
        self.expect_shown("protect", passphrase=SESAME, device=True, root=True, recovery=True)
        for name, content in self.files().items():
            self.assertNotEqual(content, sealed[name], "a salt was used twice")
        self.expect_shown("protect", "--off", passphrase=SESAME, device=False, root=False, recovery=False)
        self.assertEqual(self.files(), before)
        self.expect_shown("protect", "--off", device=False, root=False, recovery=False)

    def test_a_wrong_passphrase_changes_nothing(self):
        self.put_all()
        self.expect(DONE, "keys", "protect", passphrase=SESAME)
        before = self.files()
        for words in (["protect"], ["protect", "--off"], ["export", "f"]):
            self.refused(INPUT, f"s.mdb-keys/device.key: {WRONG}", "keys", *words, passphrase="sesame")
            self.refused(INPUT, NO_TERMINAL, "keys", *words)
            self.refused(INPUT, NO_TERMINAL, "keys", *words, passphrase="")
        self.assertEqual(self.files(), before)
        self.assertFalse(os.path.exists(self.path("f")))

    def test_a_passphrase_in_a_file(self):
        self.put(DEVICE)
        self.write("word", SESAME + "\nand more\n")
        self.write("empty", "\nopen sesame\n")
        self.write("long", "x" * 1024)
        self.write("longest", "x" * 1023)

        def env(name, **more):
            return environment(MYTOSIS_STORE="s.mdb", MYTOSIS_PASSPHRASE_FILE=name, **more)

        # The file comes first.
        self.expect(DONE, "keys", "protect", env=env("word", MYTOSIS_PASSPHRASE="another"))
        self.refused(INPUT, "cannot read none: No such file or directory", "keys", "protect", env=env("none"))
        self.refused(INPUT, "cannot read .: Is a directory", "keys", "protect", env=env("."))
        self.refused(INPUT, "empty: its first line is empty, and no passphrase", "keys", "protect", env=env("empty"))
        self.refused(INPUT, "long: a passphrase has at most 1023 bytes", "keys", "protect", env=env("long"))
        self.refused(INPUT, f"s.mdb-keys/device.key: {WRONG}", "keys", "protect", env=env("longest"))
        self.refused(INPUT, "MYTOSIS_PASSPHRASE: a passphrase has at most 1023 bytes", "keys", "protect",
                     passphrase="x" * 1024)
        self.expect_shown("protect", "--off", passphrase=SESAME, device=False)
        self.expect(DONE, "keys", "protect", env=env("longest"))
        self.expect_shown("protect", "--off", passphrase="x" * 1023, device=False)

    def test_what_cannot_be_written_stays_as_it_is(self):
        self.put_all()
        before = self.files()

        def no_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.refused(SYSTEM, "cannot write s.mdb-keys/device.key: File too large", "keys", "protect", passphrase=SESAME,
                     preexec_fn=no_room)
        self.refused(SYSTEM, "cannot write f: File too large", "keys", "export", "f", passphrase=SESAME,
                     preexec_fn=no_room)
        self.assertEqual(self.files(), before)
        self.assertFalse(os.path.exists(self.path("f")))

    def test_a_folder_that_is_read_only(self):
        self.put_all()
        before = self.files()
        user = {}
        if os.geteuid() == 0:
            for name in [".", "s.mdb-keys", *(f"s.mdb-keys/{name}" for name in before)]:
                os.chown(self.path(name), 65534, 65534)
            user = {"user": 65534, "group": 65534, "extra_groups": []}
        self.addCleanup(os.chmod, self.path("s.mdb-keys"), 0o700)
        os.chmod(self.path("s.mdb-keys"), 0o500)
        try:
            self.run_command("--version", **user)
        except PermissionError:
            self.skipTest("the program is out of reach of other users")
        self.refused(SYSTEM, "cannot write s.mdb-keys/device.key: Permission denied", "keys", "protect",
                     passphrase=SESAME, **user)
        self.assertEqual(self.expect(DONE, "keys", "show", **user).decode(),
                         self.shown(device=False, root=False, recovery=False))
        self.assertEqual(self.files(), before)
        os.chmod(self.path("s.mdb-keys"), 0o000)
        self.refused(INPUT, "cannot read s.mdb-keys: Permission denied", "keys", "show", **user)


class Backup(KeyTest):
    def export(self, *words, name="f", passphrase=SESAME):
        self.expect(DONE, "keys", "export", name, *words, passphrase=passphrase)
        return self.read(name)

    def test_there_and_back(self):
        self.put_all()
        out = self.expect(DONE, "keys", "export", "f", "--all", passphrase=SESAME)
        self.assertEqual(out, b"device, root, recovery keys written to f\n")
        self.assertEqual(self.mode("f"), 0o600)
        before = self.away()
        os.rmdir(self.path("s.mdb-keys"))
        self.expect_shown("import", "f", passphrase=SESAME, device=True, root=True, recovery=True)
        self.assertEqual((self.mode("s.mdb-keys"), self.mode("s.mdb-keys/device.key")), (0o700, 0o600))
        imported = self.files()
        self.expect_shown("import", "f", passphrase=SESAME, device=True, root=True, recovery=True)
        self.assertEqual(self.files(), imported)
        self.expect(DONE, "keys", "protect", "--off", passphrase=SESAME)
        self.assertEqual(self.files(), before)

    def test_the_device_alone(self):
        self.put_all()
        out = self.expect(DONE, "keys", "export", "f", passphrase=SESAME)
        self.assertEqual(out, b"device key written to f\n")
        before = self.away()
        self.expect_shown("import", "f", passphrase=SESAME, device=True)
        self.put(ROOT)
        self.expect_shown("import", "f", passphrase=SESAME, device=True, root=False)
        self.expect(DONE, "keys", "protect", "--off", passphrase=SESAME)
        self.assertEqual(self.read("s.mdb-keys/device.key"), before["device.key"])

    def test_it_is_always_sealed(self):
        self.put_all()
        self.refused(INPUT, NO_TERMINAL, "keys", "export", "f")
        self.refused(INPUT, NO_TERMINAL, "keys", "export", "f", passphrase="")
        self.assertFalse(os.path.exists(self.path("f")))
        text = self.export("--all")
        for kind in NAMES:
            for shift in range(3):
                self.assertNotIn(base64.urlsafe_b64encode(bytes([kind]) * (24 + shift)), text)

    def test_nothing_is_overwritten(self):
        self.put(DEVICE)
        self.write("f", "mine")
        os.symlink("nowhere", self.path("link"))
        for name in ("f", "link", "."):
            self.refused(INPUT, f"{name} exists; it is left as it is", "keys", "export", name, passphrase=SESAME)
        self.assertEqual(self.read("f"), b"mine")
        self.assertFalse(os.path.exists(self.path("nowhere")))
        self.refused(SYSTEM, "cannot write no/f: No such file or directory", "keys", "export", "no/f",
                     passphrase=SESAME)
        for verb in ("export", "import"):
            self.refused(USAGE, f'FILE is a file, not "-"; see mytosis keys {verb} --help', "keys", verb, "-")

    def test_every_changed_byte_and_every_cut_is_refused(self):
        self.put(DEVICE)
        self.put(ROOT)
        whole = self.export("--all")
        self.away()
        for i in range(len(whole)):
            for changed in (whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1:], whole[:i]):
                self.write("f", changed)
                done = self.run_command("keys", "import", "f", passphrase=SESAME)
                self.assertEqual((done.returncode, done.stdout), (INPUT, b""), changed)
                self.assertTrue(done.stderr.startswith(b"mytosis: f:"), changed)
        self.assertEqual(self.files(), {})

    def test_reasons(self):
        self.put_all()
        whole = self.export("--all")
        device, root, recovery, end = whole.splitlines(True)
        self.away()
        for text, reason in (
            (b"", "1: the end of the file is missing"),
            (device, "2: the end of the file is missing"),
            (whole[:-1], '4: expected "end": there are no more kinds of keys'),
            (device + end[:-1], "2: the end of the file is missing"),
            (end, "1: there is no key"),
            (whole + b"\n", "4: something follows the end"),
            (root + end, "1: the first key is not that of a device"),
            (device + recovery + root + end, "3: the keys are not in their order"),
            (device + device + end, "2: the keys are not in their order"),
            (device + root + recovery + device + end, '4: expected "end": there are no more kinds of keys'),
            (plain(DEVICE) + end, "1: the key has no passphrase"),
            (b"\n" + whole, '1: no key: it does not begin with "mtk1:"'),
            (whole.replace(b"\n", b"\r\n"), "1: it is longer than any key"),
            (b"x" * 10000, "1: the end of the file is missing"),
        ):
            self.write("f", text)
            self.refused(INPUT, f"f:{reason}", "keys", "import", "f", passphrase=SESAME)
        self.refused(INPUT, "cannot read none: No such file or directory", "keys", "import", "none")
        self.refused(INPUT, "cannot read .: Is a directory", "keys", "import", ".")
        self.assertEqual(self.files(), {})

    def test_a_wrong_passphrase_imports_nothing(self):
        self.put_all()
        self.export("--all")
        self.away()
        self.refused(INPUT, f"f: {WRONG}", "keys", "import", "f", passphrase="sesame")
        self.refused(INPUT, NO_TERMINAL, "keys", "import", "f")
        self.assertEqual(self.files(), {})

    def test_another_key_is_left_as_it_is(self):
        self.put_all()
        self.export("--all")
        self.away()
        other = plain(ROOT, OTHER)
        self.put(ROOT, other)
        self.refused(INPUT, "s.mdb-keys/root.key is another key than that in f; it is left as it is",
                     "keys", "import", "f", passphrase=SESAME)
        self.assertEqual(self.files(), {"root.key": other})
        self.put(ROOT, b"broken\n")
        self.refused(INPUT, 's.mdb-keys/root.key: no key: it does not begin with "mtk1:"', "keys", "import", "f",
                     passphrase=SESAME)
        self.assertEqual(self.files(), {"root.key": b"broken\n"})

    def test_keys_of_one_folder_have_one_passphrase(self):
        self.put_all()
        self.export("--all")
        self.away()
        self.put(DEVICE)
        self.expect(DONE, "keys", "protect", passphrase="another")
        before = self.files()
        self.refused(INPUT, "s.mdb-keys/device.key does not open with the passphrase of f; mytosis keys protect gives it "
                     "another", "keys", "import", "f", passphrase=SESAME)
        self.assertEqual(self.files(), before)
        # Where there is nothing to bring back, it does not matter.
        os.unlink(self.path("f"))
        self.put(DEVICE)
        self.export()
        self.expect(DONE, "keys", "protect", passphrase="another")
        self.expect_shown("import", "f", passphrase=SESAME, device=True)

    def test_a_sealed_key_is_sealed_anew(self):
        self.put(DEVICE)
        self.expect(DONE, "keys", "protect", passphrase=SESAME)
        text = self.export()
        self.assertNotEqual(text, self.read("s.mdb-keys/device.key") + b"end\n")
        self.expect_shown("import", "f", passphrase=SESAME, device=True)


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, test, *words):
        self.heard = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(test.folder)
            os.execve(PROGRAM, [PROGRAM, *words], environment(MYTOSIS_STORE="s.mdb"))
        test.addCleanup(os.close, self.fd)

    def hear(self):
        """False: it has ended, and said all."""
        ready, _, _ = select.select([self.fd], [], [], 30)
        assert ready, self.heard
        try:
            more = os.read(self.fd, 4096)
        except OSError:
            return False
        self.heard += more
        return bool(more)

    def wait_for(self, text):
        while text not in self.heard:
            assert self.hear(), self.heard
        _, self.heard = self.heard.split(text, 1)

    def answer(self, question, text):
        """Waits for the question, and until what is typed is not shown."""
        self.wait_for(question)
        while termios.tcgetattr(self.fd)[3] & termios.ECHO:
            time.sleep(0.001)
        os.write(self.fd, text)

    def end(self):
        """Its exit code, or minus the signal that ended it, and what it still had to say."""
        while self.hear():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.heard.replace(b"\r\n", b"\n").decode()


class Prompts(KeyTest):
    NEW = b"New passphrase for s.mdb-keys: "
    AGAIN = b"The same again, for s.mdb-keys: "
    OLD = b"Passphrase of s.mdb-keys: "

    def test_a_new_one_is_asked_for_twice_and_not_shown(self):
        self.put_all()
        terminal = Terminal(self, "keys", "protect", "--color=never")
        terminal.answer(self.NEW, b"open sesame\n")
        terminal.answer(self.AGAIN, b"open sesame\n")
        code, said = terminal.end()
        self.assertEqual((code, said), (DONE, "\n" + self.shown(device=True, root=True, recovery=True)))
        self.expect_shown("protect", "--off", passphrase=SESAME, device=False, root=False, recovery=False)

    def test_two_that_differ_and_an_empty_one(self):
        self.put(DEVICE)
        before = self.files()
        terminal = Terminal(self, "keys", "protect")
        terminal.answer(self.NEW, b"open sesame\n")
        terminal.answer(self.AGAIN, b"open sesam\n")
        self.assertEqual(terminal.end(), (INPUT, "\nmytosis: the two passphrases are not the same\n"))
        terminal = Terminal(self, "keys", "protect")
        terminal.answer(self.NEW, b"\n")
        self.assertEqual(terminal.end(), (INPUT, "\nmytosis: a passphrase is not empty\n"))
        terminal = Terminal(self, "keys", "protect")
        terminal.answer(self.NEW, b"\4")
        self.assertEqual(terminal.end(), (INPUT, "\nmytosis: a passphrase is not empty\n"))
        terminal = Terminal(self, "keys", "protect")
        terminal.answer(self.NEW, b"x" * 1024 + b"\n")
        self.assertEqual(terminal.end(), (INPUT, "\nmytosis: the terminal: a passphrase has at most 1023 bytes\n"))
        self.assertEqual(self.files(), before)

    def test_the_old_one_once_and_another(self):
        self.put_all()
        self.expect(DONE, "keys", "protect", passphrase=SESAME)
        terminal = Terminal(self, "keys", "protect", "--color=never")
        terminal.answer(self.OLD, b"open sesame\n")
        terminal.answer(self.NEW, b"another\n")
        terminal.answer(self.AGAIN, b"another\n")
        self.assertEqual(terminal.end()[0], DONE)
        self.refused(INPUT, f"s.mdb-keys/device.key: {WRONG}", "keys", "protect", passphrase=SESAME)
        self.expect_shown("protect", "--off", passphrase="another", device=False, root=False, recovery=False)

    def test_export_and_import(self):
        self.put(DEVICE)
        terminal = Terminal(self, "keys", "export", "f")
        terminal.answer(b"New passphrase for f: ", b"word\n")
        terminal.answer(b"The same again, for f: ", b"word\n")
        self.assertEqual(terminal.end(), (DONE, "\ndevice key written to f\n"))
        self.away()
        terminal = Terminal(self, "keys", "import", "f")
        terminal.answer(b"Passphrase of f: ", b"wrong\n")
        self.assertEqual(terminal.end(), (INPUT, f"\nmytosis: f: {WRONG}\n"))
        self.expect_shown("import", "f", passphrase="word", device=True)

    def test_a_signal_finds_the_terminal_as_it_was(self):
        self.put(DEVICE)
        for key, number in ((b"\3", signal.SIGINT), (b"\x1c", signal.SIGQUIT)):
            terminal = Terminal(self, "keys", "protect")
            terminal.wait_for(self.NEW)
            while termios.tcgetattr(terminal.fd)[3] & termios.ECHO:
                time.sleep(0.001)
            os.write(terminal.fd, key)
            _, status = os.waitpid(terminal.pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), -number)
            self.assertTrue(termios.tcgetattr(terminal.fd)[3] & termios.ECHO)

    def test_who_was_stopped_asks_again(self):
        self.put(DEVICE)
        terminal = Terminal(self, "keys", "protect", "--color=never")
        terminal.answer(self.NEW, b"half")
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.wait_for(b"\n")
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.answer(self.NEW, b"word\n")
        terminal.answer(self.AGAIN, b"word\n")
        self.assertEqual(terminal.end()[0], DONE)
        self.expect_shown("protect", "--off", passphrase="word", device=False)

    def test_a_name_cannot_steer_the_terminal(self):
        os.rename(self.path("s.mdb-keys"), self.path("\x1b[2J-keys"))
        self.write("\x1b[2J-keys/device.key", plain(DEVICE))
        os.chmod(self.path("\x1b[2J-keys/device.key"), 0o600)
        terminal = Terminal(self, "keys", "protect", "--store", "\x1b[2J", "--color=never")
        terminal.answer(b"New passphrase for \\x1b[2J-keys: ", b"\n")
        self.assertEqual(terminal.end()[0], INPUT)


if __name__ == "__main__":
    unittest.main()
