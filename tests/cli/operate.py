"""Backup, restore and compact: copies of a store, also of one in use, and whatever ends them."""
import fcntl
import json
import os
import resource
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from support.command import DIFFERENT, DONE, INPUT, PROGRAM, SYSTEM, USAGE, CommandTest, StoreTest, environment, graph, large, node, unittest
from support.daemon import Daemon

SMALL = graph(node("a", {"x": ("precious", 1), "to": ({"edge": "b"}, 1)}), node("b", {"gone": (..., 2)}, floor=1),
              node("wide", {f"f{i:03}": ("x" * 20, 1) for i in range(100)}))


def no_room(bytes_at_most):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))


def damage(content, text):
    assert text.encode() in content
    return content.replace(text.encode(), text.upper().encode())


class Backup(StoreTest):
    def test_a_copy_is_a_store_that_holds_the_same(self):
        self.import_graph(SMALL)
        said = self.expect(DONE, "backup", "b.mdb").decode()
        size = os.path.getsize(self.path("b.mdb"))
        self.assertEqual(said, f"backed up s.mdb to b.mdb: {size:,} bytes, up to change 3\n")
        self.assertEqual(self.expect(DONE, "export", "--store=b.mdb"), self.expect(DONE, "export"))
        self.assertEqual(self.expect(DONE, "log", "--json", "--store=b.mdb"), self.expect(DONE, "log", "--json"))
        self.assertEqual(self.result("doctor", "--json", "--store=b.mdb")["damaged"], 0)
        self.assertEqual(os.stat(self.path("b.mdb")).st_mode & 0o777, 0o600)

    def test_json(self):
        self.import_graph(SMALL)
        self.assertEqual(self.result("backup", "b.mdb", "--json"),
                         {"store": "s.mdb", "file": "b.mdb", "bytes": os.path.getsize(self.path("b.mdb")), "change": 3})

    def test_what_is_there_is_kept_but_for_force(self):
        self.write("b.mdb", "mine")
        self.refused(INPUT, "b.mdb exists; it is left as it is, but for --force", "backup", "b.mdb")
        self.assertEqual(self.read("b.mdb"), b"mine")
        self.expect(DONE, "backup", "b.mdb", "--force")
        self.assertEqual(self.expect(DONE, "ls", "--store=b.mdb"), b"")

    def test_words_that_make_no_sense(self):
        os.mkdir(self.path("folder"))
        os.symlink("s.mdb", self.path("link"))
        self.refused(USAGE, 'FILE is a file, not "-"; see mytosis backup --help', "backup", "-")
        self.refused(USAGE, "s.mdb is the store itself", "backup", "s.mdb", "--force")
        self.refused(USAGE, "link is the store itself", "backup", "link", "--force")
        self.refused(SYSTEM, "cannot write folder: Is a directory", "backup", "folder", "--force")
        self.refused(INPUT, "/dev/null is no regular file", "backup", "/dev/null", "--force")
        self.refused(SYSTEM, "cannot write no/such: No such file or directory", "backup", "no/such")
        self.refused(INPUT, "there is no store none; mytosis init makes one", "backup", "b.mdb", "--store=none")
        self.refused(INPUT, "folder is not the file of a store", "backup", "b.mdb", "--store=folder")
        self.write("text", "no store at all, and longer than the page of a store is" * 200)
        self.refused(INPUT, "text is not a store of LMDB", "backup", "b.mdb", "--store=text")
        self.assertFalse(os.path.exists(self.path("b.mdb")))

    def test_a_backup_of_a_store_whose_pages_are_damaged_is_none(self):
        self.import_graph(large(2000))
        content = bytearray(self.read("s.mdb"))
        page = content.rindex(b"user/000007") // 4096
        content[4096 * page + 16] ^= 0xFF
        self.write("s.mdb", bytes(content))
        done = self.run_command("backup", "b.mdb")
        self.assertEqual((done.returncode, done.stdout), (INPUT, b""))
        self.assertRegex(done.stderr.decode(), r"^mytosis: s\.mdb .*\n$")
        self.assertEqual(sorted(os.listdir(self.folder)), ["imported", "s.mdb", "s.mdb-lock"])

    def test_without_room_nothing_is_left(self):
        self.import_graph(large(2000))
        done = self.run_command("backup", "b.mdb", preexec_fn=no_room(50000))
        self.assertEqual(done.returncode, SYSTEM)
        self.assertRegex(done.stderr.decode(), r"^mytosis: s\.mdb cannot be copied: File too large\n$")
        self.assertEqual(sorted(os.listdir(self.folder)), ["imported", "s.mdb", "s.mdb-lock"])

    def test_a_store_in_a_place_that_nobody_may_write(self):
        self.import_graph(SMALL)
        os.unlink(self.path("s.mdb-lock"))
        self.expect(DONE, "backup", "b.mdb")
        self.assertEqual(sorted(os.listdir(self.folder)), ["b.mdb", "imported", "s.mdb"])

    def test_the_secrets_are_copied_only_when_they_are_asked_for(self):
        self.refused(DIFFERENT, "there are no keys in s.mdb-keys", "backup", "b.mdb", "--keys")
        daemon = Daemon(self, "notes/", "--write", "--listen=tcp://127.0.0.1:0", verb="share")
        self.expect(DONE, "backup", "plain.mdb")
        self.expect(DONE, "backup", "b.mdb", "--keys")
        self.assertEqual(daemon.stop(), DONE)
        self.assertFalse(os.path.exists(self.path("plain.mdb-keys")))
        self.assertEqual(sorted(os.listdir(self.path("b.mdb-keys"))), ["device.key", "recovery.key", "root.key", "space"])
        self.assertEqual(os.stat(self.path("b.mdb-keys")).st_mode & 0o777, 0o700)
        for name in os.listdir(self.path("b.mdb-keys")):
            self.assertEqual(os.stat(self.path("b.mdb-keys/" + name)).st_mode & 0o777, 0o600)
            self.assertEqual(self.read("b.mdb-keys/" + name), self.read("s.mdb-keys/" + name))
            self.assertNotIn(self.read("b.mdb-keys/" + name), self.read("plain.mdb"))
        self.write("b.mdb-keys/device.key", "another")
        os.unlink(self.path("b.mdb"))
        self.refused(INPUT, "b.mdb-keys/device.key is another; it is left as it is", "backup", "b.mdb", "--keys")
        self.expect(DONE, "backup", "b.mdb", "--keys", "--force")
        self.assertEqual(self.read("b.mdb-keys/device.key"), self.read("s.mdb-keys/device.key"))


class InUse(StoreTest):
    """A store that a daemon holds."""

    def test_each_backup_is_a_moment_between_two_commits(self):
        self.import_graph(large(3000))
        daemon = Daemon(self)
        writer = subprocess.Popen([PROGRAM, "watch"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  env=environment(MYTOSIS_STORE="s.mdb"))
        self.addCleanup(writer.kill)
        seen = []
        for i in range(12):
            for j in range(40):
                value = i * 40 + j + 1
                writer.stdin.write(json.dumps({"pair/a": {"n": value, "pad": "x" * 3000},
                                               "pair/b": {"n": value}}).encode() + b"\n")
            writer.stdin.flush()  # a pipe takes but half of it: the rest is written meanwhile
            self.expect(DONE, "backup", f"b{i}.mdb")
            self.assertEqual(self.result("doctor", "--json", f"--store=b{i}.mdb")["damaged"], 0)
            made = self.result("export", "pair/", f"--store=b{i}.mdb")
            self.assertEqual(made["pair/a"]["n"]["value"], made["pair/b"]["n"]["value"])
            seen.append(made["pair/a"]["n"]["value"])
        writer.communicate()
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(seen[-1], seen[0])
        self.assertEqual(self.expect(DONE, "read", "pair/b", "n", "--raw"), b"480\n")
        self.assertEqual(daemon.stop(), DONE)
        self.assertEqual(self.result("doctor", "--json")["damaged"], 0)

    def test_by_another_name_it_is_not_read(self):
        Daemon(self)
        os.symlink("s.mdb", self.path("link.mdb"))
        self.refused(SYSTEM, "link.mdb is held by another", "backup", "b.mdb", "--store=link.mdb")

    def test_what_needs_it_alone_says_who_has_it(self):
        self.expect(DONE, "backup", "b.mdb")
        daemon = Daemon(self)
        held = f"s.mdb is held by mytosis (pid {daemon.process.pid})"
        for verb, words in (("compact", ["compact"]), ("restore", ["restore", "b.mdb", "--force"])):
            self.refused(SYSTEM, f"{held}; {verb} needs the store to itself: end that first", *words)
        self.expect(DONE, "write", "a", "x=1")
        self.assertEqual(daemon.stop(), DONE)
        for words in (["compact"], ["restore", "b.mdb", "--force"]):
            self.expect(DONE, *words[:1], *words[1:], "--json")

    def test_while_a_backup_is_being_made_nothing_takes_its_place(self):
        self.import_graph(SMALL)
        self.expect(DONE, "backup", "b.mdb")
        before = self.read("s.mdb")
        with open(self.path("s.mdb-lock"), "rb") as table:
            fcntl.flock(table, fcntl.LOCK_SH)
            for words in (["compact"], ["restore", "b.mdb", "--force"]):
                self.refused(SYSTEM, "s.mdb: a backup is being made of it; try again", *words)
        self.assertEqual(self.read("s.mdb"), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["b.mdb", "imported", "s.mdb", "s.mdb-lock"])

    def test_while_it_is_replaced_no_backup_is_made(self):
        Daemon(self)
        with open(self.path("s.mdb-lock"), "rb") as table:
            fcntl.flock(table, fcntl.LOCK_EX)
            self.refused(SYSTEM, "s.mdb is being replaced", "backup", "b.mdb")

    def test_a_backup_that_is_killed_leaves_the_store_as_it_was(self):
        self.import_graph(large(3000))
        daemon = Daemon(self)
        for i in range(8):
            kill_after(self, i / 200, "backup", "--force", "b.mdb")
            self.expect(DONE, "write", "a", f"x:={i}")
        self.expect(DONE, "backup", "b.mdb", "--force")
        self.assertEqual(self.expect(DONE, "read", "a", "x", "--raw", "--store=b.mdb"), b"7\n")
        self.assertEqual(daemon.stop(), DONE)
        self.assertEqual(self.result("doctor", "--json")["damaged"], 0)


def kill_after(test, seconds, *words):
    """Starts the command and kills it unless it ends before; answers whether it was killed."""
    process = subprocess.Popen([PROGRAM, *words], cwd=test.folder, env=environment(MYTOSIS_STORE="s.mdb"),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


class Restore(StoreTest):
    def setUp(self):
        super().setUp()
        self.import_graph(SMALL)
        self.expect(DONE, "backup", "b.mdb")
        self.then = self.expect(DONE, "export")
        self.expect(DONE, "write", "a", "x=later")

    def test_to_where_nothing_is(self):
        said = self.expect(DONE, "restore", "b.mdb", "--store=new.mdb")
        self.assertEqual(said, b"restored new.mdb from b.mdb: 2 nodes, 102 fields\n")
        self.assertEqual(self.expect(DONE, "export", "--store=new.mdb"), self.then)
        self.assertEqual(os.stat(self.path("new.mdb")).st_mode & 0o777, 0o600)
        self.expect(DONE, "write", "a", "x=mine", "--store=new.mdb")

    def test_a_store_is_kept_under_another_name(self):
        self.refused(INPUT, "s.mdb exists; it is left as it is, but for --force", "restore", "b.mdb")
        later = self.expect(DONE, "export")
        for name in ("s.mdb.before-restore", "s.mdb.before-restore-2"):
            said = self.expect(DONE, "restore", "b.mdb", "--force").decode()
            self.assertEqual(said, f"restored s.mdb from b.mdb: 2 nodes, 102 fields; what was there is "
                                   f"{os.path.realpath(self.path(name))}\n")
        self.assertEqual(self.expect(DONE, "export"), self.then)
        self.assertEqual(self.expect(DONE, "export", "--store=s.mdb.before-restore"), later)
        self.assertEqual(self.expect(DONE, "export", "--store=s.mdb.before-restore-2"), self.then)

    def test_json(self):
        self.assertEqual(self.result("restore", "b.mdb", "--force", "--json"),
                         {"store": "s.mdb", "nodes": 2, "fields": 102,
                          "kept": os.path.realpath(self.path("s.mdb.before-restore"))})

    def test_a_damaged_backup_is_not_restored(self):
        before, content = self.read("s.mdb"), self.read("b.mdb")
        page = content.rindex(b"precious") // 4096
        torn = bytearray(content)
        torn[4096 * page + 16] ^= 0xFF
        for made, said in ((damage(content, "precious"),
                            r"b\.mdb is damaged, and not restored: mytosis doctor --store b\.mdb says how"),
                           (content[:9000], r"b\.mdb is cut short: it has 9000 bytes"),
                           (bytes(torn), rf"b\.mdb is damaged: page {page}: [a-z ]+"),
                           (b"{}" * 5000, r"b\.mdb is not a store of LMDB"), (b"", r"b\.mdb is no backup|.*b\.mdb.*empty.*")):
            self.write("b.mdb", made)
            for words in (["--force"], ["--store=new.mdb"]):
                with self.subTest(said, words=words):
                    done = self.run_command("restore", "b.mdb", *words)
                    self.assertEqual((done.returncode, done.stdout), (INPUT, b""))
                    self.assertRegex(done.stderr.decode(), rf"^mytosis: ({said})\n$")
        self.assertEqual(self.read("s.mdb"), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["b.mdb", "imported", "s.mdb", "s.mdb-lock"])

    def test_words_that_make_no_sense(self):
        os.mkdir(self.path("folder"))
        self.refused(USAGE, 'FILE is a file, not "-"; see mytosis restore --help', "restore", "-")
        self.refused(INPUT, "cannot read none: No such file or directory", "restore", "none", "--store=new.mdb")
        self.refused(INPUT, "folder is no backup: it is no regular file", "restore", "folder", "--store=new.mdb")
        self.refused(USAGE, "s.mdb is the store itself", "restore", "s.mdb", "--force")
        self.assertFalse(os.path.exists(self.path("new.mdb")))

    def test_a_store_in_use_is_no_backup(self):
        Daemon(self, store="b.mdb")
        self.refused(SYSTEM, "b.mdb is held by another: what is in use is copied by mytosis backup",
                     "restore", "b.mdb", "--store=new.mdb")

    def test_without_room_all_stays_as_it_is(self):
        before = self.read("s.mdb")
        done = self.run_command("restore", "b.mdb", "--force", preexec_fn=no_room(5000))
        self.assertEqual((done.returncode, done.stderr), (SYSTEM, b"mytosis: cannot write s.mdb: File too large\n"))
        self.assertEqual(self.read("s.mdb"), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["b.mdb", "imported", "s.mdb", "s.mdb-lock"])

    def test_the_secrets_come_with_it_when_they_are_asked_for(self):
        self.refused(DIFFERENT, "there are no keys in b.mdb-keys", "restore", "b.mdb", "--keys", "--store=new.mdb")
        Daemon(self, "notes/", "--write", "--listen=tcp://127.0.0.1:0", verb="share").stop()
        self.expect(DONE, "backup", "k.mdb", "--keys")
        self.expect(DONE, "restore", "k.mdb", "--keys", "--store=new.mdb")
        self.assertEqual(self.expect(DONE, "keys", "show", "--store=new.mdb").split()[:2],
                         self.expect(DONE, "keys", "show").split()[:2])
        self.write("k.mdb-keys/device.key", "another\n")
        self.refused(INPUT, "s.mdb-keys/device.key is another; it is left as it is", "restore", "k.mdb", "--keys", "--force")

    def test_a_store_that_comes_into_being_meanwhile_is_held(self):
        self.write("new.mdb", b"")
        with open(self.path("new.mdb"), "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = self.run_command("restore", "b.mdb", "--store=new.mdb")
        self.assertEqual(done.returncode, SYSTEM)
        self.assertEqual(self.read("new.mdb"), b"")
        self.expect(DONE, "restore", "b.mdb", "--store=new.mdb")


class Peers(CommandTest):
    """Peers of a store that was set back, or that there are two of."""

    def serve(self, store, *words):
        return Daemon(self, *words, store=store)

    def meet(self, store, url):
        self.expect_quietly("sync", url, "--store", store)

    def expect_quietly(self, *words):
        done = self.run_command(*words)
        self.assertEqual((done.returncode, done.stderr), (DONE, b""), words)

    def test_a_store_that_was_set_back_gets_back_what_it_had_given(self):
        self.expect_quietly("init", "laptop.mdb")
        self.expect_quietly("init", "phone.mdb")
        phone = self.serve("phone.mdb", "--listen=tcp://127.0.0.1:0")
        url = phone.said("listening")["url"]
        for i in range(20):
            self.expect_quietly("write", f"old/{i}", "x=1", "--store=laptop.mdb")
        self.meet("laptop.mdb", url)
        self.expect_quietly("backup", "b.mdb", "--store=laptop.mdb")
        for i in range(20):
            self.expect_quietly("write", f"new/{i}", "x=2", "--store=laptop.mdb")
        self.meet("laptop.mdb", url)
        self.expect_quietly("restore", "b.mdb", "--force", "--store=laptop.mdb")
        # As many changes as were taken back: the numbers are the same, and what they stand for is not.
        for i in range(20):
            self.expect_quietly("write", f"other/{i}", "x=3", "--store=laptop.mdb")
        self.meet("laptop.mdb", url)
        self.assertEqual(self.expect(DONE, "export", "--store=laptop.mdb"), self.expect(DONE, "export", "--store=phone.mdb"))
        self.assertEqual(len(self.result("export", "--store=laptop.mdb")), 60)

    def test_two_copies_of_one_store_that_both_live(self):
        self.expect_quietly("init", "laptop.mdb")
        self.expect_quietly("init", "phone.mdb")
        phone = self.serve("phone.mdb", "--listen=tcp://127.0.0.1:0")
        url = phone.said("listening")["url"]
        self.expect_quietly("write", "old", "x=1", "--store=laptop.mdb")
        self.meet("laptop.mdb", url)
        self.expect_quietly("backup", "b.mdb", "--store=laptop.mdb")
        self.expect_quietly("restore", "b.mdb", "--store=twin.mdb")
        for turn in range(3):
            for store in ("laptop.mdb", "twin.mdb"):
                self.expect_quietly("write", f"{store}/{turn}", "x=1", "--store", store)
                self.meet(store, url)
        self.meet("laptop.mdb", url)
        made = [self.expect(DONE, "export", f"--store={name}.mdb") for name in ("laptop", "twin", "phone")]
        self.assertEqual(made[0], made[1])
        self.assertEqual(made[0], made[2])
        self.assertEqual(len(self.result("export", "--store=phone.mdb")), 7)


class Compact(StoreTest):
    def test_what_is_free_is_given_back(self):
        self.import_graph(large(4000))
        self.expect(DONE, "forget", *(f"user/{i:06}" for i in range(10, 4000)))
        content, before = self.expect(DONE, "export"), os.path.getsize(self.path("s.mdb"))
        mode = os.stat(self.path("s.mdb")).st_mode
        said = self.expect(DONE, "compact").decode()
        after = os.path.getsize(self.path("s.mdb"))
        self.assertEqual(said, f"s.mdb: {before:,} bytes before, {after:,} after\n")
        self.assertLess(after, before / 2)
        self.assertEqual(self.expect(DONE, "export"), content)
        self.assertEqual(os.stat(self.path("s.mdb")).st_mode, mode)
        self.expect(DONE, "write", "a", "x=1")
        self.assertEqual(self.result("doctor", "--json")["damaged"], 0)
        self.assertEqual(self.result("compact", "--json").keys(), {"store", "before", "after"})
        self.assertEqual(sorted(os.listdir(self.folder)), ["imported", "s.mdb", "s.mdb-lock"])

    def test_a_link_to_a_store_stays_one(self):
        os.symlink("s.mdb", self.path("link.mdb"))
        self.expect(DONE, "compact", "--store=link.mdb")
        self.assertTrue(os.path.islink(self.path("link.mdb")))
        self.assertEqual(self.expect(DONE, "ls", "--store=link.mdb"), b"")

    def test_a_damaged_store_is_left_as_it_is(self):
        self.import_graph(SMALL)
        self.write("s.mdb", damage(self.read("s.mdb"), "precious"))
        before = self.read("s.mdb")
        self.refused(INPUT, "s.mdb is damaged, and left as it is; mytosis doctor says how", "compact")
        self.assertEqual(self.read("s.mdb"), before)

    def test_there_is_no_store(self):
        self.refused(INPUT, "there is no store none; mytosis init makes one", "compact", "--store=none")
        self.write("empty", b"")
        self.refused(INPUT, "there is no store in empty: the file is empty; mytosis init makes one", "compact",
                     "--store=empty")

    def test_without_room_it_stays_as_it_is(self):
        self.import_graph(large(1000))
        before = self.read("s.mdb")
        done = self.run_command("compact", preexec_fn=no_room(50000))
        self.assertEqual((done.returncode, done.stderr), (SYSTEM, b"mytosis: s.mdb cannot be copied: File too large\n"))
        self.assertEqual(self.read("s.mdb"), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["imported", "s.mdb", "s.mdb-lock"])

    def test_killed_at_any_time_the_store_is_the_old_one_or_the_new(self):
        self.import_graph(large(6000))
        self.expect(DONE, "forget", *(f"user/{i:06}" for i in range(0, 3000)))
        content, old = self.expect(DONE, "export"), self.read("s.mdb")
        self.expect(DONE, "backup", "old.mdb")
        begun = time.monotonic()
        self.expect(DONE, "compact")
        took, new = time.monotonic() - begun, self.read("s.mdb")
        killed = 0
        for i in range(40):
            self.write("s.mdb", old)
            killed += kill_after(self, took * i / 30, "compact")
            self.assertIn(self.read("s.mdb"), (old, new))
            self.assertEqual(self.expect(DONE, "export"), content)
        self.assertGreater(killed, 0)
        self.assertEqual(self.result("doctor", "--json")["damaged"], 0)


if __name__ == "__main__":
    unittest.main()
