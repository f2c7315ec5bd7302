"""Devices of a space: how one comes in, what it may, and how that ends."""
import json
import os
import re
import socket
import sys
import time

sys.dont_write_bytecode = True
from support.command import DIFFERENT, DONE, INPUT, SANITIZED, SYSTEM, USAGE, CommandTest, environment, unittest
from support.daemon import Daemon

LIMIT_S = 120 if SANITIZED else 20
EQUAL = rb"equal: \d+ nodes? and [\d,]+ bytes? in, \d+ and [\d,]+ out, in \d+\.\d s\n"
ANYWHERE = "--listen=tcp://127.0.0.1:0"


class SpaceTest(CommandTest):
    """Stores a.mdb, b.mdb and so on, each of a device of its own."""

    def at(self, name, verb, *words, code=DONE, **more):
        return self.expect(code, verb, *words, f"--store={name}.mdb", **more)

    def share(self, name, *words, **more):
        return Daemon(self, "--log-level=debug", *words, store=f"{name}.mdb", verb="share", **more)

    def serve(self, name, *words, **more):
        return Daemon(self, "--log-level=debug", *words, store=f"{name}.mdb", **more)

    def join(self, name, ticket, **more):
        out = self.at(name, "join", ticket, **more)
        self.assertRegex(out, rb"^joined space [0-9a-f]{12} as device [0-9a-f]{12}\nit may read[a-z, ]*: .+\n" + EQUAL + b"$")

    def set(self, name, uid, why=None):
        """Writes a node; `why` no peer takes it."""
        err = f"mytosis: {uid} is written here alone: this device lacks the right to write it for others: {why}\n" if why else ""
        self.at(name, "write", uid, "text=x", err=err)

    def uids(self, name):
        return self.at(name, "ls").decode().split()

    def who(self, name):
        return json.loads(self.at(name, "who", "--json"))

    def device(self, name):
        """Its own, by the keys of the store."""
        return json.loads(self.at(name, "keys", "show", "--json"))["device"]["key"]

    def status(self, name):
        return json.loads(self.at(name, "status", "--json"))["daemon"]

    def until(self, is_so, what):
        limit = time.monotonic() + LIMIT_S
        while not is_so():
            self.assertLess(time.monotonic(), limit, what)

    def two(self, *words):
        """a.mdb, which is served, and b.mdb, which has joined it."""
        a = self.share("a", *words, ANYWHERE)
        self.join("b", a.ticket)
        return a


class Joining(SpaceTest):
    def test_two_commands_make_two_devices_one_space(self):
        a = self.share("a", "notes/", "--write", ANYWHERE)
        self.set("a", "notes/1")
        self.set("a", "diary/1")
        self.join("b", a.ticket)
        self.assertEqual(self.uids("b"), ["notes/1"])
        self.set("b", "notes/2")
        self.set("b", "diary/2", "outside the prefixes of the token")
        self.assertRegex(self.at("b", "sync"), b"^" + EQUAL + b"$")
        self.assertEqual(self.uids("a"), ["diary/1", "notes/1", "notes/2"])

    def test_a_daemon_keeps_to_the_peer_that_its_store_has_joined(self):
        self.two("*", "--write")
        self.serve("b")
        self.set("a", "x/1")
        self.set("b", "x/2")
        self.until(lambda: self.uids("a") == self.uids("b") == ["x/1", "x/2"], "equal")
        self.assertEqual([peer["device"] for peer in json.loads(self.at("b", "peers", "--json"))], [self.device("a")])

    def test_without_a_right_to_write_nothing_is_written(self):
        self.two("notes/")
        self.set("b", "notes/1", "the token does not give this right")
        self.at("b", "sync")
        self.assertEqual(self.uids("a"), [])

    def test_a_ticket_is_read_from_standard_input(self):
        a = self.share("a", "notes/", ANYWHERE)
        self.join("b", "-", stdin=a.ticket + "\n")

    def test_a_ticket_is_used_by_one_device(self):
        a = self.two("notes/")
        self.refused(SYSTEM, re.search(r"tcp://127\.0\.0\.1:\d+", a.said("listening")["url"]).group() +
                     ": it does not take the ticket, which may have been used before", "join", a.ticket, "--store=c.mdb")
        self.assertEqual(self.at("c", "ls"), b"")
        refused = a.wait_for("refused")
        self.assertEqual(refused["error"], f"device {self.device('c')[:12]}: the ticket was used by another device")

    def test_who_did_not_hear_of_it_comes_again_with_its_ticket(self):
        a = self.two("notes/")
        self.join("b", a.ticket)
        self.assertEqual(len(self.who("a")), 2)

    def test_a_ticket_expires(self):
        a = self.share("a", "notes/", "--expires=1s", ANYWHERE)
        self.until(lambda: self.run_command("join", a.ticket, "--store=b.mdb").returncode == DIFFERENT, "expired")
        done = self.run_command("join", a.ticket, "--store=b.mdb")
        self.assertRegex(done.stderr.decode(), r"^mytosis: the ticket was good until \d{4}-\d\d-\d\d \d\d:\d\d UTC; ask for another one\n$")

    def test_what_is_no_ticket_is_refused(self):
        a = self.share("a", "notes/", ANYWHERE)
        at = len(a.ticket) // 2
        mistyped = a.ticket[:at] + ("A" if a.ticket[at] != "A" else "B") + a.ticket[at + 1:]
        for ticket in (mistyped, a.ticket[:-1], "mt1:", "hello", ""):
            done = self.run_command("join", ticket, "--store=b.mdb")
            self.assertEqual(done.returncode, USAGE, ticket)
            self.assertRegex(done.stderr.decode(), r"^mytosis: .*ticket.*\n$")
        self.assertFalse(os.path.exists(self.path("b.mdb")))

    def test_who_knows_as_many_peers_as_there_is_room_for_keeps_the_one_that_it_met(self):
        a = self.two("notes/")
        known = self.read("b.mdb-keys/space").decode()
        url = a.said("listening")["url"]
        known = known.replace(f"peer {url} ", "peer tcp://127.0.0.1:1 ")
        self.write("b.mdb-keys/space", known + "".join(f"peer tcp://127.0.0.1:{i} {'ab' * 32}\n" for i in range(2, 65)))
        os.chmod(self.path("b.mdb-keys/space"), 0o600)
        self.join("b", self.at("a", "share", "notes/").decode().strip())
        self.assertIn(f"peer {url} {self.device('a')}\n", self.read("b.mdb-keys/space").decode())

    def test_a_store_of_one_space_does_not_join_another(self):
        self.two("notes/")
        c = self.share("c", "notes/", ANYWHERE)
        before = self.read("b.mdb-keys/space")
        self.refused(INPUT, "b.mdb is in another space; join with another store", "join", c.ticket, "--store=b.mdb")
        self.assertEqual(self.read("b.mdb-keys/space"), before)

    def test_a_store_that_a_daemon_holds_joins_when_that_has_ended(self):
        a = self.share("a", "notes/", ANYWHERE)
        self.expect(DONE, "init", "b.mdb")
        self.serve("b")
        self.refused(SYSTEM, "a daemon holds b.mdb: stop it, join, and start it again", "join", a.ticket, "--store=b.mdb")

    def test_a_peer_that_is_gone_is_named(self):
        a = self.share("a", "notes/", ANYWHERE)
        a.stop()
        url = a.said("listening")["url"]
        self.refused(SYSTEM, f"{url}: connection refused", "join", a.ticket, "--store=b.mdb")

    def test_an_existing_store_brings_what_it_may(self):
        self.expect(DONE, "init", "b.mdb")
        self.set("b", "notes/old")
        self.set("b", "diary/old")
        self.two("notes/", "--write")
        self.assertEqual(self.uids("a"), ["notes/old"])


class Strangers(SpaceTest):
    def test_who_has_no_ticket_gets_nothing_and_is_logged(self):
        a = self.two("notes/", "--write")
        self.set("a", "notes/1")
        url = a.said("listening")["url"]
        self.expect(DONE, "init", "c.mdb")
        done = self.run_command("sync", url, "--store=c.mdb")
        self.assertEqual(done.returncode, SYSTEM)
        self.assertEqual(self.at("c", "ls"), b"")
        self.assertIn("handshake", a.wait_for("refused")["error"])
        self.assertTrue(self.status("a")["refused"][0]["why"])

    def test_what_a_stranger_says_is_not_answered(self):
        a = self.two("notes/")
        host, port = re.match(r"tcp://([\d.]+):(\d+)", a.said("listening")["url"]).groups()
        with socket.create_connection((host, int(port)), timeout=LIMIT_S) as link:
            link.sendall(b"\x10\0\0\0" + b"mN1" + bytes(64))
            heard = b""
            while piece := link.recv(4096):
                heard += piece
        a.wait_for("refused")
        self.assertNotIn(b"notes", heard)
        self.assertLess(len(heard), 64)

    def test_a_device_of_another_space_is_not_answered(self):
        a = self.two("notes/")
        c = self.share("c", "notes/", ANYWHERE)
        url = a.said("listening")["url"]
        done = self.run_command("sync", f"{url}#{self.device('a')}", "--store=c.mdb")
        self.assertEqual(done.returncode, SYSTEM)
        a.wait_for("refused")
        c.stop()

    def test_only_the_device_that_is_named_is_talked_to(self):
        a = self.two("notes/")
        url = a.said("listening")["url"]
        done = self.run_command("sync", f"{url}#{'ab' * 32}", "--store=b.mdb")
        self.assertEqual(done.returncode, SYSTEM)
        self.assertIn("another device", done.stderr.decode())
        self.refused(USAGE, f"{url}#abc: a device has 64 hexadecimal digits", "sync", f"{url}#abc", "--store=b.mdb")


class Rights(SpaceTest):
    def test_who_lists_what_each_may(self):
        self.two("notes/", "drafts/", "--write")
        for name in "ab":
            listed = {member["device"]: member for member in self.who(name)}
            self.assertEqual(listed[self.device("a")]["rights"], ["read", "write", "delegate", "admin"])
            self.assertEqual(listed[self.device("a")]["prefixes"], [""])
            b = listed[self.device("b")]
            self.assertEqual((b["rights"], b["prefixes"], b["by"]), (["read", "write"], ["drafts/", "notes/"], self.device("a")))
            self.assertEqual({member["device"] for member in listed.values() if member["own"]}, {self.device(name)})

    def test_what_is_given_for_a_time_has_an_end(self):
        self.two("notes/", "--for=7d")
        b = [member for member in self.who("b") if member["own"]][0]
        self.assertEqual(b["until_ms"] - b["from_ms"], 7 * 86400000 + 600000)

    def test_who_may_not_delegate_cannot_share(self):
        self.two("notes/", "--write")
        done = self.run_command("share", "notes/", ANYWHERE, "--store=b.mdb")
        self.assertEqual((done.returncode, done.stdout), (INPUT, b""))
        self.assertIn("delegate", done.stderr.decode())

    def test_an_admin_invites_others_to_what_it_has(self):
        self.two("notes/", "--admin")
        self.set("a", "notes/1")
        self.set("a", "diary/1")
        b = self.share("b", "notes/", ANYWHERE)
        self.join("c", b.ticket)
        self.assertEqual(self.uids("c"), ["notes/1"])
        b.stop()
        done = self.run_command("share", "*", ANYWHERE, "--store=b.mdb")
        self.assertEqual(done.returncode, INPUT)

    def test_a_daemon_that_runs_prints_tickets(self):
        self.two("notes/")
        ticket = self.at("a", "share", "diary/").decode().strip()
        self.set("a", "diary/1")
        self.join("c", ticket)
        self.assertEqual(self.uids("c"), ["diary/1"])

    def test_a_daemon_without_a_space_says_how_it_gets_one(self):
        self.expect(DONE, "init", "c.mdb")
        self.serve("c")
        self.refused(INPUT, "the daemon has no space yet: stop it, and run mytosis share again", "share", "x/", "--store=c.mdb")

    def test_what_a_space_says_of_itself_nobody_writes(self):
        self.two("*", "--admin")
        for name in "ab":
            for words in (("write", "@space/x", "a=1"), ("rm", "@space/genesis"), ("link", "@space/x", "to", "y")):
                done = self.run_command(*words, f"--store={name}.mdb")
                self.assertEqual(done.returncode, INPUT, words)
                self.assertIn("reserved for what the space says of itself", done.stderr.decode())
            self.refused(USAGE, "@space/genesis is what the space says of itself, and is kept", "forget", "@space/genesis",
                         f"--store={name}.mdb")
            self.assertEqual(self.uids(name), [])
            self.assertEqual(len(self.at(name, "ls", "@space/").split()), 3)
            self.assertEqual(json.loads(self.at(name, "export")), {})


class Revoking(SpaceTest):
    def test_a_device_that_is_revoked_is_cut_off_at_once(self):
        a = self.two("notes/", "--write")
        b = self.serve("b")
        self.until(lambda: any(member["linked"] for member in self.who("a")), "linked")
        self.assertEqual(self.at("a", "revoke", self.device("b")[:8]), f"revoked {self.device('b')}\n".encode())
        self.until(lambda: not any(member["linked"] for member in self.who("a")), "cut off")
        self.set("a", "notes/late")
        self.set("b", "notes/late_too")
        refused = a.wait_for("refused")
        self.assertIn("revoked", refused["error"])
        self.assertEqual(self.uids("a"), ["notes/late"])
        b.stop()
        self.assertEqual(self.uids("b"), ["notes/late_too"])
        done = self.run_command("sync", "--store=b.mdb")
        self.assertEqual((done.returncode, done.stderr.decode()), (SYSTEM, "mytosis: the peer does not let this device in\n"))

    def test_a_revocation_spreads(self):
        self.two("*", "--admin")
        b = self.share("b", "notes/", "--write", ANYWHERE)
        self.join("c", b.ticket)
        self.at("a", "revoke", self.device("c"))
        self.until(lambda: any(member["revoked"] for member in self.who("b")), "known at b")
        self.set("c", "notes/late")
        done = self.run_command("sync", "--store=c.mdb")
        self.assertEqual(done.returncode, SYSTEM)
        self.assertEqual(self.uids("b"), [])

    def test_it_is_revoked_without_a_daemon_too_and_for_good(self):
        a = self.two("notes/")
        a.stop()
        self.at("a", "revoke", self.device("b"))
        a = self.serve("a")
        self.assertTrue([member for member in self.who("a") if member["device"] == self.device("b")][0]["revoked"])
        done = self.run_command("sync", "--store=b.mdb")
        self.assertEqual(done.returncode, SYSTEM)

    def test_a_new_ticket_lets_it_in_anew(self):
        self.two("notes/")
        self.at("a", "revoke", self.device("b"))
        ticket = self.at("a", "share", "notes/").decode().strip()
        self.set("a", "notes/1")
        self.join("b", ticket)
        self.assertEqual(self.uids("b"), ["notes/1"])

    def test_only_who_gave_it_takes_it_back(self):
        self.two("notes/", "--write")
        done = self.run_command("revoke", self.device("a"), "--store=b.mdb")
        self.assertEqual((done.returncode, done.stderr.decode()),
                         (INPUT, "mytosis: only the root, and who issued it, may take a token back\n"))
        self.refused(INPUT, "that is this device", "revoke", self.device("b"), "--store=b.mdb")

    def test_a_device_is_named_by_its_first_digits(self):
        self.two("notes/")
        self.refused(DIFFERENT, 'no device that is known begins with "00000000"; mytosis who lists them', "revoke", "00000000",
                     "--store=a.mdb")
        self.refused(USAGE, 'a device is named by 4 or more of its digits, not "abc"; see mytosis revoke --help', "revoke", "abc",
                     "--store=a.mdb")


class Places(SpaceTest):
    def test_only_a_space_is_found_from_other_machines(self):
        self.expect(DONE, "init", "c.mdb")
        done = self.run_command("serve", "--listen=tcp://0.0.0.0:0", "--store=c.mdb")
        self.assertEqual(done.returncode, INPUT)
        a = self.share("a", "notes/", ANYWHERE, "--listen=tcp://0.0.0.0:0")
        self.join("b", a.ticket)
        url = [said["url"] for said in a.events if said["event"] == "listening"][1]
        self.at("b", "sync", f"{url.replace('0.0.0.0', '127.0.0.1')}#{self.device('a')}")

    def test_where_nobody_can_listen_no_space_begins(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            self.refused(SYSTEM, f"{url}: somebody listens there; --listen says where else", "share", "x/", f"--listen={url}",
                         "--store=a.mdb")
        self.refused(DIFFERENT, "a.mdb is in no space; mytosis share begins one, mytosis join joins one", "who", "--store=a.mdb")

    def test_it_is_found_again_where_it_was_shared(self):
        a = self.two("notes/")
        a.stop()
        again = self.serve("a")
        self.assertEqual(again.said("listening")["url"], a.said("listening")["url"])
        self.at("b", "sync")

    def test_over_websockets_too(self):
        a = self.share("a", "notes/", "--listen=ws://127.0.0.1:0")
        self.join("b", a.ticket)


class Keys(SpaceTest):
    def test_without_the_key_of_the_device_nothing_is_served(self):
        self.two("notes/").stop()
        os.unlink(self.path("a.mdb-keys/device.key"))
        done = self.run_command("serve", "--store=a.mdb")
        self.assertEqual(done.returncode, INPUT)
        self.assertIn("there is no device key in a.mdb-keys", done.stderr.decode())

    def test_keys_may_have_a_passphrase(self):
        env = environment(MYTOSIS_PASSPHRASE="correct horse")
        a = self.share("a", "notes/", ANYWHERE, env=env)
        self.join("b", a.ticket)
        a.stop()
        done = self.run_command("serve", "--store=a.mdb", start_new_session=True)
        self.assertEqual(done.returncode, INPUT)
        self.assertIn("a passphrase is needed", done.stderr.decode())
        self.serve("a", env=env)
        self.at("b", "sync")

    def test_what_is_noted_of_a_space_must_be_right(self):
        self.two("notes/").stop()
        good = self.read("a.mdb-keys/space")
        for bad in (b"", good[:-40], good.replace(b"genesis 01", b"genesis 02"), good + b"what is this\n", b"x" * 100000):
            self.write("a.mdb-keys/space", bad)
            os.chmod(self.path("a.mdb-keys/space"), 0o600)
            done = self.run_command("serve", "--store=a.mdb", timeout=LIMIT_S)
            self.assertEqual(done.returncode, INPUT, bad[-40:])
            self.assertRegex(done.stderr.decode(), r"^mytosis: .+\n$")
        self.write("a.mdb-keys/space", good)
        os.chmod(self.path("a.mdb-keys/space"), 0o644)
        self.refused(INPUT, "a.mdb-keys/space: others may read it; chmod 600 mends that", "who", "--store=a.mdb")


class Notes(SpaceTest):
    """What a device notes of its tickets."""

    def test_a_note_that_is_damaged_lets_nobody_in(self):
        a = self.share("a", "notes/", ANYWHERE)
        folder = self.path("a.mdb-keys/tickets")
        (name,) = os.listdir(folder)
        path = os.path.join("a.mdb-keys/tickets", name)
        good = self.read(path)
        for bad in (b"", good[:1], good[:40], good[:-1], good + b"x", b"\2" + good[1:], bytes(len(good)), os.urandom(60000)):
            self.write(path, bad)
            os.chmod(self.path(path), 0o600)
            self.assertEqual(self.run_command("join", a.ticket, "--store=b.mdb").returncode, SYSTEM, bad[:60])
        self.write(path, good)
        self.join("b", a.ticket)

    def test_a_ticket_whose_note_is_gone_was_taken_back(self):
        a = self.share("a", "notes/", ANYWHERE)
        (name,) = os.listdir(self.path("a.mdb-keys/tickets"))
        os.unlink(self.path(f"a.mdb-keys/tickets/{name}"))
        self.assertEqual(self.run_command("join", a.ticket, "--store=b.mdb").returncode, SYSTEM)


class Words(SpaceTest):
    def test_what_is_shared_is_said_right(self):
        for words, message in (
            (("notes",), 'a prefix ends with "/", as in "notes/"; "*" is everything'),
            (("",), 'a prefix ends with "/", as in "/"; "*" is everything'),
            (("notes/", "--expires=soon"), '--expires takes a time such as 24h, 30m or 7d, not "soon"'),
            (("notes/", "--for=0d"), '--for takes a time such as 24h, 30m or 7d, not "0d"'),
            ((), "share takes one to four operands, PREFIX"),
        ):
            self.refused(USAGE, f"{message}; see mytosis share --help", "share", *words, "--store=a.mdb")
        self.assertFalse(os.path.exists(self.path("a.mdb")))

    def test_a_store_in_no_space_has_nobody_to_list(self):
        self.expect(DONE, "init", "c.mdb")
        for words in (("who",), ("revoke", "abcd1234")):
            self.refused(DIFFERENT, "c.mdb is in no space; mytosis share begins one, mytosis join joins one", *words, "--store=c.mdb")
        self.refused(USAGE, "no peer is known: name one by its URL, or come into a space with mytosis join", "sync", "--store=c.mdb")


if __name__ == "__main__":
    unittest.main()
