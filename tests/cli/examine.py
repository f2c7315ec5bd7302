"""Doctor: what it finds in how a daemon stands with its peers, peers that it tries, and reports that name nobody."""
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True
from support.command import DONE, INPUT, SYSTEM, CommandTest, StoreTest, environment, graph, node, unittest
from support.daemon import Daemon
from support.proxy import Proxy

UPDATE = "Update the older of the two. Until then nothing goes over and nothing is lost: they go on where they stopped."
OFFLINE = "It is dialed again, for ever. See that it runs, and that the URL leads there: mytosis doctor URL tries once."


VERSIONS = 3  # where they stand in a HELLO: behind its version, its type and an extension without bytes


def of_another_version(hello):
    hello[VERSIONS:VERSIONS + 2] = bytes((2, 3))
    return hello


def with_features(hello, features):
    at = VERSIONS + 3
    for skip in (32, 0, 0, 0, 0):  # behind the flags peer and boot; then session, heard, time, window
        while hello[at] & 0x80:
            at += 1
        at += 1 + skip
    hello[at] = features
    return hello


def without_features(hello):
    return with_features(hello, 0)


def without_codes(hello):
    return with_features(hello, 3)


class Peers(StoreTest):
    CLOCK = "hybrid"

    def altered(self, alter):
        """The URL of a peer whose HELLO is another."""
        self.expect(DONE, "init", "phone.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="phone.mdb").said("listening")["url"]
        proxy = Proxy(self, ("127.0.0.1", int(url.rpartition(":")[2])), alter=alter)
        return f"tcp://127.0.0.1:{proxy.port}"

    def findings(self):
        return self.result("doctor", "--json")["findings"]

    def until_noted(self, store, note):
        limit = time.monotonic() + 60
        while not note.search(self.read(store)):
            self.assertLess(time.monotonic(), limit, f"{store} does not note whom it met")

    def await_peers(self, state, count):
        """Until so many peers are in a state."""
        while sum(peer["state"] == state for peer in self.result("peers", "--json")) != count:
            pass

    def test_a_daemon_without_peers_is_sound(self):
        Daemon(self)
        self.assertEqual(self.findings(), [])
        self.assertNotIn(b"\n\n", self.expect(DONE, "doctor"))

    def test_a_peer_that_is_away(self):
        Daemon(self, "--connect=unix:nobody.socket")
        found = self.findings()
        self.assertEqual([(one["kind"], one["count"], one["advice"]) for one in found], [("offline", 1, OFFLINE)])
        self.assertRegex(found[0]["text"], r"^unix:nobody\.socket is offline")
        self.assertRegex(self.expect(DONE, "doctor").decode(),
                         rf"\n\nunix:nobody\.socket is offline.*\n    {re.escape(OFFLINE)}\n$")

    def test_a_peer_whose_clock_is_of_another_kind(self):
        self.expect(DONE, "init", "lamport.mdb", "--clock=lamport")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="lamport.mdb").said("listening")["url"]
        Daemon(self, "--connect", url)
        self.await_peers("refused", 1)
        found = [one for one in self.findings() if one["kind"] == "refused-peer"]
        self.assertEqual(len(found), 1)
        self.assertRegex(found[0]["text"], r"do not go on: .*clocks of the two are not of one kind")
        done = self.run_command("doctor", url)
        self.assertEqual((done.returncode, done.stdout), (SYSTEM, b""))
        self.assertRegex(done.stderr.decode(), rf"^mytosis: {url} was reached, and does not go on: .*clocks of the two.*\n$")

    def test_a_peer_of_another_version(self):
        url = self.altered(of_another_version)
        done = self.run_command("doctor", url)
        self.assertEqual((done.returncode, done.stdout), (SYSTEM, b""))
        self.assertEqual(done.stderr.decode(), f"mytosis: {url} was reached, and does not go on: the peer speaks versions 2 to 3, "
                                               f"this one 1. {UPDATE}\n")
        Daemon(self, "--connect", url)
        self.await_peers("refused", 1)
        self.assertEqual(self.findings(), [{
            "kind": "version", "count": 1, "advice": UPDATE,
            "text": f"{url} and this store do not understand each other: the peer speaks versions 2 to 3, this one 1."}])

    def test_a_peer_that_lacks_what_this_one_can(self):
        url = self.altered(without_features)
        self.expect(DONE, "write", "here", "x=1", "--store=phone.mdb")
        wanted = [{
            "kind": "older-peer", "count": 1,
            "text": f"{url} is of an older version than this, or of a smaller build. It lacks: comparing, coded tables, "
                    "compression.",
            "advice": "Update it. They agree all the same; but when they have no position in common, all goes over that they "
                      "have, and not what differs."}]
        Daemon(self, "--connect", url)
        self.await_peers("live", 1)
        self.assertEqual(self.findings(), wanted)
        self.assertEqual(self.expect(DONE, "read", "here", "x", "--raw"), b"1\n")

    def test_a_peer_that_is_tried_and_lacks_something(self):
        url = self.altered(without_codes)
        self.assertEqual(self.result("doctor", url, "--json")["findings"], [{
            "kind": "older-peer", "count": 1,
            "text": f"{url} is of an older version than this, or of a smaller build. It lacks: coded tables.",
            "advice": "Update it. They agree all the same; to find out what differs costs more bytes."}])

    def test_when_peers_are_met_is_noted(self):
        self.expect(DONE, "init", "phone.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="phone.mdb").said("listening")["url"]
        note = re.compile(rb"met/(.{16}).{8,64}" + re.escape(url.encode()), re.DOTALL)
        self.run_command("sync", url, "--dry-run")
        self.assertIsNone(note.search(self.read("s.mdb")))
        self.expect(DONE, "sync", url)
        found = note.search(self.read("s.mdb"))
        self.assertIsNotNone(found)
        self.assertIn(b"sync/in/" + found.group(1), self.read("s.mdb"))  # its position, by the same id
        self.until_noted("phone.mdb", re.compile(rb"met/.{24}", re.DOTALL))  # however short that was
        self.expect(DONE, "init", "laptop.mdb")
        Daemon(self, "--connect", url, store="laptop.mdb")
        self.until_noted("laptop.mdb", note)
        # By a daemon that was told to meet it, too.
        self.expect(DONE, "init", "tablet.mdb")
        Daemon(self, "--listen=tcp://127.0.0.1:0", store="tablet.mdb")
        self.expect(DONE, "sync", url, "--store=tablet.mdb")
        self.until_noted("tablet.mdb", note)
        self.assertEqual(self.findings(), [])

    def test_two_copies_of_one_store(self):
        url = Daemon(self, "--listen=tcp://127.0.0.1:0").said("listening")["url"]
        self.expect(DONE, "init", "phone.mdb")
        self.expect(DONE, "sync", url, "--store=phone.mdb")
        self.expect(DONE, "backup", "b.mdb", "--store=phone.mdb")
        self.expect(DONE, "restore", "b.mdb", "--store=twin.mdb")
        Daemon(self, "--connect", url, store="phone.mdb")
        self.await_peers("live", 1)
        self.assertEqual(self.findings(), [])
        Daemon(self, "--connect", url, store="twin.mdb")
        self.await_peers("live", 2)
        self.assertEqual([one["kind"] for one in self.findings()], ["doubled-store"])

    def test_two_stores_with_the_keys_of_one_device(self):
        ticket = Daemon(self, "notes/", "--write", "--listen=tcp://127.0.0.1:0", verb="share").ticket
        self.expect(DONE, "init", "phone.mdb")
        self.assertEqual(self.run_command("join", ticket, "--store=phone.mdb").returncode, DONE)
        self.expect(DONE, "backup", "b.mdb", "--keys", "--store=phone.mdb")
        self.expect(DONE, "restore", "b.mdb", "--keys", "--store=twin.mdb")
        Daemon(self, store="phone.mdb")
        self.await_peers("live", 1)
        self.assertEqual(self.findings(), [])
        Daemon(self, store="twin.mdb")
        self.await_peers("live", 2)
        self.assertIn("doubled-device", [one["kind"] for one in self.findings()])

    def test_a_peer_that_is_tried(self):
        self.expect(DONE, "init", "phone.mdb")
        self.expect(DONE, "write", "there", "x=1", "--store=phone.mdb")
        self.expect(DONE, "write", "here", "x=1")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="phone.mdb").said("listening")["url"]
        before = self.expect(DONE, "export")
        said = self.result("doctor", url, "--json")
        self.assertLess(abs(said.pop("clock_ahead_ms")), 10000)
        self.assertLess(said.pop("round_trip_ms"), 10000)
        self.assertEqual(said, {"url": url, "only_there": 1, "only_here": 1, "on_both": 0, "findings": []})
        self.assertRegex(self.expect(DONE, "doctor", url).decode(),
                         rf"^peer      {url}\ngreeting  \d+ m?s\nclock     \d+ m?s (ahead|behind)\n"
                         r"differ    1 node only there, 1 only here, 0 on both\n$")
        self.assertEqual(self.expect(DONE, "export"), before)
        Daemon(self)  # by way of the daemon's store, too
        self.assertEqual(self.result("doctor", url, "--json")["only_here"], 1)

    def test_a_peer_that_is_not_there(self):
        done = self.run_command("doctor", "unix:nobody.socket")
        self.assertEqual((done.returncode, done.stdout), (SYSTEM, b""))
        self.assertRegex(done.stderr.decode(), r"^mytosis: unix:nobody\.socket cannot be reached: .+\n$")

    def test_states_that_are_ahead(self):
        self.write("in.json", graph(node("a", {"x": (1, 2 ** 52)})))
        self.expect(DONE, "import", "in.json", "--allow-future")
        self.assertEqual([(one["kind"], one["count"]) for one in self.findings()], [("ahead", 1)])


class Report(CommandTest):
    """A store in which all that could be told is a word of its own."""

    SECRETS = ["zuid", "zfield", "zvalue", "zperson", "zedge", "zfolder", "zstore", "zsocket"]

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("zfolder"))
        self.store = self.path("zfolder/zstore.mdb")
        self.expect(DONE, "init", self.store)
        self.write("in.json", graph(node("zuid/1", {"zfield": ("zvalue", 1), "zperson": ({"edge": "zedge"}, 1)}),
                                    node("zuid/2", {"zfield": ("x" * 1000, 1)}), node("zuid/3", floor=1)))
        self.expect(DONE, "import", "in.json", "--store", self.store)

    def run_command(self, *arguments, env=None, **more):
        return super().run_command(*arguments, env=env or environment(MYTOSIS_STORE=self.path("zfolder/zstore.mdb")), **more)

    def report(self, code=DONE):
        self.assertEqual(self.run_command("doctor", "--report=r.json").returncode, code)
        text = self.read("r.json").decode()
        return json.loads(text), text

    def assert_names_nobody(self, text, *more):
        for secret in [*self.SECRETS, self.folder, "127.0.0.1", "tcp:", "unix:", "/", os.uname().nodename, *more]:
            self.assertNotIn(secret, text)

    def test_of_a_store_alone(self):
        made, text = self.report()
        self.assert_names_nobody(text)
        self.assertEqual((made["report"], made["daemon"]), (1, None))
        self.assertEqual(made["findings"], [{"kind": "dangling", "count": 1}])
        store = made["store"]
        self.assertEqual([store[name] for name in ("nodes", "nodes_deleted", "fields", "edges", "edges_dangling", "damaged")],
                         [2, 1, 3, 1, 1, 0])
        self.assertEqual(store["node_sizes"], [{"below": 1, "nodes": 1}, {"below": 32, "nodes": 1}, {"below": 1024, "nodes": 1}])
        self.assertEqual(made["limits"]["value_len_max"], 256 * 1024)

    def test_of_a_daemon_in_a_space(self):
        daemon = Daemon(self, "zuid/", "--write", "--listen=tcp://127.0.0.1:0", verb="share",
                        store=self.store)
        keys = re.findall(r"[0-9a-f]{16,}", self.expect(DONE, "status").decode() + self.expect(DONE, "who", "--long").decode())
        self.assertGreater(len(keys), 1)
        made, text = self.report()
        self.assert_names_nobody(text, daemon.ticket, *keys, *(key[:12] for key in keys))
        told = made["daemon"]
        self.assertEqual((told["in_space"], told["listens"]), (True, 1))
        self.assertEqual(made["version"], told["version"])

    def test_of_peers(self):
        self.expect(DONE, "init", "zphone.mdb")
        url = Daemon(self, "--listen=tcp://127.0.0.1:0", store="zphone.mdb").said("listening")["url"]
        Daemon(self, "--connect=unix:zsocket", "--connect", url, store=self.store)
        while not any(peer["state"] == "live" for peer in self.result("peers", "--json")):
            pass
        ids = [peer["id"] for peer in self.result("peers", "--json") if "id" in peer]
        made, text = self.report()
        self.assert_names_nobody(text, "zphone", *map(str, ids))
        self.assertEqual(sorted(peer["state"] for peer in made["daemon"]["peers"]), ["live", "offline"])
        self.assertEqual(made["daemon"]["findings"], [{"kind": "offline", "count": 1}])

    def test_of_a_damaged_store(self):
        content = self.read("zfolder/zstore.mdb")
        self.write("zfolder/zstore.mdb", content.replace(b"zvalue", b"ZVALUE"))
        made, text = self.report(code=INPUT)
        self.assert_names_nobody(text, "ZVALUE")
        self.assertIn({"kind": "damaged", "count": 1}, made["findings"])


if __name__ == "__main__":
    unittest.main()
