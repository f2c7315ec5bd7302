"""Nodes of a store: init, write, read, link, rm, ls, forget, log, status."""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from support.command import (DIFFERENT, DONE, INPUT, PROGRAM, SYSTEM, USAGE, CommandTest, StoreTest, environment, graph,
                             node, unittest)

NO_STORE = "no store is named: --store PATH does, or MYTOSIS_STORE in the environment"


class Init(CommandTest):
    def test_the_store_is_named_by_operand_option_or_environment(self):
        self.assertEqual(self.expect(DONE, "init", "a.mdb"), b"made a.mdb, an empty store with a hybrid clock\n")
        self.assertEqual(self.expect(DONE, "init", "--store=b.mdb"), b"made b.mdb, an empty store with a hybrid clock\n")
        self.assertEqual(self.expect(DONE, "init", env=environment(MYTOSIS_STORE="c.mdb")),
                         b"made c.mdb, an empty store with a hybrid clock\n")
        self.assertTrue({"a.mdb", "b.mdb", "c.mdb"} <= set(os.listdir(self.folder)))

    def test_none_of_them(self):
        self.refused(USAGE, NO_STORE, "init")
        self.refused(USAGE, NO_STORE, "init", env=environment(MYTOSIS_STORE=""))
        self.refused(USAGE, "the store is named twice, by --store and as PATH; see mytosis init --help",
                     "init", "a.mdb", "--store=b.mdb")
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_is_there_is_left_as_it_is(self):
        self.expect(DONE, "init", "a.mdb")
        self.expect(DONE, "write", "ada", "name=Ada", "--store=a.mdb")
        self.write("text", "precious")
        self.write("empty", "")
        for name in ("a.mdb", "text", "empty", "."):
            self.refused(INPUT, f"{name} exists; it is left as it is", "init", name)
        self.assertEqual(self.read("text"), b"precious")
        self.assertEqual(self.read("empty"), b"")
        self.assertEqual(self.expect(DONE, "ls", "--store=a.mdb"), b"ada\n")

    def test_where_no_file_can_be(self):
        self.refused(SYSTEM, "cannot make no/a.mdb: No such file or directory", "init", "no/a.mdb")

    def test_only_the_owner_may_read_it(self):
        self.expect(DONE, "init", "a.mdb", preexec_fn=lambda: os.umask(0))
        self.assertEqual(os.stat(self.path("a.mdb")).st_mode & 0o777, 0o600)

    def test_the_clock_is_for_ever(self):
        self.expect(DONE, "init", "a.mdb", "--clock=lamport")
        self.expect(DONE, "init", "b.mdb", "--clock=hybrid")
        for _ in range(2):
            self.expect(DONE, "write", "n", "x=1", "--store=a.mdb")
            self.expect(DONE, "write", "n", "x=1", "--store=b.mdb")
        self.assert_same(self.result("export", "--store=a.mdb"), graph(node("n", {"x": ("1", 2)})))
        self.assertGreater(self.result("export", "--store=b.mdb")["n"]["x"]["state"], 1 << 48)
        self.refused(USAGE, '--clock takes hybrid or lamport, not "wall"; see mytosis init --help', "init", "--clock=wall")


class Opening(CommandTest):
    VERBS = (["write", "a", "x=1"], ["read", "a"], ["link", "a", "x", "b"], ["rm", "a"], ["ls"], ["log"], ["watch"],
             ["export"], ["forget", "a"], ["status"], ["doctor"], ["import", "-"])

    def test_no_store_is_named(self):
        for words in self.VERBS:
            self.refused(USAGE, NO_STORE, *words)

    def test_there_is_none(self):
        for words in self.VERBS:
            self.refused(INPUT, "there is no store no.mdb; mytosis init makes one", *words, "--store=no.mdb")
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_is_no_store(self):
        self.write("text", "no store " * 1000)
        self.write("empty", "")
        os.mkdir(self.path("folder"))
        for words in self.VERBS:
            self.refused(INPUT, "text is not a store of LMDB", *words, "--store=text")
            self.refused(INPUT, "there is no store in empty: the file is empty; mytosis init makes one",
                         *words, "--store=empty")
            self.refused(INPUT, "folder is a folder, not the file of a store", *words, "--store=folder")

    def test_the_option_wins_over_the_environment(self):
        self.expect(DONE, "init", "a.mdb")
        self.expect(DONE, "ls", "--store=a.mdb", env=environment(MYTOSIS_STORE="no.mdb"))

    def test_a_store_that_another_process_holds(self):
        self.expect(DONE, "init", "a.mdb")
        holder = subprocess.Popen([PROGRAM, "watch", "--store=a.mdb"], cwd=self.folder, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, env=environment())
        self.addCleanup(holder.communicate)
        holder.stdin.write(b'{"a":{"x":1}}\n')
        holder.stdin.flush()
        self.assertEqual(holder.stdout.readline(), b"update 1\n")
        message = f"a.mdb is held by mytosis (pid {holder.pid})"
        for words in self.VERBS:
            self.refused(SYSTEM, message, *words, "--store=a.mdb")

    def test_several_may_read_at_a_time(self):
        self.expect(DONE, "init", "a.mdb")
        self.expect(DONE, "write", "--patch=-", "--store=a.mdb", stdin=json.dumps({str(i): {"x": "x" * 9000} for i in range(100)}))
        reader = subprocess.Popen([PROGRAM, "export", "--store=a.mdb"], cwd=self.folder, stdout=subprocess.PIPE,
                                  env=environment())
        reader.stdout.read(1)
        self.assertEqual(self.expect(DONE, "ls", "--limit=1", "--store=a.mdb"), b"0\n")
        self.refused(SYSTEM, "a.mdb is held by another", "write", "a", "x=1", "--store=a.mdb")
        reader.communicate()
        self.expect(DONE, "write", "a", "x=1", "--store=a.mdb")


class Write(StoreTest):
    def test_text_json_and_edges(self):
        self.expect(DONE, "write", "ada", "name=Ada = Lovelace @ home", "empty=", "born:=1815", "friend@charles",
                    'big:={"int":"9007199254740993"}', 'raw:={"bytes":"AQID"}', 'to:={"edge":"b"}', "no:=null",
                    "yes:= true ", 'text:="\\u00e9\\n"', "=nameless", "é@é")
        self.assert_same(self.exported(), graph(node("ada", {name: (value, 1) for name, value in {
            "name": "Ada = Lovelace @ home", "empty": "", "born": 1815, "friend": {"edge": "charles"},
            "big": {"int": "9007199254740993"}, "raw": {"bytes": "AQID"}, "to": {"edge": "b"}, "no": None,
            "yes": True, "text": "é\n", "": "nameless", "é": {"edge": "é"}}.items()})))

    def test_the_first_separator_ends_the_name_and_a_backslash_hides_one(self):
        self.expect(DONE, "write", "n", "a=b@c", "d@e=f", "g\\=h=i", "j\\@k:=1", "l\\:=m", "o:p=q", "r\\\\=s", "t\\u=v")
        self.assert_same(self.exported(), graph(node("n", {name: (value, 1) for name, value in {
            "a": "b@c", "d": {"edge": "e=f"}, "g=h": "i", "j@k": 1, "l:": "m", "o:p": "q", "r\\": "s",
            "t\\u": "v"}.items()})))

    def test_all_of_it_is_one_commit(self):
        self.expect(DONE, "write", "n", "a=1", "b=2")
        self.assertEqual(len(self.result("log", "--json")), 1)

    def test_a_field_is_deleted(self):
        self.expect(DONE, "write", "n", "a=1", "b=2")
        self.expect(DONE, "write", "n", 'a:={"deleted":true}')
        self.assert_same(self.exported(), graph(node("n", {"a": (..., 2), "b": ("2", 1)})))

    def test_a_dash_makes_a_uid(self):
        made = {self.expect(DONE, "write", "-", "x=1").decode() for _ in range(3)}
        self.assertEqual(len(made), 3)
        for uid in made:
            self.assertRegex(uid, r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$")
        self.assertEqual(set(self.expect(DONE, "ls").decode().splitlines(True)), made)

    def test_json_prints_what_changed(self):
        self.assert_same(self.result("write", "n", "a=1", "--json"), graph(node("n", {"a": ("1", 1)})))
        self.assert_same(self.result("write", "n", "a=2", "b=3", "--json"), graph(node("n", {"a": ("2", 2), "b": ("3", 1)})))
        self.assertEqual(self.expect(DONE, "write", "--patch=-", "--json", stdin="{}"), b"{}\n")
        uid, = self.result("write", "-", "a=1", "--json")
        self.assertEqual(len(uid), 36)

    def test_a_patch(self):
        self.expect(DONE, "write", "n", "a=1", "b=2")
        self.write("patch.json", {"n": {"@object": {"deleted": True}, "c": 3}, "m": {"a": {"edge": "n"}}})
        self.assertEqual(self.expect(DONE, "write", "--patch", "patch.json"), b"")
        self.assert_same(self.exported(), graph(node("m", {"a": ({"edge": "n"}, 1)}), node("n", {"c": (3, 2)}, floor=1)))
        self.refused(INPUT, '-:1:12: expected a value, found "x"'.replace("-:", "standard input:"),
                     "write", "--patch=-", stdin='{"n": {"a":x}}')
        self.refused(USAGE, "--patch says all that is written; see mytosis write --help", "write", "n", "--patch=-")

    def test_words_that_are_none(self):
        say = "expected FIELD=text, FIELD:=json or FIELD@uid, found "
        for word in ("name", "", "a\\=b", ":", "a:b"):
            self.refused(USAGE, f'{say}"{word}"', "write", "n", "x=1", word)
        self.refused(USAGE, "write takes a UID and one field or more; see mytosis write --help", "write", "n")
        self.refused(USAGE, "write takes a UID and one field or more; see mytosis write --help", "write")

    def test_names_and_uids_that_cannot_be(self):
        self.refused(USAGE, 'uid "": a uid is empty', "write", "", "x=1")
        self.refused(USAGE, f'uid "{"u" * 256}": a uid has 256 bytes, more than 255', "write", "u" * 256, "x=1")
        self.refused(USAGE, 'field "@object": a field may not have the name "@object"', "write", "n", "\\@object=1")
        self.refused(USAGE, f'field "{"n" * 255}": a field name has 255 bytes, more than 254', "write", "n", "n" * 255 + "=1")
        self.refused(USAGE, 'field "x": it is named twice', "write", "n", "x=1", "y=1", "x@n")
        self.refused(USAGE, 'field "x": a uid is empty', "write", "n", "x@")
        self.assertEqual(self.expect(DONE, "ls"), b"")

    def test_json_that_is_no_value(self):
        for text, message in (
            ("", "expected one value of JSON"),
            ("x", 'JSON 1:1: expected a value, found "x"'),
            ("[1]", 'JSON 1:1: expected a value, found "["'),
            ('\n  {"edge":""}', "JSON 2:11: a uid is empty"),
            ('{"edge":"a"', "expected one value of JSON"),
            ("1 2", 'JSON 1:3: expected "," or "}", found a number'),
            ('1,"y":2', "expected one value of JSON"),
            ('1},"m":{"y":2', "expected one value of JSON"),
            ('1}}', "expected one value of JSON"),
            ('1,"@object":{"deleted":true}', "expected one value of JSON"),
            ('{"deleted":false}', 'JSON 1:12: expected "true", found "f"'),
            ("1e999", "JSON 1:1: the number 1e999 is beyond the range of a double"),
        ):
            self.refused(USAGE, f'field "x": {message}', "write", "n", f"x:={text}")

    def test_text_that_is_not_utf8(self):
        self.refused(USAGE, 'field "x": a string is not UTF-8: byte 0xFF at 1', "write", "n", b"x=a\xff")

    def test_the_longest_value(self):
        longest = "é" * (128 * 1024)
        self.expect(DONE, "write", "--patch=-", stdin=json.dumps({"n": {"x": longest}}))
        self.assertEqual(self.expect(DONE, "read", "n", "x", "--raw").decode(), longest + "\n")
        done = self.run_command("write", "--patch=-", stdin=json.dumps({"n": {"x": longest + "é"}}))
        self.assertEqual(done.returncode, INPUT)
        self.assertIn(b"a value of more than 262144 bytes (value_len_max)", done.stderr)

    def test_a_full_disk_leaves_the_store_as_it_was(self):
        def no_room():
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))

        self.expect(DONE, "write", "n", "x=1")
        before = self.exported()
        done = self.run_command("write", "--patch=-", stdin=json.dumps({f"n{i}": {"x": "x" * 100000} for i in range(10)}),
                                preexec_fn=no_room)
        self.assertEqual(done.returncode, SYSTEM)
        self.assertEqual(done.stderr, b"mytosis: cannot write to s.mdb: No space left on device\n")
        self.assert_same(self.exported(), before)


class Link(StoreTest):
    def test_an_edge_to_a_node_that_need_not_be_there(self):
        self.expect(DONE, "link", "ada", "friend", "charles")
        self.assert_same(self.result("link", "a=b", "c@d", "-", "--json"), graph(node("a=b", {"c@d": ({"edge": "-"}, 1)})))
        self.assert_same(self.exported("ada"), graph(node("ada", {"friend": ({"edge": "charles"}, 1)})))

    def test_bad_words(self):
        takes = "link takes three operands, FROM, FIELD and TO; see mytosis link --help"
        for words in ([], ["a"], ["a", "b"], ["a", "b", "c", "d"]):
            self.refused(USAGE, takes, "link", *words)
        self.refused(USAGE, 'uid "": a uid is empty', "link", "a", "b", "")
        self.refused(USAGE, 'uid "": a uid is empty', "link", "", "b", "c")
        self.refused(USAGE, 'field "@object": a field may not have the name "@object"', "link", "a", "@object", "c")


class Read(StoreTest):
    def setUp(self):
        super().setUp()
        self.expect(DONE, "write", "--patch=-", stdin=json.dumps({
            "ada": {"name": "Ada", "friend": {"edge": "charles"}, "gone": 1, "born": 1815, "nobody": {"edge": "no"}},
            "charles": {"name": "Charles", "friend": {"edge": "ada"}, "full.name": "Charles Babbage"}}))
        self.expect(DONE, "write", "ada", 'gone:={"deleted":true}')

    def test_a_node(self):
        self.assertEqual(self.expect(DONE, "read", "ada").decode(), """\
ada
  born    1815        1
  friend  -> charles  1
  name    "Ada"       1
  nobody  -> no       1
""")

    def test_a_node_as_json(self):
        wanted = {"name": ("Ada", 1), "friend": ({"edge": "charles"}, 1), "born": (1815, 1), "nobody": ({"edge": "no"}, 1)}
        self.assert_same(self.result("read", "ada", "--json"), graph(node("ada", wanted)))
        self.assert_same(self.result("read", "ada", "--plain"), {name: value for name, (value, _) in wanted.items()})
        self.assertEqual(self.expect(DONE, "read", "ada", "--raw"), b"1815\ncharles\nAda\nno\n")

    def test_fields(self):
        self.assertEqual(self.expect(DONE, "read", "ada", "name", "friend").decode(),
                         'ada\n  name    "Ada"       1\n  friend  -> charles  1\n')
        self.assertEqual(self.expect(DONE, "read", "ada", "name", "friend", "--json"),
                         b'{"name":{"value":"Ada","state":1},\n"friend":{"value":{"edge":"charles"},"state":1}}\n')
        self.assertEqual(self.expect(DONE, "read", "ada", "born", "friend", "--plain"),
                         b'{"born":1815,\n"friend":{"edge":"charles"}}\n')

    def test_a_path_follows_edges(self):
        self.assertEqual(self.expect(DONE, "read", "ada", "friend.name", "friend.friend.friend.name", "--plain"),
                         b'{"friend.name":"Charles",\n"friend.friend.friend.name":"Charles"}\n')

    def test_names_with_dots_are_tried_from_the_longest(self):
        self.assertEqual(self.expect(DONE, "read", "charles", "full.name", "--raw"), b"Charles Babbage\n")
        self.assertEqual(self.expect(DONE, "read", "ada", "friend.full.name", "--raw"), b"Charles Babbage\n")
        self.expect(DONE, "link", "ada", "friend.friend", "other")
        self.expect(DONE, "write", "other", "name=Other")
        self.assertEqual(self.expect(DONE, "read", "ada", "friend.friend.name", "--raw"), b"Other\n")
        self.expect(DONE, "write", "ada", "friend.name=literal")
        self.assertEqual(self.expect(DONE, "read", "ada", "friend.name", "--raw"), b"literal\n")

    def test_a_longer_name_that_is_no_edge_does_not_stand_in_the_way(self):
        self.expect(DONE, "write", "ada", "friend.friend=text")
        self.assertEqual(self.expect(DONE, "read", "ada", "friend.friend.name", "--raw"), b"Ada\n")

    def test_names_with_dots_at_their_ends(self):
        self.expect(DONE, "write", "dots", "=empty", ".=dot", "a.=a dot")
        self.expect(DONE, "link", "dots", "to", "dots")
        for path, value in (("", "empty"), (".", "dot"), ("a.", "a dot"), ("to.", "empty"), ("to..", "dot"), ("to.a.", "a dot")):
            self.assertEqual(self.expect(DONE, "read", "dots", path, "--raw"), value.encode() + b"\n", path)

    def test_what_is_not_there(self):
        self.refused(DIFFERENT, 'there is no node "bob"', "read", "bob")
        self.refused(DIFFERENT, 'there is no node "bob"', "read", "bob", "name")
        self.refused(DIFFERENT, 'node "ada" has no field "gone"', "read", "ada", "gone")
        self.refused(DIFFERENT, 'node "charles" has no field "age"', "read", "ada", "friend.age")
        self.refused(DIFFERENT, 'node "ada" has no field "name.first"', "read", "ada", "name.first")
        self.refused(DIFFERENT, 'there is no node "no", where field "nobody" of node "ada" leads', "read", "ada", "nobody.name")
        self.expect(DONE, "rm", "ada")
        self.refused(DIFFERENT, 'there is no node "ada"', "read", "ada")

    def test_what_is_there_is_printed_all_the_same(self):
        self.assertEqual(self.told(DIFFERENT, "read", "ada", "age", "name", "--raw", message='node "ada" has no field "age"'),
                         b"Ada\n")

    def test_a_node_of_very_many_fields(self):
        many = {f"f{i:05}": i for i in range(20000)}
        self.expect(DONE, "write", "--patch=-", stdin=json.dumps({"many": many}))
        self.assertEqual(self.result("read", "many", "--plain"), many)
        self.assertEqual(len(self.result("read", "many", "--json")["many"]), 20001)
        self.assertEqual(self.expect(DONE, "read", "many", "f19999", "f00000", "--raw"), b"19999\n0\n")
        self.refused(DIFFERENT, 'node "many" has no field "f2"', "read", "many", "f2")

    def test_long_values_are_cut_and_all_shows_them(self):
        self.expect(DONE, "write", "long", "s=" + "s" * 1234)
        self.assertIn(b'"' + b"s" * 62 + '…" (1,234 bytes)  1\n'.encode(), self.expect(DONE, "read", "long"))
        self.assertIn(b'"' + b"s" * 1234 + b'"  1\n', self.expect(DONE, "read", "long", "--all"))

    def test_raw_values(self):
        self.expect(DONE, "write", "raw", 'a:={"bytes":"AP8K"}', 'b:={"int":"9007199254740993"}', "c:=null", "d:=1e21", "e=\n")
        self.assertEqual(self.expect(DONE, "read", "raw", "a", "--raw"), b"\0\xff\n")
        self.assertEqual(self.expect(DONE, "read", "raw", "b", "c", "d", "e", "--raw"), b"9007199254740993\nnull\n1e+21\n\n\n")

    def test_words_that_make_no_sense(self):
        self.refused(USAGE, "read takes a UID, and then fields; see mytosis read --help", "read")
        self.refused(USAGE, 'uid "": a uid is empty', "read", "")
        self.refused(USAGE, 'field "name": it is named twice', "read", "ada", "name", "name")
        self.refused(USAGE, "of --json, --plain and --raw only one can be given", "read", "ada", "--json", "--raw")

    def test_a_node_whose_uid_looks_like_an_option(self):
        self.expect(DONE, "write", "--", "--json", "-x=1")
        self.assertEqual(self.expect(DONE, "read", "--raw", "--", "--json", "-x"), b"1\n")


class Remove(StoreTest):
    def setUp(self):
        super().setUp()
        self.expect(DONE, "write", "ada", "name=Ada", "born:=1815", "a.b=1")

    def test_a_field(self):
        self.expect(DONE, "rm", "ada", "born", "a.b")
        self.assert_same(self.exported(), graph(node("ada", {"a.b": (..., 2), "born": (..., 2), "name": ("Ada", 1)})))

    def test_a_node(self):
        self.assert_same(self.result("rm", "ada", "--json"), graph(node("ada", floor=1)))
        self.assertEqual(self.expect(DONE, "ls"), b"")
        self.expect(DONE, "write", "ada", "name=back")
        self.assert_same(self.exported(), graph(node("ada", {"name": ("back", 2)}, floor=1)))

    def test_nothing_is_deleted_unless_all_is_there(self):
        before = self.exported()
        self.refused(DIFFERENT, 'there is no node "bob"', "rm", "bob")
        self.refused(DIFFERENT, 'node "ada" has no field "age"', "rm", "ada", "name", "age")
        self.assert_same(self.exported(), before)

    def test_what_is_deleted_is_not_there(self):
        self.expect(DONE, "rm", "ada", "born")
        self.refused(DIFFERENT, 'node "ada" has no field "born"', "rm", "ada", "born")
        self.expect(DONE, "rm", "ada")
        self.refused(DIFFERENT, 'there is no node "ada"', "rm", "ada")

    def test_words_that_make_no_sense(self):
        self.refused(USAGE, "rm takes a UID, and then fields; see mytosis rm --help", "rm")
        self.refused(USAGE, 'field "name": it is named twice', "rm", "ada", "name", "name")
        self.refused(USAGE, 'field "@object": a field may not have the name "@object"', "rm", "ada", "@object")


class Forget(StoreTest):
    def test_nodes_go_without_a_trace(self):
        self.expect(DONE, "write", "--patch=-", stdin='{"a":{"x":1},"b":{"x":1},"c":{"x":1}}')
        self.expect(DONE, "forget", "a", "c")
        self.assert_same(self.exported(), graph(node("b", {"x": (1, 1)})))

    def test_none_goes_unless_all_are_there(self):
        self.expect(DONE, "write", "a", "x=1")
        self.refused(DIFFERENT, 'there is no node "b"', "forget", "a", "b")
        self.assertEqual(self.expect(DONE, "ls"), b"a\n")
        self.refused(USAGE, "forget takes one UID or more; see mytosis forget --help", "forget")


class List(StoreTest):
    def setUp(self):
        super().setUp()
        self.expect(DONE, "write", "--patch=-", stdin=json.dumps(
            {**{f"note/{i:03}": {"x": i, "y": i} for i in range(700)}, "a b": {"x": 1}, "é": {"x": 1}, "gone": {"x": 1}}))
        self.expect(DONE, "rm", "gone")

    def test_uids_in_order(self):
        lines = self.expect(DONE, "ls").decode().split("\n")
        self.assertEqual(lines, ['"a b"', *(f"note/{i:03}" for i in range(700)), "é", ""])

    def test_a_prefix_and_a_limit(self):
        self.assertEqual(self.expect(DONE, "ls", "note/69", "--limit=2"), b"note/690\nnote/691\n")
        self.assertEqual(self.expect(DONE, "ls", "no such"), b"")
        self.assertEqual(self.expect(DONE, "ls", "--limit=0"), b"")
        self.refused(USAGE, "a prefix of 256 bytes is longer than any uid", "ls", "p" * 256)
        self.refused(USAGE, "ls takes at most one operand, PREFIX; see mytosis ls --help", "ls", "a", "b")

    def test_deleted_nodes_do_not_count_for_the_limit(self):
        self.assertEqual(self.expect(DONE, "ls", "--limit=2"), b'"a b"\nnote/000\n')

    def test_long(self):
        self.assertEqual(self.expect(DONE, "ls", "--long", "note/00", "--limit=2"), b"note/000  2 fields\nnote/001  2 fields\n")
        self.assertEqual(self.expect(DONE, "ls", "-l", "a b"), b'"a b"  1 field\n')

    def test_json(self):
        self.assertEqual(len(self.result("ls", "--json")), 702)
        self.assertEqual(self.result("ls", "--json", "no such"), [])
        self.assertEqual(self.result("ls", "--json", "--long", "a b"), [{"uid": "a b", "fields": 1}])

    def test_a_large_node_is_one(self):
        self.expect(DONE, "write", "--patch=-", stdin=json.dumps({"many": {f"f{i}": i for i in range(5000)}}))
        self.assertEqual(self.expect(DONE, "ls", "-l", "m"), b"many  5,000 fields\n")

    def test_a_closed_pipe_ends_quietly(self):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([PROGRAM, "ls"], cwd=self.folder, stdout=writing, stderr=subprocess.PIPE, check=False,
                              env=environment(MYTOSIS_STORE="s.mdb"))
        os.close(writing)
        self.assertEqual((done.returncode, done.stderr), (DONE, b""))


class Log(StoreTest):
    def setUp(self):
        super().setUp()
        self.expect(DONE, "write", "ada", "name=Ada")
        self.expect(DONE, "write", "bob", "name=Bob", "age:=7")
        self.expect(DONE, "write", "ada", "born:=1815", "name=Eve")
        self.expect(DONE, "rm", "bob")

    def test_changes_oldest_first(self):
        self.assertEqual(self.expect(DONE, "log").decode(), """\
1  ada  (all)
2  bob  (all)
3  ada  born, name
4  bob  (all)
""")

    def test_json(self):
        self.assertEqual(self.result("log", "--json")[2:], [{"number": 3, "uid": "ada", "fields": ["born", "name"]},
                                                            {"number": 4, "uid": "bob", "all": True}])

    def test_since_and_limit(self):
        self.assertEqual(self.expect(DONE, "log", "--since=2", "--limit=1"), b"3  ada  born, name\n")
        self.assertEqual(self.expect(DONE, "log", "--since=0", "--limit=1"), b"1  ada  (all)\n")
        for since in ("4", "1000000"):
            self.assertEqual(self.expect(DONE, "log", "--since", since), b"")
        self.assertEqual(self.result("log", "--json", "--since=4"), [])
        self.refused(USAGE, '--since takes a number, not "x"; see mytosis log --help', "log", "--since=x")

    def test_a_newer_change_takes_the_place_of_older_ones(self):
        self.expect(DONE, "write", "--patch=-", stdin=json.dumps({f"n{i}": {"x": 1} for i in range(3000)}))
        self.assertEqual(len(self.result("log", "--json")), 3004)

    def test_an_empty_log(self):
        self.expect(DONE, "init", "empty.mdb")
        self.assertEqual(self.expect(DONE, "log", "--store=empty.mdb"), b"")
        self.assertEqual(self.result("log", "--json", "--store=empty.mdb"), [])


class Status(StoreTest):
    def test_of_a_new_store(self):
        self.assertEqual(self.expect(DONE, "status").decode().splitlines()[2:], ["clock  lamport", "log    empty"])

    def test_of_one_that_was_written(self):
        self.expect(DONE, "write", "ada", "x=1")
        self.expect(DONE, "write", "bob", "x=1")
        size = os.path.getsize(self.path("s.mdb"))
        self.assertEqual(self.expect(DONE, "status").decode(),
                         f"store  s.mdb\nsize   {size:,} bytes\nclock  lamport\nlog    changes 1 to 2\n")
        self.assertEqual(self.result("status", "--json"), {"store": "s.mdb", "bytes": size, "log": {"first": 1, "last": 2},
                                                           "clock": {"mode": "lamport", "state": 0}})

    def test_of_a_hybrid_clock(self):
        self.expect(DONE, "init", "h.mdb")
        self.expect(DONE, "write", "ada", "x=1", "--store=h.mdb")
        self.assertRegex(self.expect(DONE, "status", "--store=h.mdb").decode(),
                         r"\nclock  hybrid, last write at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC\n")
        state = self.result("export", "--store=h.mdb")["ada"]["x"]["state"]
        self.assertEqual(self.result("status", "--json", "--store=h.mdb")["clock"],
                         {"mode": "hybrid", "state": state, "ahead_ms": 0})


if __name__ == "__main__":
    unittest.main()
