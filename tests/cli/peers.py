"""Peers that are killed, cut off, or no peers at all: the others end equal, and notice nothing."""
import base64
import contextlib
import json
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import tty

sys.dont_write_bytecode = True
from support.command import DONE, PROGRAM, SANITIZED, SYSTEM, CommandTest, environment, graph, node, unittest
from support.daemon import Daemon
from support.proxy import Proxy

LIMIT_S = 120 if SANITIZED else 20
NODES = 3000


def large(nodes, prefix="user/"):
    """Some 300 bytes a node, which cannot be compressed."""
    noise = random.Random(1)
    return graph(*(node(f"{prefix}{i:06}", {"x": (base64.b64encode(noise.randbytes(300)).decode(), 1)}) for i in range(nodes)))


class PeersTest(CommandTest):
    """Stores a.mdb, b.mdb, c.mdb, and their daemons."""

    def setUp(self):
        super().setUp()
        for name in "abc":
            self.expect(DONE, "init", f"{name}.mdb")

    def start(self, name, *words):
        return Daemon(self, "--log-level=info", *words, store=f"{name}.mdb")

    def at(self, name, verb, *words, **more):
        return self.expect(DONE, verb, *words, f"--store={name}.mdb", **more)

    def peers(self, name):
        return json.loads(self.at(name, "peers", "--json"))

    def give(self, name, content):
        self.write("in.json", content)
        self.at(name, "import", "in.json")

    def until(self, is_so, what):
        limit = time.monotonic() + LIMIT_S
        while not is_so():
            self.assertLess(time.monotonic(), limit, what)

    def settled(self, name, links):
        """All its links are live, and nothing waits or is on its way."""
        peers = self.peers(name)
        return len(peers) == links and all(
            (peer["state"], peer["behind"], peer["unacknowledged"], peer["unstored"]) == ("live", 0, 0, False) for peer in peers)

    def until_equal(self, line, links=None):
        """Daemons that are linked in this order. What one has is at the next once it is settled."""
        links = links or {name: 1 if name in (line[0], line[-1]) else 2 for name in line}
        there_and_back = line + line[-2::-1]
        self.until(lambda: all(self.settled(name, links[name]) for name in there_and_back), "not equal")
        self.assert_equal(*line)

    def assert_equal(self, *names):
        first, *others = (self.at(name, "export") for name in names)
        for other in others:
            self.assertEqual(first, other)

    def count(self, name):
        return self.at(name, "ls").count(b"\n")

    def memory(self, daemon):
        """What it has allocated, in kB."""
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

    def assert_small(self, daemon, most=40000):
        if not SANITIZED:
            self.assertLess(self.memory(daemon), most)


class Interrupted(PeersTest):
    """b takes a copy of a, of which half has come when one of them ends."""

    def half_way(self):
        self.give("a", large(NODES))
        self.a = self.start("a", "--listen=unix:a.socket")
        self.proxy = Proxy(self, self.path("a.socket"), limit=500000, holds=True)
        self.b = self.start("b", f"--connect=tcp://127.0.0.1:{self.proxy.port}")
        self.assertTrue(self.proxy.held.wait(LIMIT_S))
        self.until(lambda: self.count("b") > NODES / 3, "half of it has not come")
        self.until(lambda: not self.peers("b")[0]["unstored"], "it is not stored how far it came")
        self.assertLess(self.count("b"), NODES)
        self.proxy.limit = None

    def receiver_ends(self, number):
        self.half_way()
        code = self.b.stop(number)
        self.proxy.cut()
        self.b = self.start("b", f"--connect=tcp://127.0.0.1:{self.proxy.port}")
        self.until_equal("ab")
        self.assertLess(self.peers("b")[0]["nodes_in"], NODES * 2 / 3)
        return code

    def sender_ends(self, number):
        self.half_way()
        code = self.a.stop(number)
        self.a = self.start("a", "--listen=unix:a.socket")
        self.proxy.cut()
        self.until_equal("ab")
        self.assertLess(self.peers("b")[0]["nodes_in"], NODES * 4 / 3)
        return code

    def test_a_copy_goes_on_where_its_link_was_cut(self):
        self.half_way()
        self.proxy.cut()
        self.until_equal("ab")
        self.assertLess(self.peers("b")[0]["nodes_in"], NODES * 10 / 9)

    def test_a_copy_goes_on_where_its_receiver_was_killed(self):
        self.receiver_ends(signal.SIGKILL)

    def test_a_copy_goes_on_where_its_sender_was_killed(self):
        self.sender_ends(signal.SIGKILL)

    def test_a_copy_goes_on_where_its_receiver_was_stopped(self):
        self.assertEqual(self.receiver_ends(signal.SIGTERM), DONE)

    def test_a_copy_goes_on_where_its_sender_was_stopped(self):
        self.assertEqual(self.sender_ends(signal.SIGTERM), DONE)

    def test_what_was_given_before_a_stop_does_not_come_back(self):
        self.start("a", "--listen=unix:a.socket")
        b = self.start("b", "--connect=unix:a.socket")
        self.until_equal("ab")
        self.give("b", large(500))
        self.until(lambda: self.count("a") == 500, "it does not arrive")
        self.assertEqual(b.stop(), DONE)
        self.start("b", "--connect=unix:a.socket")
        self.until_equal("ab")
        self.assertEqual([peer["nodes_in"] for peer in self.peers("b")], [0])

    def test_a_peer_that_comes_back_gets_what_has_changed_and_no_more(self):
        for number in (signal.SIGKILL, signal.SIGTERM):
            with self.subTest(number):
                self.give("a", large(500))
                a = self.start("a", "--listen=unix:a.socket")
                b = self.start("b", "--connect=unix:a.socket")
                self.until_equal("ab")
                b.stop(number)
                self.at("a", "write", "user/000007", f"changed={number}")
                self.at("b", "write", "user/000008", f"changed={number}")
                b = self.start("b", "--connect=unix:a.socket")
                self.until_equal("ab")
                self.assertEqual([(peer["nodes_in"], peer["nodes_out"]) for peer in self.peers("b")], [(1, 1)])
                a.stop()
                b.stop()


class Cut(PeersTest):
    def sync(self, url):
        return self.run_command("sync", url, "--store=b.mdb", timeout=LIMIT_S).returncode == DONE

    def url_of(self, kind, proxy):
        return f"{kind}://127.0.0.1:{proxy.port}"

    def cut_all_over(self, kind):
        self.give("a", large(NODES))
        port = int(self.start("a", f"--listen={kind}://127.0.0.1:0").said("listening")["url"].strip("/").split(":")[-1])
        proxy = Proxy(self, ("127.0.0.1", port))
        # Within what is said first, anywhere.
        for proxy.limit in range(1, 400, 29):
            self.assertFalse(self.sync(self.url_of(kind, proxy)))
        self.assertEqual(self.count("b"), 0)
        # And then within the data, again and again.
        proxy.limit, proxy.passed, cuts = 150000, 0, 0
        while not self.sync(self.url_of(kind, proxy)):
            cuts += 1
            self.assertLess(cuts, 40)
        self.assertGreater(cuts, 3)
        self.assert_equal("a", "b")
        self.assertLess(proxy.passed, 2 * len(self.at("a", "export", "--format=binary")))

    def test_a_link_that_is_cut_all_over_ends_equal_over_tcp(self):
        self.cut_all_over("tcp")

    def test_a_link_that_is_cut_all_over_ends_equal_over_websocket(self):
        self.cut_all_over("ws")

    def test_on_a_terminal_sync_says_how_far_it_is_and_cleans_up(self):
        self.give("a", large(NODES))
        self.start("a", "--listen=unix:a.socket")
        for daemon in (False, True):  # at b
            with self.subTest(daemon):
                if daemon:
                    self.start("b")
                proxy = Proxy(self, self.path("a.socket"), limit=300000, holds=True)
                terminal, slave = os.openpty()
                tty.setraw(slave)
                running = subprocess.Popen([PROGRAM, "sync", f"tcp://127.0.0.1:{proxy.port}", "--store=b.mdb"], cwd=self.folder,
                                           stdout=slave, stderr=slave, env=environment())
                os.close(slave)
                said = b""
                # Where the first had no time to store how far it came, the second compares: of how many that differ.
                receiving = rb"\r\x1b\[Kmytosis: receiving everything, [\d,]+ (of [\d,]+ )?nodes( that differ)? \.\.\. \d+ s"
                while not re.search(receiving, said):
                    try:
                        said += os.read(terminal, 1000)
                    except OSError as error:
                        raise AssertionError(f"it ended before it said how far it is: {said}") from error
                proxy.cut()
                with contextlib.suppress(OSError):  # Linux says so where all of the other side is closed.
                    while piece := os.read(terminal, 1000):
                        said += piece
                os.close(terminal)
                self.assertEqual(running.wait(), SYSTEM)
                self.assertRegex(said, rb" s\r\x1b\[Kmytosis: [^\r]+\n$")

    def test_what_was_written_on_both_sides_meanwhile_meets(self):
        self.start("a", "--listen=unix:a.socket")
        proxy = Proxy(self, self.path("a.socket"))
        self.start("b", f"--connect=tcp://127.0.0.1:{proxy.port}")
        for i in range(4):
            self.until_equal("ab")
            proxy.cut()
            self.at("a", "write", "n", f"a={i}", f"both=a{i}")
            self.at("b", "write", "n", f"b={i}", f"both=b{i}")
        self.until_equal("ab")
        self.assertEqual(json.loads(self.at("a", "read", "n", "--plain")), {"a": "3", "b": "3", "both": "b3"})


class Ring(PeersTest):
    LINKS = {"a": 2, "b": 2, "c": 2}

    def setUp(self):
        super().setUp()
        self.daemons = {name: self.begin(name) for name in "abc"}

    def begin(self, name):
        following = {"a": "b", "b": "c", "c": "a"}[name]
        return self.start(name, f"--listen=unix:{name}.socket", f"--connect=unix:{following}.socket")

    def test_no_version_crosses_a_link_more_than_twice(self):
        self.until_equal("abc", self.LINKS)
        for name in "abc":
            self.write(f"{name}.json", large(200, f"{name}/"))
        running = [subprocess.Popen([PROGRAM, "import", f"{name}.json", f"--store={name}.mdb"], cwd=self.folder,
                                    stdout=subprocess.DEVNULL, env=environment()) for name in "abc"]
        self.assertEqual([one.wait() for one in running], [DONE] * 3)
        self.until_equal("abc", self.LINKS)
        self.assertEqual(self.count("a"), 600)
        for name in "abc":
            for peer in self.peers(name):
                self.assertLessEqual(peer["nodes_in"], 2 * 600)

    def test_it_goes_on_when_one_of_them_is_killed(self):
        self.until_equal("abc", self.LINKS)
        self.daemons["b"].kill()
        self.give("a", large(300))
        self.until(lambda: self.count("c") == 300, "it does not arrive the other way round")
        self.at("c", "write", "user/000001", "seen=yes")
        self.begin("b")
        self.until_equal("abc", self.LINKS)


# ---- Who speaks something else ----


def state_in(seconds):
    """That of a hybrid clock then."""
    return int((time.time() + seconds) * 1000 - 1577836800000) << 11


HELLO, SUBSCRIBE, SUBSCRIBED, DATA, ACK, BYE = 2, 8, 10, 14, 16, 24
COMMIT, COPY, POSITION, ALL = 1, 2, 8, 16


def number(value):
    """LEB128."""
    said = b""
    while value > 127:
        said += bytes([value & 127 | 128])
        value >>= 7
    return said + bytes([value])


def frame(message):
    return b"\x10" + len(message).to_bytes(3, "little") + message


def message(kind, body, version=1):
    return frame(bytes([version, kind, 0]) + body)


def hello(versions=(1, 1), version=1):
    """A peer that wants everything and gives it."""
    numbers = b"".join(map(number, (7, 0, int(time.time() * 1000), 1 << 22, 0, 1)))
    return message(HELLO, bytes([*versions, 1, 0]) + os.urandom(32) + numbers + b"\6\0\0", version)


SUBSCRIBE_ALL = message(SUBSCRIBE, b"\1" + b"\0\0\0" + bytes(16) + b"\0\0")


def data(subscription, flags, rows=b"", cursor=b""):
    return message(DATA, number(subscription) + number(flags) + cursor + rows)


def subscription_and_flags(body):
    """Those of a DATA, each of which is one byte here."""
    return body[3], body[4]


class StrangersTest(PeersTest):
    """a and b are linked, and somebody else comes to a."""

    KIND = "tcp"
    LISTEN = ("--listen=unix:a.socket", "--listen=tcp://127.0.0.1:0", "--listen=ws://127.0.0.1:0")

    def setUp(self):
        super().setUp()
        self.a = self.start("a", *self.LISTEN)
        self.b = self.start("b", "--connect=unix:a.socket")
        self.until_equal("ab")
        self.written = 0

    def stranger(self):
        url = next(event["url"] for event in self.a.events if event.get("url", "").startswith(f"{self.KIND}:"))
        made = socket.create_connection(("127.0.0.1", int(url.strip("/").split(":")[-1])), timeout=LIMIT_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(made.close)
        return made

    def until_read(self, name, uid, field, value):
        wanted = f"{value}\n".encode()
        self.until(lambda: self.run_command("read", uid, field, "--raw", f"--store={name}.mdb").stdout == wanted, "it does not arrive")

    def assert_unharmed(self):
        """What is written at one comes to the other, and memory is not what was asked for."""
        self.written += 1
        self.at("a", "write", "good", f"n:={self.written}")
        self.until_read("b", "good", "n", self.written)
        self.assert_small(self.a)


class Strangers(StrangersTest):
    def messages(self, one, said=None):
        """What a says to the stranger until it hangs up: types and bodies. `said` holds what was read and not looked at yet."""
        said = bytearray() if said is None else said
        while True:
            while len(said) >= 4 and len(said) >= (end := 4 + int.from_bytes(said[1:4], "little")):
                kind, body = said[0], bytes(said[4:end])
                del said[:end]
                if kind == 0x10:
                    yield body[1], body
            try:
                more = one.recv(65536)
            except ConnectionResetError:
                return
            if not more:
                return
            said += more

    def assert_hung_up(self, one):
        for _ in self.messages(one):
            pass

    def assert_bye(self, one, words):
        for kind, body in self.messages(one):
            if kind == BYE:
                self.assertIn(words, body)
                return
        self.fail("it hung up without a word")

    def test_what_is_no_frame_ends_the_link(self):
        for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\0" * 1000, b"\xff" * 100000, b"\x20\1\0\0x",
                     b"\x11\1\0\0x"):
            with self.subTest(sent[:8]):
                one = self.stranger()
                try:
                    one.sendall(sent)
                except OSError:  # it hung up already
                    pass
                self.assert_hung_up(one)
        self.assert_unharmed()

    def test_noise_in_frames_is_answered_or_dropped(self):
        for sent in (os.urandom(3000), b"", b"\1", b"\1\2\0", bytes([1, HELLO, 0]) + os.urandom(90)):
            with self.subTest(sent[:8]):
                one = self.stranger()
                one.sendall(frame(sent))
                self.assertEqual(next(self.messages(one))[0], HELLO)
                one.close()
        self.assert_unharmed()

    def test_noise_after_a_greeting_ends_the_session_and_is_told(self):
        for sent in (message(DATA, b"\1\1" + os.urandom(500)), message(4, b""), message(10, b"\xff" * 30)):
            one = self.stranger()
            one.sendall(hello() + sent)
            self.assert_bye(one, b"")
        self.assert_unharmed()

    def test_another_version_is_told_so(self):
        one = self.stranger()
        one.sendall(hello(versions=(7, 9)))
        self.assert_bye(one, b"version")
        self.assert_unharmed()

    def test_a_frame_over_the_limit_ends_the_link_before_it_comes(self):
        for length in (2097153, 0xFFFFFF):
            one = self.stranger()
            one.sendall(hello() + b"\x10" + struct.pack("<I", length)[:3])
            self.assert_hung_up(one)
        self.assert_unharmed()

    def test_frames_that_never_end_cost_what_has_come_of_them(self):
        many = [self.stranger() for _ in range(60)]
        for one in many:
            one.sendall(b"\x10\0\0\x20" + bytes(1000))  # of 2 MiB
        self.assert_unharmed()
        for one in many:
            one.close()
        self.assert_unharmed()

    def test_a_peer_that_sends_a_byte_at_a_time_is_heard(self):
        self.at("a", "write", "ada", "name=Ada")
        one = self.stranger()
        for byte in hello() + SUBSCRIBE_ALL:
            one.sendall(bytes([byte]))
        self.assertIn(b"ada", next(body for kind, body in self.messages(one) if kind == DATA))
        self.assert_unharmed()

    def test_a_peer_that_never_reads_costs_little(self):
        self.a.stop()
        noise = base64.b64encode(os.urandom(150000)).decode()
        self.give("a", graph(*(node(f"n{i:03}", {"x": (noise[i:], 1)}) for i in range(120))))
        self.a = self.start("a", *self.LISTEN)
        many = [self.stranger() for _ in range(5)]
        for one in many:
            one.sendall(hello() + SUBSCRIBE_ALL)
        for one in many:
            self.assertEqual(next(self.messages(one))[0], HELLO)
        self.until(lambda: self.settled("b", 1) and self.count("b") >= 120, "the good peer does not get it")
        for _ in range(3):
            self.assert_unharmed()
        self.assertEqual(self.a.stop(), DONE)

    def test_a_peer_that_reads_a_byte_at_a_time_costs_little_while_much_is_written(self):
        one, said, handled = self.stranger(), bytearray(), 0
        one.sendall(hello() + SUBSCRIBE_ALL)
        for kind, body in self.messages(one, said):
            handled += kind == DATA
            if kind == DATA and subscription_and_flags(body)[1] & ALL:
                break
        noise = base64.b64encode(os.urandom(60000)).decode()
        for i in range(40):
            self.give("a", graph(*(node(f"n{j}", {"x": (f"value {i} {j} {noise}", i + 1)}) for j in range(10))))
            said += one.recv(1)
            self.until_read("b", "n9", "x", f"value {i} 9 {noise}")
            self.assert_small(self.a, 20000)  # in the end 32 MB were written
        self.assert_equal("a", "b")
        self.assert_unharmed()
        # Once it reads it gets what it missed, the last values of it.
        missing = {f"value {i} {j} ".encode() for j in range(10)}
        for kind, body in self.messages(one, said):
            if kind == DATA:
                handled += 1
                one.sendall(message(ACK, number(handled)))
                missing = {value for value in missing if value not in body}
            if not missing:
                break
        self.assertEqual(missing, set())
        self.assertLess(sum(peer["nodes_out"] for peer in self.peers("a")), 400 + 200)
        self.assert_small(self.a, 20000)

    def rows(self, *nodes):
        """Nodes as a message has them."""
        return self.expect(DONE, "graph", "convert", "--format=binary", "-", "-", stdin=json.dumps(graph(*nodes)))

    def test_states_from_the_future_are_refused_and_nobody_else_notices(self):
        good = state_in(0)
        far = state_in(60 * 60)
        one, said = self.stranger(), bytearray()
        one.sendall(hello())
        subscription = next(body for kind, body in self.messages(one, said) if kind == SUBSCRIBE)[3]
        cursor = os.urandom(16) + number(1)
        one.sendall(message(SUBSCRIBED, number(subscription) + cursor + b"\1\0"))
        one.sendall(data(subscription, COPY, self.rows(
            node("a/copied", {"x": ("far", far)}), node("mixed", {"far": ("far", far), "near": ("near", good)}))))
        one.sendall(data(subscription, POSITION | ALL, cursor=cursor))
        one.sendall(data(subscription, COMMIT, self.rows(node("commit/1", {"x": ("near", good)}), node("commit/2", {"x": ("far", far)}))))
        one.sendall(data(subscription, COMMIT, self.rows(node("good", {"n": (-1, far)}))))
        one.sendall(data(subscription, COMMIT, self.rows(node("last", {"x": ("near", good)}))))
        self.until(lambda: self.at("b", "ls") == b"last\nmixed\n", "what is not from the future does not arrive")
        bad = next(peer for peer in self.peers("a") if peer["refused"] > 0)
        self.assertEqual(bad["state"], "live")
        self.assertRegex(bad["text"], r"^live, but for 5 refused: 5 due in 1 min$")
        self.assertRegex(bad["error"], r"ahead of the time of day")
        self.assertIn(b" live, but for 5 refused", self.at("a", "peers"))
        self.assertEqual(["error" in peer for peer in self.peers("b")], [False])
        self.assert_unharmed()
        for name in "ab":
            self.assertNotIn(b"far", self.at(name, "export"))
            self.assertEqual(self.at(name, "ls"), b"good\nlast\nmixed\n")
        one.close()
        self.assert_unharmed()
        self.assertEqual(self.a.stop(), DONE)


BINARY, CONTINUES, CLOSE = 2, 0, 8
TOO_LARGE, WRONG = 1009, 1002


def web_head(length, kind=BINARY, last=True):
    """That of a frame whose mask is all zero."""
    said = (struct.pack(">B", 0x80 | length) if length < 126 else struct.pack(">BH", 0x80 | 126, length) if length < 65536
            else struct.pack(">BQ", 0x80 | 127, length))
    return bytes([0x80 * last | kind]) + said + bytes(4)


def web_frame(payload, **more):
    return web_head(len(payload), **more) + payload


class StrangersOnWebSocket(StrangersTest):
    KIND = "ws"
    UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

    def everything(self, one):
        """What a says until it hangs up."""
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := one.recv(65536):
                said += piece
        return said

    def upgraded(self):
        one = self.stranger()
        one.sendall(self.UPGRADE)
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            self.assertTrue(piece := one.recv(1), said)
            said += piece
        self.assertTrue(said.startswith(b"HTTP/1.1 101 "), said)
        return one

    def until_it_says(self, one, words):
        said = b""
        while words not in said:
            self.assertTrue(piece := one.recv(65536), said)
            said += piece

    def assert_closed(self, one, code):
        """It says why in its last frame."""
        said = self.everything(one)
        while said:
            length, head = said[1], 2
            if length == 126:
                length, head = int.from_bytes(said[2:4], "big"), 4
            elif length == 127:
                length, head = int.from_bytes(said[2:10], "big"), 10
            kind, payload, said = said[0] & 15, said[head:head + length], said[head + length:]
            if kind == CLOSE:
                self.assertEqual(int.from_bytes(payload[:2], "big"), code, payload)
                return
        self.fail("it hung up without a word")

    def test_what_is_no_upgrade_is_answered_and_ends_the_link(self):
        for sent, answer in ((b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 426 "),
                             (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "), (b"\x16\x03\x01\r\n\r\n", b"HTTP/1.1 400 "),
                             (b"\0" * 1000 + b"\r\n\r\n", b"HTTP/1.1 400 "), (hello() + b"\r\n\r\n", b"HTTP/1.1 400 "),
                             (b"\xff" * 8193, b"HTTP/1.1 431 "), (self.UPGRADE[:-2] + b"x: " + b"y" * 9000, b"HTTP/1.1 431 "),
                             (self.UPGRADE.replace(b"13", b"12"), b"HTTP/1.1 426 ")):
            with self.subTest(sent[:40]):
                one = self.stranger()
                one.sendall(sent)
                self.assertEqual(self.everything(one)[:len(answer)], answer)
        self.assert_unharmed()

    def test_noise_instead_of_frames_ends_the_link(self):
        for sent in (b"\xff" * 1000, frame(b"x") + bytes(20), b"\x82\1x" + bytes(20), web_frame(b"x", kind=CONTINUES)):
            with self.subTest(sent[:8]):
                one = self.upgraded()
                one.sendall(sent)
                self.assert_closed(one, WRONG)
        self.assert_unharmed()

    def test_a_length_over_the_limit_ends_the_link_before_it_comes(self):
        for length in (2097153, 1 << 32, (1 << 63) - 1):
            with self.subTest(length):
                one = self.upgraded()
                one.sendall(web_head(length))
                self.assert_closed(one, TOO_LARGE)
        self.assert_unharmed()

    def test_fragments_that_never_end_are_taken_up_to_the_limit(self):
        many = [self.upgraded() for _ in range(3)]
        more = web_frame(bytes(65536), kind=CONTINUES, last=False)
        for one in many:
            one.sendall(web_frame(b"x", last=False) + 32 * more)
            self.assert_closed(one, TOO_LARGE)
        self.assert_unharmed()
        # What still comes is not taken, and not for long.
        one, limit = many[0], time.monotonic() + LIMIT_S
        with self.assertRaises(OSError):
            while time.monotonic() < limit:
                one.sendall(more)
                self.assert_unharmed()

    def test_fragments_that_never_end_and_have_nothing_in_them_cost_nothing(self):
        one = self.upgraded()
        one.sendall(web_frame(b"", last=False))
        for _ in range(20):
            one.sendall(1000 * web_frame(b"", kind=CONTINUES, last=False))
        self.assert_unharmed()
        one.sendall(web_frame(b"\7", kind=CONTINUES))
        self.until_it_says(one, b"version 7")

    def test_frames_that_never_end_cost_what_has_come_of_them(self):
        many = [self.upgraded() for _ in range(60)]
        for one in many:
            one.sendall(web_head(2097152) + bytes(1000))
        self.assert_unharmed()
        for one in many:
            one.close()
        self.assert_unharmed()

    def test_a_request_that_never_ends_is_given_up(self):
        silent = [self.stranger() for _ in range(40)]
        for one in silent[20:]:
            one.sendall(self.UPGRADE[:-2])
        talks = self.stranger()
        talks.sendall(self.UPGRADE[:-2])
        self.assert_unharmed()
        # It may say more and more.
        while not select.select([talks], [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                talks.sendall(b"x: y\r\n")
        for one in (talks, *silent):
            self.assertNotIn(b" 101 ", self.everything(one))
        self.assert_unharmed()


if __name__ == "__main__":
    unittest.main()
