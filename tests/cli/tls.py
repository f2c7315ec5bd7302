"""Daemons and commands that meet over wss://: certificates, and what is said of those that are no good."""
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
from support.command import DONE, INPUT, SYSTEM, USAGE, StoreTest, environment, large, unittest
from support.daemon import Daemon

LISTEN = ("--listen=wss://127.0.0.1:0", "--cert=here.pem", "--key=here.key")
NOT_TRUSTED = "the certificate is of an authority that is not trusted: Test Authority"


class TlsTest(StoreTest):
    CLOCK = "hybrid"

    def setUp(self):
        super().setUp()
        for name in ("a.mdb", "b.mdb"):
            self.expect(DONE, "init", name)
        subprocess.run([os.environ["MYTOSIS_CERTIFICATES"], self.folder], check=True)

    def serve(self, *words, store="a.mdb", **more):
        """A daemon, and where it listens first, by its name."""
        daemon = Daemon(self, *words, store=store, **more)
        url = daemon.said("listening")["url"]
        self.assertRegex(url, r"^wss://127\.0\.0\.1:\d+/$")
        return daemon, url.replace("127.0.0.1", "localhost")


class Daemons(TlsTest):
    def test_two_daemons_become_equal_and_stay_so(self):
        self.write("in.json", large(2000))
        self.expect(DONE, "import", "in.json", "--store=a.mdb")
        _, url = self.serve(*LISTEN)
        Daemon(self, "--connect", url, "--ca=ca.pem", store="b.mdb")
        self.expect(DONE, "write", "ada", "x=1", "--store=b.mdb")
        for store in ("a.mdb", "b.mdb"):
            while self.expect(DONE, "ls", "--store", store).count(b"\n") < 2001:
                pass
        self.assertEqual(self.expect(DONE, "export", "--store=a.mdb"), self.expect(DONE, "export", "--store=b.mdb"))

    def test_a_peer_whose_certificate_is_for_another_is_told_of(self):
        daemon, url = self.serve("--listen=wss://127.0.0.1:0", "--cert=other.pem", "--key=other.key")
        said = Daemon(self, "--connect", url, "--ca=ca.pem", store="b.mdb").wait_for("unreachable")
        self.assertEqual((said["id"], said["error"]),
                         (url, f"{url}: the certificate is for other.example, 192.0.2.7 and 4 more, not localhost"))
        self.assertEqual(daemon.stop(), DONE)
        self.assertNotIn("peer", [event["event"] for event in daemon.events])

    def test_all_comes_from_the_environment_too(self):
        _, url = self.serve(env=environment(MYTOSIS_LISTEN="wss://127.0.0.1:0", MYTOSIS_CERT="own.pem", MYTOSIS_KEY="own.key"))
        env = environment(MYTOSIS_CA="own.pem", MYTOSIS_STORE="b.mdb")
        self.assertRegex(self.expect(DONE, "sync", url, env=env).decode(), "^equal: ")

    def test_health_is_told_over_https_and_in_plain_only_that_tls_is_spoken(self):
        _, url = self.serve(*LISTEN)
        trust = ssl.create_default_context(cafile=self.path("ca.pem"))
        with urllib.request.urlopen(url.replace("wss", "https") + "healthz", context=trust) as answer:
            self.assertEqual((answer.status, answer.read()), (200, b"ok\n"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url.replace("wss", "http") + "healthz")
        with refused.exception as answer:
            self.assertEqual((answer.code, answer.read()), (400, b"TLS is spoken here: wss:// or https:// instead\n"))


class Sync(TlsTest):
    def test_by_itself_and_by_a_daemon(self):
        self.expect(DONE, "write", "ada", "x=1", "--store=b.mdb")
        _, url = self.serve(*LISTEN)
        self.assertEqual(self.result("sync", url, "--json", "--ca=ca.pem", "--store=b.mdb")["nodes_out"], 1)
        # A daemon of one's own does it, from another folder.
        os.mkdir(self.path("other"))
        daemon = Daemon(self, store="../b.mdb", cwd=self.path("other"))
        self.expect(DONE, "write", "bob", "x=1", "--store=b.mdb")
        self.refused(SYSTEM, f"{url}: {NOT_TRUSTED}", "sync", url, "--store=b.mdb")
        self.assertEqual(self.result("sync", url, "--json", "--ca=ca.pem", "--store=b.mdb")["nodes_out"], 1)
        self.assertEqual(daemon.stop(), DONE)
        # Whom it trusts itself, it trusts for others.
        Daemon(self, "--ca=ca.pem", store="b.mdb")
        self.assertRegex(self.expect(DONE, "sync", url, "--store=b.mdb").decode(), "^equal: ")
        self.refused(SYSTEM, f"{url}: {NOT_TRUSTED}", "sync", url, "--ca=own.pem", "--store=b.mdb")

    def test_who_is_not_trusted_gets_nothing(self):
        self.expect(DONE, "write", "ada", "x=1", "--store=b.mdb")
        _, url = self.serve(*LISTEN)
        self.refused(SYSTEM, f"{url}: {NOT_TRUSTED}", "sync", url, "--store=b.mdb")
        address = url.replace("localhost", "127.0.0.2")
        self.refused(SYSTEM, f"{address}: connection refused", "sync", address, "--ca=ca.pem", "--store=b.mdb")
        plain = url.replace("wss", "ws")
        self.refused(SYSTEM, f"{plain}: the server answers 400 TLS Is Spoken Here", "sync", plain, "--store=b.mdb")
        self.assertEqual(self.expect(DONE, "ls", "--store=a.mdb"), b"")

    def test_authorities_that_are_none(self):
        self.refused(INPUT, "no.pem: cannot be read: No such file or directory",
                     "sync", "wss://localhost:1", "--ca=no.pem", "--store=b.mdb")
        self.refused(INPUT, "here.key: there is no certificate in it, in PEM",
                     "sync", "wss://localhost:1", "--store=b.mdb", env=environment(MYTOSIS_CA="here.key"))
        self.refused(USAGE, "--ca is for wss://, and ws://localhost:1 is not",
                     "sync", "ws://localhost:1", "--ca=ca.pem", "--store=b.mdb")


class Config(TlsTest):
    def checked(self, code, message, *words, **more):
        self.refused(code, message, "serve", "--check-config", *words, **more)

    def test_settings_are_shown_with_where_they_come_from(self):
        self.write("c.conf", "listen = wss://127.0.0.1:1\ncert = here.pem\nkey = here.key\n")
        made = json.loads(self.expect(DONE, "serve", "--check-config", "--json", "--config=c.conf",
                                      env=environment(MYTOSIS_STORE="s.mdb", MYTOSIS_CA="ca.pem")))
        self.assertEqual([made[key] for key in ("cert", "key", "ca")],
                         [{"value": "here.pem", "from": "c.conf:2"}, {"value": "here.key", "from": "c.conf:3"},
                          {"value": "ca.pem", "from": "MYTOSIS_CA"}])

    def test_a_listener_takes_a_certificate_and_a_certificate_a_listener(self):
        takes = 'wss://127.0.0.1:0 takes a certificate and its key: "cert" and "key" name them'
        self.checked(USAGE, f"--listen: {takes}", LISTEN[0])
        self.checked(USAGE, f"--listen: {takes}", LISTEN[0], "--cert=here.pem")
        self.checked(USAGE, f"--listen: {takes}", LISTEN[0], "--key=here.key")
        self.checked(USAGE, "--cert: there is no listener of wss:// that shows it", "--listen=ws://127.0.0.1:0", *LISTEN[1:])
        self.write("c.conf", "key = here.key\n")
        self.checked(INPUT, "c.conf:1: there is no listener of wss:// that shows it", "--config=c.conf")
        self.write("c.conf", "\nlisten = wss://127.0.0.1:0\n")
        self.checked(INPUT, f"c.conf:2: {takes}", "--config=c.conf")

    def test_files_that_are_no_good_are_named(self):
        for words, message in ((("no.pem", "here.key"), "no.pem: cannot be read: No such file or directory"),
                               (("here.pem", "other.key"), "other.key: it is not the key of the certificate in here.pem"),
                               (("here.pem", "secret.key"),
                                "secret.key: the key is behind a passphrase, which nobody can be asked for")):
            words = (LISTEN[0], "--cert=" + words[0], "--key=" + words[1])
            self.checked(INPUT, message, *words)
            self.refused(INPUT, message, "serve", *words)
        done = self.run_command("serve", "--check-config", LISTEN[0], "--cert=expired.pem", "--key=expired.key")
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr.decode(), r"^mytosis: expired\.pem: the certificate has expired, on \d{4}-\d\d-\d\d\n$")
        self.checked(INPUT, "own.key: there is no certificate in it, in PEM", "--ca=own.key")


if __name__ == "__main__":
    unittest.main()
