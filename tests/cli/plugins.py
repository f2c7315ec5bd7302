"""Plugins from shared objects: stores of their own, routers, connections, query engines, and what is refused."""
import os
import sys

sys.dont_write_bytecode = True
from support.command import DONE, INPUT, USAGE, CommandTest, environment, unittest
from support.daemon import Daemon

PLUGINS = os.environ["MYTOSIS_PLUGINS"]


def plugin(name):
    return os.path.join(PLUGINS, f"{name}.so")


JOURNAL = plugin("journal_kv")


class JournalTest(CommandTest):
    """A store that the engine of a plugin keeps."""

    def setUp(self):
        super().setUp()
        self.env = environment(MYTOSIS_STORE="s.journal", MYTOSIS_PLUGIN=JOURNAL)
        self.expect(DONE, "init", "--clock=lamport")

    def run_command(self, *arguments, env=None, **more):
        return super().run_command(*arguments, env=env or self.env, **more)


class Storage(JournalTest):
    def test_every_command_works_on_it(self):
        self.expect(DONE, "write", "ada", "name=Ada", "born:=1815")
        self.expect(DONE, "link", "ada", "friend", "charles")
        self.assertEqual(self.expect(DONE, "read", "ada", "name", "--raw"), b"Ada\n")
        self.assertEqual(self.expect(DONE, "ls"), b"ada\n")
        self.expect(DONE, "export", "-o", "out.json")
        self.expect(DONE, "rm", "ada", "born")
        self.expect(DONE, "import", "out.json")
        self.assertIn(b"ada", self.expect(DONE, "log"))
        self.expect(DONE, "status")
        self.expect(DONE, "doctor")
        self.expect(DONE, "forget", "ada")
        self.assertEqual(self.expect(DONE, "ls"), b"")

    def test_it_is_named_by_an_option_too(self):
        env = environment(MYTOSIS_STORE="s.journal")
        self.expect(DONE, "write", "ada", "name=Ada", "--plugin", JOURNAL, env=env)
        self.assertEqual(self.expect(DONE, "ls", f"--plugin={JOURNAL}", env=env), b"ada\n")
        self.assertNotEqual(self.run_command("ls", env=env).returncode, DONE)

    def test_a_daemon_holds_it_and_answers(self):
        daemon = Daemon(self, store=None, env=self.env)
        said = daemon.said("plugin")
        self.assertEqual((said["name"], said["version"], said["from"]), ("journal", "1.0", JOURNAL))
        self.expect(DONE, "write", "ada", "name=Ada")
        self.assertEqual(self.expect(DONE, "read", "ada", "name", "--raw"), b"Ada\n")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.expect(DONE, "read", "ada", "name", "--raw"), b"Ada\n")

    def test_the_file_of_a_daemon_names_it(self):
        self.write("c.conf", f"store = s.journal\nplugin = {JOURNAL}\n")
        daemon = Daemon(self, "--config=c.conf", store=None, env=environment())
        self.assertEqual(daemon.said("plugin")["from"], JOURNAL)
        self.assertEqual(daemon.stop(), 0)

    def test_what_is_no_journal_is_refused(self):
        self.write("x.journal", "this is a text, and no journal at all\n")
        self.refused(INPUT, "journal: x.journal: it is no journal, or damaged", "ls", "--store=x.journal")
        self.refused(INPUT, "journal: none.journal: No such file or directory; mytosis init makes one", "ls",
                     "--store=none.journal")

    def test_options_are_for_the_plugin(self):
        self.refused(INPUT, "journal: fast: a journal has no options", "ls", "--plugin", JOURNAL + ":fast")


class Peers(CommandTest):
    """Two daemons whose router is a plugin's."""

    def setUp(self):
        super().setUp()
        for store in ("a.mdb", "b.mdb"):
            self.expect(DONE, "init", store)

    def test_a_router_takes_the_place_of_ours(self):
        router = plugin("told_router") + ":notes/"
        here = Daemon(self, "--listen=tcp://127.0.0.1:0", "--plugin", router, store="a.mdb")
        Daemon(self, "--connect", here.said("listening")["url"], "--plugin", router, store="b.mdb")
        here.wait_for("peer")
        self.expect(DONE, "write", "other/x", "to=nobody", "--store=a.mdb")
        self.expect(DONE, "write", "notes/x", "to=all", "--store=a.mdb")
        while not (heard := self.run_command("ls", "--store=b.mdb").stdout):
            pass
        self.assertEqual(heard, b"notes/x\n")

    def test_a_connection_joins_the_peers(self):
        links = plugin("wrong_links") + ":mirror"
        daemon = Daemon(self, "--plugin", links, store="a.mdb")
        self.assertEqual(daemon.said("connecting")["plugin"], "wrong")
        self.assertIn(b"mirror", self.expect(DONE, "peers", "--store=a.mdb"))
        self.assertEqual(daemon.stop(), 0)

    def test_a_space_takes_no_router_and_no_connection(self):
        Daemon(self, "notes/", "--listen=tcp://127.0.0.1:0", store="a.mdb", verb="share").stop()
        for name, what in (("told_router", "router"), ("wrong_links", "connection")):
            done = self.run_command("serve", "--log-level=error", "--store=a.mdb", "--listen=tcp://127.0.0.1:0", "--plugin",
                                    plugin(name))
            self.assertEqual(done.returncode, INPUT)
            self.assertEqual(done.stderr.decode(), f"mytosis: plugin {plugin(name)}: a store that is in a space takes no "
                                                   f"{what} of a plugin\n")


class Query(JournalTest):
    def test_an_engine_answers(self):
        self.expect(DONE, "write", "user/ada", "name=Ada")
        self.expect(DONE, "write", "user/charles", "name=Charles")
        self.expect(DONE, "write", "city/london", "name=London")
        both = ("--plugin", JOURNAL, "--plugin", plugin("count_engine"))
        self.assertEqual(self.expect(DONE, "query", "count", "user/", *both), b"2\n")
        self.assertEqual(self.expect(DONE, "query", "count", "", *both), b"3\n")

    def test_of_a_store_that_a_daemon_holds_too(self):
        self.expect(DONE, "write", "user/ada", "name=Ada")
        Daemon(self, store=None, env=self.env)
        env = environment(MYTOSIS_STORE="s.journal", MYTOSIS_PLUGIN=f"{JOURNAL} {plugin('count_engine')}")
        self.assertEqual(self.expect(DONE, "query", "count", "user/", env=env), b"1\n")

    def test_an_engine_that_is_not_there(self):
        self.refused(USAGE, "no plugin brings a query engine: --plugin FILE names one", "query", "count", "x")
        done = self.run_command("query", "sum", "x", "--plugin", JOURNAL, "--plugin", plugin("count_engine"))
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr.decode(), r"^mytosis: cannot query s\.journal: .*sum.*count.*\n$")


class Refusals(CommandTest):
    def refuses(self, message, *named, code=INPUT):
        words = [word for name in named for word in ("--plugin", name)]
        self.refused(code, message, "ls", "--store=s.mdb", *words)

    def test_what_cannot_be_loaded(self):
        self.refuses("plugin ./none.so: No such file or directory", "./none.so")
        self.refuses("plugin .: it is no file", ".")
        self.write("text.so", "a text")
        done = self.run_command("ls", "--store=s.mdb", "--plugin=text.so")
        self.assertEqual(done.returncode, INPUT)
        self.assertRegex(done.stderr.decode(), r"^mytosis: plugin text\.so: it is no shared object that can be loaded here: .*\n$")

    def test_what_is_no_plugin_or_another_version(self):
        for name, why in (
            ("entry", "it has no mt_plugin_entry, and is no plugin"),
            ("table", "mt_plugin_entry answers no table"),
            ("abi", "it is made for abi 2 of plugins, and this is 1"),
            ("size", "its table has 48 bytes, and must have 72"),
            ("name", "its table has no name"),
            ("maker", "its table has no maker of anything"),
        ):
            path = plugin("wrong_" + name)
            self.refuses(f"plugin {path}: {why}", path)

    def test_two_storages(self):
        other = plugin("wrong_failing")
        self.refuses(f"plugin {other}: it makes a storage, and so does {JOURNAL}", JOURNAL, other, code=USAGE)

    def test_makers_that_fail(self):
        done = self.run_command("ls", "--store=s.mdb", "--plugin", plugin("wrong_failing") + ":x")
        self.assertEqual((done.returncode, done.stderr.decode()), (4, 'mytosis: wrong: no room for "x"\n'))
        self.refuses("wrong: its storage is made for abi 2, and this is 1", plugin("wrong_made_storage"))
        self.refuses("wrong: the command needs a storage with list, changes and records, too", plugin("wrong_lacking"))


if __name__ == "__main__":
    unittest.main()
