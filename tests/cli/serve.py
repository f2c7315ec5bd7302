"""The daemon: every verb works while it holds the store, and it ends well however it ends."""
import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
import doctor
import store
import transfer
import watch
from support.command import (DIFFERENT, DONE, INPUT, PROGRAM, SANITIZED, SYSTEM, USAGE, CommandTest, StoreTest, environment,
                             graph, large, node, unittest)
from support.daemon import Daemon

ENV = environment(MYTOSIS_STORE="s.mdb")
EQUAL = r"^equal: 0 nodes and \d+ bytes in, 0 and \d+ out, in \d+\.\d s\n$"


# ---- The tests of verbs once more, with a daemon that holds the store ----


class Served:
    """Before a class of tests: a daemon holds s.mdb."""

    def setUp(self):
        super().setUp()
        self.daemon = Daemon(self)


def left_out(*names):
    """Takes tests away that are about a store of one's own."""
    def without(made):
        for name in names:
            setattr(made, name, None)
        return made
    return without


@left_out("test_a_full_disk_leaves_the_store_as_it_was")
class WriteServed(Served, store.Write):
    pass


class LinkServed(Served, store.Link):
    pass


class ReadServed(Served, store.Read):
    pass


class RemoveServed(Served, store.Remove):
    pass


class ForgetServed(Served, store.Forget):
    pass


class ListServed(Served, store.List):
    pass


class LogServed(Served, store.Log):
    pass


class RoundtripServed(Served, transfer.Roundtrip):
    # What it says of the daemon changes.
    test_to_import_again_changes_nothing = None


@left_out("test_a_store_without_room")
class ImportServed(Served, transfer.Import):
    pass


class FutureServed(Served, transfer.Future):
    pass


class ExportServed(Served, transfer.Export):
    pass


# Commits are counted as long as the daemon runs.
@left_out("test_only_nodes_of_the_prefix", "test_history", "test_a_full_disk_ends_it")
class WatchServed(Served, watch.Watch):
    pass


# The router keeps a record of its own.
@left_out("test_it_counts_what_is_there")
class DoctorServed(Served, doctor.Sound):
    pass


# ---- The daemon ----


class Running(StoreTest):
    def test_its_socket_is_for_its_owner_alone(self):
        Daemon(self, preexec_fn=lambda: os.umask(0))
        mode = os.stat(self.path("s.mdb-socket")).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_it_takes_the_descriptors_that_it_may_have(self):
        daemon = Daemon(self, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2000)))
        self.assertEqual(resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE), (2000, 2000))

    def test_its_path_may_be_long(self):
        folder = "/".join([self.folder, *("f" * 40 for _ in range(5))])
        os.makedirs(folder)
        self.expect(DONE, "init", f"{folder}/s.mdb")
        daemon = Daemon(self, store=f"{folder}/s.mdb")
        self.expect(DONE, "write", "ada", "x=1", f"--store={folder}/s.mdb")
        self.assertIn("s.mdb-socket", os.listdir(folder))
        self.assertEqual(self.expect(DONE, "ls", f"--store={folder}/s.mdb"), b"ada\n")
        daemon.stop()
        self.assertEqual(sorted(os.listdir(folder)), ["s.mdb", "s.mdb-lock"])

    def test_a_signal_ends_it_and_nothing_is_left(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = Daemon(self)
            self.expect(DONE, "write", "ada", f"x={number}")
            self.assertEqual(daemon.stop(number), DONE)
            self.assertEqual(daemon.said("stopping")["signal"], signal.Signals(number).name)
            self.assertEqual(sorted(os.listdir(self.folder)), ["s.mdb", "s.mdb-lock"])
            self.assertEqual(self.expect(DONE, "read", "ada", "x", "--raw").decode(), f"{number:d}\n")

    def test_a_hangup_does_not(self):
        daemon = Daemon(self)
        daemon.process.send_signal(signal.SIGHUP)
        self.expect(DONE, "write", "ada", "x=1")
        self.assertEqual(daemon.stop(), DONE)

    def test_what_was_acknowledged_survives_a_kill(self):
        for i in range(5):
            daemon = Daemon(self)
            self.expect(DONE, "write", "n", f"f{i}=1")
            daemon.kill()
            self.assertTrue(os.path.exists(self.path("s.mdb-socket")))
            self.expect(DONE, "write", "n", f"g{i}=1")
        self.assertEqual(len(self.exported()["n"]), 11)

    def test_a_second_one_is_refused_and_names_the_first(self):
        first = Daemon(self)
        self.refused(SYSTEM, f"s.mdb is held by mytosis (pid {first.process.pid})", "serve")
        self.expect(DONE, "write", "ada", "x=1")

    def test_where_there_is_no_store(self):
        self.refused(INPUT, "there is no store no.mdb; mytosis init makes one", "serve", "--store=no.mdb")
        self.assertEqual(sorted(os.listdir(self.folder)), ["s.mdb", "s.mdb-lock"])

    def test_another_that_holds_the_store_is_named_as_ever(self):
        holder = subprocess.Popen([PROGRAM, "watch"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENV)
        self.addCleanup(holder.communicate)
        holder.stdin.write(b'{"a":{"x":1}}\n')
        holder.stdin.flush()
        holder.stdout.readline()
        self.refused(SYSTEM, f"s.mdb is held by mytosis (pid {holder.pid})", "serve")

    def test_readers_that_are_about_to_end_are_waited_for(self):
        self.import_graph(large(3000))
        reader = subprocess.Popen([PROGRAM, "export"], cwd=self.folder, stdout=subprocess.PIPE, env=ENV)
        reader.stdout.read(1)
        starting = subprocess.Popen([PROGRAM, "serve"], cwd=self.folder, stderr=subprocess.PIPE, env=ENV)
        reader.communicate()
        self.assertIn(b" ready ", starting.stderr.readline())
        starting.terminate()
        starting.communicate()
        self.assertEqual(starting.returncode, DONE)

    def test_a_command_may_come_while_it_starts(self):
        for _ in range(5):
            starting = subprocess.Popen([PROGRAM, "serve"], cwd=self.folder, stderr=subprocess.DEVNULL, env=ENV)
            while not os.path.exists(self.path("s.mdb-owner")):
                pass
            self.expect(DONE, "write", "ada", "x=1")
            starting.terminate()
            self.assertEqual(starting.wait(), DONE)

    def test_restamping_is_for_a_store_of_ones_own(self):
        daemon = Daemon(self)
        self.refused(SYSTEM, f"s.mdb is held by mytosis (pid {daemon.process.pid})", "doctor", "--restamp")

    def test_status_tells_of_it(self):
        daemon = Daemon(self)
        self.expect(DONE, "write", "ada", "x=1")
        said = self.result("status", "--json")
        self.assertEqual((said["store"], said["log"], said["clock"]["mode"]), ("s.mdb", {"first": 1, "last": 1}, "lamport"))
        self.assertEqual((said["daemon"]["pid"], said["daemon"]["commits"], said["daemon"]["commands"]), (daemon.process.pid, 1, 1))
        text = self.expect(DONE, "status").decode()
        self.assertRegex(text, rf"^store  s\.mdb\nsize   [\d,]+ bytes\nclock  lamport\nlog    changes 1 to 1\n"
                               rf"daemon +pid {daemon.process.pid}, for [^\n]+\ncommits +1\nmemory [^\n]+\npeers +0\n$")

    def test_peers(self):
        self.refused(DIFFERENT, "no daemon holds s.mdb; mytosis serve starts one", "peers")
        Daemon(self)
        self.assertEqual(self.expect(DONE, "peers"), b"")
        self.assertEqual(self.result("peers", "--json"), [])

    def test_several_commands_at_a_time(self):
        Daemon(self)
        running = [subprocess.Popen([PROGRAM, "write", "n", f"f{i}={i}"], cwd=self.folder, env=ENV) for i in range(20)]
        self.assertEqual([one.wait() for one in running], [DONE] * 20)
        self.assertEqual(self.result("read", "n", "--plain"), {f"f{i}": str(i) for i in range(20)})

    def test_writes_of_one_field_all_count_where_states_do(self):
        Daemon(self)
        running = [subprocess.Popen([PROGRAM, "write", "n", f"x={i}"], cwd=self.folder, env=ENV) for i in range(20)]
        self.assertEqual([one.wait() for one in running], [DONE] * 20)
        self.assertEqual(self.exported()["n"]["x"]["state"], 20)


class Gone(StoreTest):
    """The daemon ends while a command is at work."""

    def test_a_command_says_so(self):
        daemon = Daemon(self)
        running = subprocess.Popen([PROGRAM, "import", "-"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=ENV)
        text = json.dumps(large(6000)).encode()
        running.stdin.write(text[:len(text) // 2])
        running.stdin.flush()
        while self.expect(DONE, "ls", "--limit=1") == b"":
            pass
        daemon.kill()
        _, said = running.communicate(text[len(text) // 2:])
        self.assertRegex(said.decode(), r"^mytosis: standard input: the daemon has gone[^\n]*; \d+ nodes are imported\n$")
        self.assertEqual(running.returncode, SYSTEM)
        self.expect(DONE, "import", "-", stdin=text.decode())
        self.assertEqual(len(self.exported()), 6000)

    def test_a_command_that_watches_says_so(self):
        for end in (Daemon.kill, Daemon.stop):
            daemon = Daemon(self)
            running = subprocess.Popen([PROGRAM, "watch", "--json"], cwd=self.folder, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
            running.stdin.write(b'{"a":{"x":1}}\n')
            running.stdin.flush()
            running.stdout.readline()
            end(daemon)
            self.assertRegex(running.stderr.read().decode(), r"^mytosis: s\.mdb: the daemon has gone[^\n]*\n$")
            running.communicate()
            self.assertEqual(running.returncode, SYSTEM)

    def test_a_stop_loses_nothing_that_was_acknowledged(self):
        daemon = Daemon(self)
        running = subprocess.Popen([PROGRAM, "watch", "--json"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=ENV)
        for i in range(200):
            running.stdin.write(b'{"n%03d":{"x":1}}\n' % i)
        running.stdin.flush()
        told = [running.stdout.readline() for _ in range(20)]
        daemon.stop()
        told.extend(running.communicate()[0].splitlines())
        self.assertGreaterEqual(len(self.exported()), len(told))


class Large(StoreTest):
    def test_a_graph_goes_in_and_out(self):
        wanted = self.canonical(large(5000))
        daemon = Daemon(self)
        self.expect(DONE, "import", "in.json")
        self.assertEqual(self.expect(DONE, "export"), wanted)
        self.assertEqual(daemon.stop(), DONE)
        self.assertEqual(self.expect(DONE, "export"), wanted)

    def test_large_values_and_large_nodes(self):
        content = graph(node("wide", {f"f{i:05}": (i, 1) for i in range(20000)}),
                        *(node(f"n{i:02}", {"x": ("é" * (128 * 1024), 1)}) for i in range(40)))
        wanted = self.canonical(content)
        Daemon(self)
        self.expect(DONE, "import", "in.json")
        self.assertEqual(self.expect(DONE, "export"), wanted)
        self.assertEqual(self.expect(DONE, "read", "wide", "f19999", "--raw"), b"19999\n")

    def test_a_command_that_is_not_read_costs_little(self):
        content = graph(*(node(f"n{i:04}", {"x": ("x" * 200000, 1)}) for i in range(400)))
        self.import_graph(content)
        daemon = Daemon(self)
        running = subprocess.Popen([PROGRAM, "export"], cwd=self.folder, stdout=subprocess.PIPE, env=ENV)
        running.stdout.read(1)
        self.expect(DONE, "write", "other", "x=1")
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
            taken = next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
        if not SANITIZED:
            self.assertLess(taken, 40000)
        self.assertEqual(daemon.stop(), DONE)
        running.stdout.close()
        running.wait()

    def test_an_import_that_is_killed_may_be_repeated(self):
        wanted = self.canonical(large(3000))
        Daemon(self)
        for part in (0.3, 0.6, 0.9):
            running = subprocess.Popen([PROGRAM, "import", "-"], cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=ENV)
            running.stdin.write(wanted[:int(len(wanted) * part)])
            running.stdin.flush()
            running.kill()
            running.communicate()
            self.expect(DONE, "doctor")
        self.expect(DONE, "import", "in.json")
        self.assertEqual(self.expect(DONE, "export"), wanted)


class Watching(StoreTest):
    def start(self, *words):
        running = subprocess.Popen([PROGRAM, "watch", "--json", *words], cwd=self.folder, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=ENV)
        self.addCleanup(running.communicate)
        return running

    def until(self, running, uid):
        """The events until one that is about a node, which is written until it comes."""
        seen = []
        self.expect(DONE, "write", uid, "x=1")
        while True:
            seen.append(json.loads(running.stdout.readline()))
            if uid in seen[-1]["nodes"]:
                return seen

    def test_what_others_write_is_seen(self):
        Daemon(self)
        running = self.start()
        running.stdin.write(b'{"mine":{"x":1}}\n')
        running.stdin.flush()
        self.assertEqual(list(json.loads(running.stdout.readline())["nodes"]), ["mine"])
        self.expect(DONE, "write", "theirs", "x=1")
        self.assert_same(json.loads(running.stdout.readline()),
                         {"event": "update", "commit": 2, "nodes": graph(node("theirs", {"x": ("1", 1)}))})

    def test_only_of_the_prefix_and_history_if_it_is_wanted(self):
        Daemon(self)
        running = self.start("note/", "--history")
        running.stdin.write(b'{"note/0":{"x":1}}\n')
        running.stdin.flush()
        running.stdout.readline()
        self.expect(DONE, "write", "other", "x=1")
        self.expect(DONE, "write", "note/0", "x:=2")
        events = [json.loads(running.stdout.readline()) for _ in range(2)]
        self.assertEqual([(event["event"], event["commit"], list(event["nodes"])) for event in events],
                         [("update", 3, ["note/0"]), ("history", 3, ["note/0"])])

    def test_follow_reads_no_lines(self):
        self.refused(DIFFERENT, "no daemon holds s.mdb: nobody else changes it", "watch", "--follow")
        Daemon(self)
        running = subprocess.Popen([PROGRAM, "watch", "--follow"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, env=ENV)
        # It may not have begun when the first of them are written.
        writing = subprocess.Popen(f'while "{PROGRAM}" write n x=1; do :; done', shell=True, cwd=self.folder, env=ENV,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        self.assertRegex(running.stdout.readline(), rb"^update \d+\n$")
        os.killpg(writing.pid, signal.SIGKILL)
        writing.wait()
        running.terminate()
        running.communicate()


class Config(StoreTest):
    def checked(self, *words, **more):
        made = json.loads(self.expect(DONE, "serve", "--check-config", "--json", *words, **more))
        flat = {key: [tuple(value.values()) for value in (values if isinstance(values, list) else [values]) if value]
                for key, values in made.items()}
        return flat

    def test_flags_over_environment_over_file(self):
        self.write("c.conf", "# a comment\n\nstore = file.mdb\nlisten = tcp://127.0.0.1:1\nlisten=ws://127.0.0.1:2/x\n"
                             "  connect\t= tcp://example.org:3 \r\nlog-level = debug")
        self.assertEqual(self.checked("--config=c.conf", env=environment()), {
            "store": [("file.mdb", "c.conf:3")], "listen": [("tcp://127.0.0.1:1", "c.conf:4"), ("ws://127.0.0.1:2/x", "c.conf:5")],
            "connect": [("tcp://example.org:3", "c.conf:6")], "pull": [], "push": [], "origin": [], "host": [],
            "cert": [], "key": [], "ca": [], "plugin": [], "sandbox": [("on", "default")], "log-level": [("debug", "c.conf:7")],
            "log-format": [("text", "default")]})
        env = environment(MYTOSIS_CONFIG="c.conf", MYTOSIS_STORE="env.mdb", MYTOSIS_LISTEN="tcp://127.0.0.1:4  unix:x",
                          MYTOSIS_LOG_FORMAT="json")
        made = self.checked("--connect=ws://[::1]:5", "--log-level", "error", "--connect", "unix:y", env=env)
        self.assertEqual(made, {
            "store": [("env.mdb", "MYTOSIS_STORE")],
            "listen": [("tcp://127.0.0.1:4", "MYTOSIS_LISTEN"), ("unix:x", "MYTOSIS_LISTEN")],
            "connect": [("ws://[::1]:5", "--connect"), ("unix:y", "--connect")], "pull": [], "push": [], "origin": [], "host": [],
            "cert": [], "key": [], "ca": [], "plugin": [], "sandbox": [("on", "default")],
            "log-level": [("error", "--log-level")], "log-format": [("json", "MYTOSIS_LOG_FORMAT")]})

    def test_how_the_sandbox_is_to_be(self):
        self.write("c.conf", "sandbox = off")
        env = environment(MYTOSIS_STORE="s.mdb", MYTOSIS_SANDBOX="require")
        for words, more, wanted in (
                ([], {}, ("on", "default")),
                (["--config=c.conf"], {}, ("off", "c.conf:1")),
                (["--config=c.conf"], {"env": env}, ("require", "MYTOSIS_SANDBOX")),
                (["--config=c.conf", "--no-sandbox"], {"env": env}, ("off", "--no-sandbox")),
                (["--config=c.conf", "--require-sandbox"], {}, ("require", "--require-sandbox"))):
            self.assertEqual(self.checked(*words, **more)["sandbox"], [wanted])

    def test_for_a_person(self):
        self.assertEqual(self.expect(DONE, "serve", "--check-config", "--listen=unix:x").decode(), """\
store       s.mdb     MYTOSIS_STORE
listen      unix:x    --listen
connect     (none)    default
pull        (all)     default
push        (all)     default
origin      (none)    default
host        (none)    default
cert        (none)    default
key         (none)    default
ca          (system)  default
plugin      (none)    default
sandbox     on        default
log-level   info      default
log-format  text      default
""")

    def test_mistakes_in_the_file(self):
        for text, message in (
            ("lissen = unix:x", 'c.conf:1:1: unknown key "lissen"; there are store, listen, connect, pull, push, origin, host, cert, key, ca, plugin, sandbox, log-level and log-format'),
            ("\n  store", 'c.conf:2:8: expected "key = value"'),
            ("store x", 'c.conf:1:7: expected "key = value"'),
            ("= x", 'c.conf:1:1: expected "key = value"'),
            ("store =", 'c.conf:1:8: expected a value for "store"'),
            ("store = a\nstore = b", 'c.conf:2:1: "store" is set already, at c.conf:1'),
            ("log-level = loud", 'c.conf:1:13: "log-level" is error, warning, info or debug, not "loud"'),
            ("sandbox = yes", 'c.conf:1:11: "sandbox" is on, require or off, not "yes"'),
            ("sandbox = on\nsandbox = on", 'c.conf:2:1: "sandbox" is set already, at c.conf:1'),
            ("connect = unix:x\nconnect = unix:x", "c.conf:2:11: unix:x is there already"),
            ("origin = http://a/", 'c.conf:1:10: "origin" is such as http://localhost:8000, not "http://a/"'),
            ("host = http://a", 'c.conf:1:8: "host" is HOST or HOST:PORT, not "http://a"'),
            ("host = a\nhost = a", "c.conf:2:8: a is there already"),
            ("store = \0", "c.conf: it has zero bytes, and is no text"),
            ("#" * (1 << 20) + "\n", "c.conf: more than 1048576 bytes"),
        ):
            self.write("c.conf", text)
            self.refused(INPUT, message, "serve", "--config=c.conf", "--check-config")
        self.refused(INPUT, "cannot read no.conf: No such file or directory", "serve", "--config=no.conf")
        self.refused(INPUT, "cannot read .: Is a directory", "serve", "--config=.")

    def test_urls_that_are_none_are_said_where_they_are(self):
        self.write("c.conf", "listen = http://127.0.0.1:1")
        for words, place, code in ((["--config=c.conf"], r"c\.conf:1:10", INPUT), (["--listen=tcp://1"], "--listen", USAGE),
                                   (["--connect=x"], "--connect", USAGE)):
            done = self.run_command("serve", *words)
            self.assertEqual(done.returncode, code)
            self.assertRegex(done.stderr.decode(), rf"^mytosis: {place}: .")

    def test_addresses_that_anybody_reaches_are_refused(self):
        for url in ("tcp://0.0.0.0:1", "ws://[::]:1", "ws://192.0.2.7:1"):
            self.refused(INPUT, f"{url}: anybody could connect there; without secured links only addresses of this machine are "
                                "listened on: 127.0.0.0/8, [::1], localhost, unix:", "serve", f"--listen={url}")
        self.refused(USAGE, "--listen: tcp://example.org:1: the host to listen on is an address, or localhost",
                     "serve", "--listen=tcp://example.org:1")

    def test_origins_and_hosts(self):
        self.write("c.conf", "store = s.mdb\norigin = http://a\norigin = https://[::1]:8\nhost = a:1\n")
        made = self.checked("--config=c.conf", env=environment(MYTOSIS_HOST="b [2001:db8::1]:9"))
        self.assertEqual((made["origin"], made["host"]), ([("http://a", "c.conf:2"), ("https://[::1]:8", "c.conf:3")],
                                                         [("b", "MYTOSIS_HOST"), ("[2001:db8::1]:9", "MYTOSIS_HOST")]))
        for word in ("a", "null", "*", "http://", "http://A", "HTTP://a", "http://a b", "http://a:x", "http://a?", "://a"):
            self.refused(USAGE, f'--origin: "origin" is such as http://localhost:8000, not "{word}"', "serve", "--origin", word)
        for word in ("*", "a:", "a:x", "a b", "a/", "::1", "[::zz]", "u@a"):
            self.refused(USAGE, f'--host: "host" is HOST or HOST:PORT, not "{word}"', "serve", "--host", word)

    def test_words_that_make_no_sense(self):
        self.refused(USAGE, "no store is named: --store PATH does, MYTOSIS_STORE in the environment, or \"store = PATH\" in the file",
                     "serve", env=environment())
        self.refused(USAGE, "serve takes no operands; see mytosis serve --help", "serve", "s.mdb")
        self.refused(USAGE, "--json goes with --check-config, and there is none; see mytosis serve --help", "serve", "--json")
        self.refused(USAGE, '--log-level takes error, warning, info or debug, not "loud"; see mytosis serve --help',
                     "serve", "--log-level=loud")
        self.refused(USAGE, 'MYTOSIS_LOG_FORMAT: "log-format" is text or json, not "xml"', "serve",
                     env=environment(MYTOSIS_STORE="s.mdb", MYTOSIS_LOG_FORMAT="xml"))
        self.refused(USAGE, "--pull: notes/ is there already", "serve", "--pull=notes/", "--pull=notes/")
        self.refused(USAGE, "more than 64 values are given; see mytosis serve --help", "serve", *["--listen=unix:x"] * 65)


class Sandbox(StoreTest):
    """What it is in; tests/cli/sandbox_test.c tries what that refuses."""

    def test_every_thread_of_it_is_in_one(self):
        daemon = Daemon(self, "--log-level=debug")
        said = daemon.wait_for("sandbox")
        if "lacking" in said:
            self.skipTest(said["lacking"])
        self.assertEqual((said["files"], said["calls"], said["listening"], said["connecting"]),
                         ("landlock", "seccomp", "landlock", "open"))
        self.expect(DONE, "write", "ada", "name=Ada")  # by a thread that commits
        tasks = f"/proc/{daemon.process.pid}/task"
        self.assertGreater(len(os.listdir(tasks)), 1)
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/status", encoding="utf-8") as file:
                status = file.read()
            self.assertIn("NoNewPrivs:\t1\n", status)
            self.assertIn("Seccomp:\t2\n", status)

    def test_what_share_serves_is_in_one_too(self):
        ours = Daemon(self, "--log-level=debug").wait_for("sandbox")
        shared = Daemon(self, "notes/", "--listen=tcp://127.0.0.1:0", "--log-level=debug", store="new.mdb",
                        verb="share").wait_for("sandbox")
        for said in (ours, shared):
            del said["time"]
        self.assertEqual(shared, ours)

    def test_it_is_strict_where_it_is_required(self):
        if SANITIZED:
            self.refused(INPUT, "the sandbox cannot be had: this build is for sanitizers, which a sandbox would break", "serve",
                         "--require-sandbox")
            self.write("c.conf", "sandbox = require")
            self.refused(INPUT, "the sandbox cannot be had: this build is for sanitizers, which a sandbox would break", "serve",
                         "--config=c.conf")
            return
        running = Daemon(self, "--log-level=debug")
        lacking = "lacking" in running.wait_for("sandbox")
        running.stop()
        if lacking:
            done = self.run_command("serve", "--require-sandbox")
            self.assertRegex(done.stderr.decode(), "^mytosis: the sandbox cannot be had: ")
            return
        self.write("c.conf", "sandbox = require")
        by_file = Daemon(self, "--config=c.conf", "--log-level=debug")
        self.assertEqual(by_file.wait_for("sandbox")["connecting"], "landlock")
        by_file.stop()
        daemon = Daemon(self, "--require-sandbox", "--log-level=debug")
        self.assertEqual(daemon.wait_for("sandbox")["connecting"], "landlock")
        done = self.run_command("sync", "tcp://127.0.0.1:7999")
        self.assertEqual(done.returncode, 4)
        self.assertIn("permission denied", done.stderr.decode())

    def test_it_goes_without(self):
        self.write("c.conf", "sandbox = off")
        for words in (["--no-sandbox"], ["--config=c.conf"]):
            daemon = Daemon(self, *words)
            with open(f"/proc/{daemon.process.pid}/status", encoding="utf-8") as file:
                self.assertIn("NoNewPrivs:\t0\n", file.read())
            daemon.stop()
            self.assertNotIn("sandbox", [said["event"] for said in daemon.events])
        self.refused(USAGE, "--require-sandbox and --no-sandbox cannot be combined; see mytosis serve --help", "serve",
                     "--require-sandbox", "--no-sandbox")


class Logs(StoreTest):
    def test_text_and_levels(self):
        for level, wanted in (("info", r"^\S+Z info ready store=s\.mdb pid=\d+\n(\S+Z warning sandbox .*\n)?\S+Z info stopping signal=SIGTERM\n$"),
                              ("error", "^$")):
            running = subprocess.Popen([PROGRAM, "serve", f"--log-level={level}"], cwd=self.folder, stderr=subprocess.PIPE, env=ENV)
            while not os.path.exists(self.path("s.mdb-socket")):
                self.assertIsNone(running.poll())
            running.terminate()
            self.assertRegex(running.communicate()[1].decode(), wanted)

    def test_json_has_the_time(self):
        self.assertRegex(Daemon(self).said("ready")["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_a_name_that_is_no_text_is_json_all_the_same(self):
        name = os.fsdecode(b"bad\xff.mdb")
        self.expect(DONE, "init", name)
        self.assertEqual(Daemon(self, store=name).said("ready")["store"], {"bytes": "YmFk_y5tZGI"})


class Managed(StoreTest):
    """A service manager started it, and waits for what it says."""

    def manager(self, name):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.bind(name)
        made.settimeout(60)
        return made

    def test_it_is_told_when_the_daemon_is_ready_and_when_it_stops(self):
        path, abstract = self.path("manager"), f"mytosis-{os.getpid()}-{os.path.basename(self.folder)}"
        for name, said in ((path, path), ("\0" + abstract, "@" + abstract)):
            manager = self.manager(name)
            running = subprocess.Popen([PROGRAM, "serve", "--listen=unix:here"], cwd=self.folder, stderr=subprocess.PIPE,
                                       env=dict(ENV, NOTIFY_SOCKET=said))
            self.assertEqual(manager.recv(100), b"READY=1")
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(self.path("here"))
            self.assertEqual(self.result("status", "--json")["daemon"]["pid"], running.pid)
            running.terminate()
            self.assertEqual(manager.recv(100), b"STOPPING=1")
            self.assertNotIn(b"not-notified", running.communicate()[1])
            self.assertEqual(running.returncode, DONE)

    def test_it_is_not_told_of_what_did_not_start(self):
        manager = self.manager(self.path("manager"))
        done = self.run_command("serve", "--listen=unix:no/such/folder", env=dict(ENV, NOTIFY_SOCKET=self.path("manager")))
        self.assertEqual(done.returncode, SYSTEM)
        manager.setblocking(False)
        with self.assertRaises(BlockingIOError):
            manager.recv(100)

    def test_one_that_cannot_be_told_is_no_harm(self):
        for name, why in (("manager", "it is neither a path from / nor a name behind @"),
                          ("vsock:2:1", "it is neither a path from / nor a name behind @"),
                          ("@", "it is neither a path from / nor a name behind @"),
                          ("/" + "x" * 107, "it is longer than a socket's name can be"),
                          (self.path("gone"), "No such file or directory")):
            daemon = Daemon(self, env=dict(ENV, NOTIFY_SOCKET=name))
            self.assertEqual((daemon.said("not-notified")["state"], daemon.said("not-notified")["error"]),
                             ("READY=1", f"NOTIFY_SOCKET: {why}"))
            self.expect(DONE, "write", "ada", "x=1")
            self.assertEqual(daemon.stop(), DONE)
        Daemon(self, env=dict(ENV, NOTIFY_SOCKET=""))


class Strangers(StoreTest):
    """Who comes to the socket and speaks something else."""

    def test_garbage_is_not_answered_and_harms_nobody(self):
        Daemon(self)
        for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 1000, b"\xff" * 100000, os.urandom(5000), b"mA\1\1\0" + bytes(8)):
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.connect(self.path("s.mdb-socket"))
                try:
                    stranger.sendall(sent)
                    stranger.shutdown(socket.SHUT_WR)
                    while stranger.recv(4096):
                        pass
                except OSError:  # it hung up
                    pass
        self.expect(DONE, "write", "ada", "x=1")
        self.assertEqual(self.expect(DONE, "ls"), b"ada\n")


class Peers(CommandTest):
    """Two daemons that are linked."""

    def setUp(self):
        super().setUp()
        for name in ("a.mdb", "b.mdb"):
            self.expect(DONE, "init", name)

    def test_what_is_written_at_one_is_read_at_the_other(self):
        self.expect(DONE, "write", "ada", "name=Ada", "--store=a.mdb")
        here = Daemon(self, "--listen=tcp://127.0.0.1:0", store="a.mdb")
        Daemon(self, "--connect", here.said("listening")["url"], store="b.mdb")
        watching = subprocess.Popen([PROGRAM, "watch", "--json", "--store=b.mdb"], cwd=self.folder, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, env=environment())
        self.addCleanup(watching.communicate)
        while self.expect(DONE, "ls", "--store=b.mdb") != b"ada\n":
            pass
        watching.stdin.write(b'{"bob":{"name":"Bob"}}\n')
        watching.stdin.flush()
        while "bob" not in json.loads(watching.stdout.readline())["nodes"]:
            pass
        while self.expect(DONE, "ls", "--store=a.mdb") != b"ada\nbob\n":
            pass
        self.expect(DONE, "write", "eve", "name=Eve", "--store=a.mdb")
        event = json.loads(watching.stdout.readline())
        self.assertEqual((list(event["nodes"]), "origin" in event), (["eve"], True))
        self.assertEqual(self.expect(DONE, "export", "--store=a.mdb"), self.expect(DONE, "export", "--store=b.mdb"))
        here.wait_for("peer-state")
        self.assertRegex(self.expect(DONE, "log", "--store=a.mdb").decode(), r"(?m)^2  bob  \(all\)  from [\w-]{10,}$")
        peer, = self.result("peers", "--json", "--store=b.mdb")
        self.assertEqual((peer["state"], peer["link"], type(peer["unstored"])), ("live", here.said("listening")["url"], bool))
        self.assertEqual([(one["direction"], one["prefix"], one["once"], one["state"], one["nodes"]) for one in peer["ranges"]],
                         [("in", "", False, "live", 2), ("out", "", False, "live", 1)])
        self.assertEqual(peer["round_trips"], 2)
        self.assertIn(b"  live  ", self.expect(DONE, "peers", "--store=b.mdb"))
        self.assertRegex(self.expect(DONE, "peers", "--long", "--store=b.mdb").decode(),
                         r"^tcp://\S+ +live +2 nodes in +1 out\n  from it: everything +live +2 nodes +[\d,]+ bytes\n"
                         r"  to it: everything +live +1 node +\d+ bytes\n$")

    def until_live(self, *stores):
        for store in stores:
            while [peer["state"] for peer in self.result("peers", "--json", f"--store={store}")] != ["live"]:
                pass

    def test_a_daemon_of_some_nodes_gets_these_and_gives_those(self):
        for uid in ("notes/1", "photos/1"):
            self.expect(DONE, "write", uid, "of=hub", "--store=a.mdb")
        for uid in ("notes/2", "drafts/1", "heat/1"):
            self.expect(DONE, "write", uid, "of=phone", "--store=b.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="a.mdb").said("listening")["url"]
        Daemon(self, "--connect", url, "--pull=notes/", "--push=notes/", "--push=heat/", store="b.mdb")
        self.until_live("a.mdb", "b.mdb")
        text = self.expect(DONE, "peers", "-l", "--store=b.mdb").decode()
        self.assertEqual(re.findall(r"(?m)^  (\S+ it: \S+) +live", text), ["from it: notes/", "to it: notes/", "to it: heat/"])
        self.assertEqual(self.expect(DONE, "ls", "--store=a.mdb"), b"heat/1\nnotes/1\nnotes/2\nphotos/1\n")
        self.assertEqual(self.expect(DONE, "ls", "--store=b.mdb"), b"drafts/1\nheat/1\nnotes/1\nnotes/2\n")

    def test_a_daemon_that_pulls_all_gives_nothing(self):
        self.expect(DONE, "write", "ada", "x=1", "--store=a.mdb")
        self.expect(DONE, "write", "own", "x=1", "--store=b.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="a.mdb").said("listening")["url"]
        Daemon(self, "--connect", url, "--pull=*", store="b.mdb")
        self.until_live("a.mdb", "b.mdb")
        self.assertEqual(self.expect(DONE, "ls", "--store=b.mdb"), b"ada\nown\n")
        self.assertEqual(self.expect(DONE, "ls", "--store=a.mdb"), b"ada\n")

    def test_sync_ends_when_both_are_equal(self):
        self.expect(DONE, "write", "ada", "x=1", "--store=a.mdb")
        self.write("in.json", large(2000))
        self.expect(DONE, "import", "in.json", "--store=b.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="a.mdb").said("listening")["url"]
        said = self.result("sync", url, "--json", "--store=b.mdb")
        # The node that came from there may go back with the copy of all.
        self.assertEqual((said["url"], said["nodes_in"]), (url, 1))
        self.assertIn(said["nodes_out"], (2000, 2001))
        self.assertEqual(self.expect(DONE, "export", "--store=a.mdb"), self.expect(DONE, "export", "--store=b.mdb"))
        self.assertRegex(self.expect(DONE, "sync", url, "--store=b.mdb").decode(), EQUAL)
        # A daemon of one's own does it.
        Daemon(self, store="b.mdb")
        self.expect(DONE, "write", "bob", "x=1", "--store=b.mdb")
        said = self.result("sync", url, "--json", "--store=b.mdb")
        self.assertEqual((said["url"], said["nodes_in"], said["nodes_out"]), (url, 0, 1))
        self.assertRegex(self.expect(DONE, "sync", url, "--store=b.mdb").decode(), EQUAL)
        self.assertEqual(self.expect(DONE, "read", "bob", "--raw", "--store=a.mdb"), b"1\n")

    def test_dry_run_says_what_differs_and_transfers_nothing(self):
        self.write("in.json", large(500))
        for store in ("a.mdb", "b.mdb"):
            self.expect(DONE, "import", "in.json", "--store=" + store)
        self.expect(DONE, "write", "ada", "x=1", "--store=a.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="a.mdb").said("listening")["url"]
        said = self.expect(DIFFERENT, "sync", "--dry-run", url, "--store=b.mdb").decode()
        self.assertRegex(said, r"^1 node only there, 0 only here, 0 on both that differ; found with [\d,]+ bytes in ")
        self.expect(DONE, "sync", url, "--store=b.mdb")
        self.assertRegex(self.expect(DONE, "sync", "-n", url, "--store=b.mdb").decode(), r"^equal; found with \d+ bytes")
        # Where a daemon holds the store, too; and of what is written there is nothing anywhere else.
        Daemon(self, store="b.mdb")
        self.expect(DONE, "write", "bob", "x=1", "--store=b.mdb")
        self.expect(DONE, "write", "ada", "x=2", "--store=b.mdb")
        output = self.expect(DIFFERENT, "sync", "--dry-run", "--json", url, "--store=b.mdb")
        found = json.loads(output)
        self.assertEqual([found[key] for key in ("equal", "only_there", "only_here", "on_both")], [False, 0, 1, 1])
        self.assertEqual(self.expect(DONE, "read", "ada", "x", "--raw", "--store=a.mdb"), b"1\n")
        self.expect(DIFFERENT, "read", "bob", "--store=a.mdb", err='mytosis: there is no node "bob"\n')

    def test_what_sync_gave_does_not_come_back_the_next_time(self):
        self.write("in.json", large(500))
        self.expect(DONE, "import", "in.json", "--store=b.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="a.mdb").said("listening")["url"]
        for out in (500, 0):
            said = self.result("sync", url, "--json", "--store=b.mdb")
            self.assertEqual((said["nodes_in"], said["nodes_out"]), (0, out))

    def test_sync_with_a_peer_that_is_linked_for_ever(self):
        url = Daemon(self, "--listen=ws://127.0.0.1:0", store="a.mdb").said("listening")["url"]
        Daemon(self, "--connect", url, store="b.mdb")
        self.expect(DONE, "write", "ada", "x=1", "--store=b.mdb")
        running = [subprocess.Popen([PROGRAM, "sync", url, "--store=b.mdb"], cwd=self.folder, stdout=subprocess.PIPE, env=ENV)
                   for _ in range(3)]
        for one in running:
            self.assertRegex(one.communicate()[0].decode(), "^equal: ")
            self.assertEqual(one.returncode, DONE)
        self.assertEqual(self.expect(DONE, "ls", "--store=a.mdb"), b"ada\n")

    def test_sync_with_nobody(self):
        nobody = ("sync", "tcp://127.0.0.1:1", "--store=a.mdb")
        self.refused(SYSTEM, "tcp://127.0.0.1:1: connection refused", *nobody)
        Daemon(self, store="a.mdb")
        self.refused(SYSTEM, "tcp://127.0.0.1:1: connection refused", *nobody)
        done = self.run_command("sync", "x", "--store=a.mdb")
        self.assertEqual(done.returncode, USAGE)

    def test_a_peer_that_is_not_there_is_told_of(self):
        said = Daemon(self, "--connect=tcp://127.0.0.1:1", store="a.mdb").wait_for("unreachable")
        self.assertEqual((said["id"], said["error"]), ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1: connection refused"))

    def test_what_http_is_answered(self):
        here = Daemon(self, "--listen=ws://127.0.0.1:0", store="a.mdb")
        Daemon(self, "--connect", here.said("listening")["url"], store="b.mdb")
        self.expect(DONE, "write", "ada", "x=1", "--store=a.mdb")
        while self.expect(DONE, "ls", "--store=b.mdb") != b"ada\n":
            pass
        url = here.said("listening")["url"].replace("ws://", "http://").rstrip("/")
        with urllib.request.urlopen(url + "/healthz") as answer:
            self.assertEqual((answer.status, answer.read()), (200, b"ok\n"))
        with urllib.request.urlopen(url + "/metrics?all") as answer:
            text = answer.read().decode()
            self.assertIn("openmetrics-text", answer.headers["Content-Type"])
        self.assertRegex(text, r"(?m)^mytosis_commits_total 1$")
        self.assertRegex(text, r"(?m)^mytosis_peers_live 1$")
        self.assertRegex(text, r'(?m)^mytosis_peer_nodes_out_total\{link="[^"]+"\} 1$')
        self.assertTrue(text.endswith("\n# EOF\n"), text)
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (TYPE|HELP) mytosis_\w+ .+|mytosis_\w+(\{[^}]*\})? \d+|# EOF)$")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url + "/other")
        self.assertEqual(refused.exception.code, 404)
        refused.exception.close()

    def asked(self, daemon, path="/healthz", **fields):
        """The status of what is asked with these fields, as a browser does."""
        port = int(re.search(r":(\d+)", daemon.said("listening")["url"].removeprefix("ws:"))[1])
        link = http.client.HTTPConnection("127.0.0.1", port)
        link.request("GET", path, headers={"Connection": "close", **fields})
        with contextlib.closing(link), contextlib.closing(link.getresponse()) as answer:
            self.assertEqual([name for name in answer.headers if name.lower().startswith("access-control")], [])
            return answer.status

    def test_pages_of_a_name_that_leads_here_get_nothing(self):
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        here = Daemon(self, "--listen=ws://127.0.0.1:0", store="a.mdb")
        self.assertEqual([self.asked(here, Host=host) for host in ("evil.example", "evil.example:80", "localhost:1", "127.0.0.1")],
                         [421, 421, 200, 200])
        self.assertEqual(self.asked(here, "/", Host="evil.example", Origin="http://evil.example", **upgrade), 421)
        self.assertEqual(self.asked(here, "/", Host="localhost", Origin="http://evil.example", **upgrade), 403)
        self.assertEqual(self.asked(here, "/", Host="localhost", **upgrade), 101)
        there = Daemon(self, "--listen=ws://127.0.0.1:0", "--host=notes.example", "--host=box:7118", "--origin=http://a.example",
                       store="b.mdb")
        self.assertEqual([self.asked(there, Host=host) for host in ("notes.example", "BOX:7118", "box", "evil.example")],
                         [200, 200, 421, 421])
        self.assertEqual(self.asked(there, "/", Host="notes.example", Origin="http://a.example", **upgrade), 101)
        self.assertEqual(self.asked(there, "/", Host="notes.example", Origin="http://b.example", **upgrade), 403)

    def test_http_is_answered_until_it_has_ended(self):
        here = Daemon(self, "--listen=ws://127.0.0.1:0", store="a.mdb")
        url = here.said("listening")["url"].replace("ws://", "http://") + "metrics"
        answered = [threading.Event() for _ in range(4)]

        def ask(event):
            with contextlib.suppress(OSError, http.client.HTTPException):
                while True:
                    urllib.request.urlopen(url).close()
                    event.set()

        threads = [threading.Thread(target=ask, args=(event,)) for event in answered]
        for thread in threads:
            thread.start()
        for event in answered:
            event.wait()
        self.assertEqual(here.stop(), DONE)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    unittest.main()
