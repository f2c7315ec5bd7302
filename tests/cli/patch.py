"""Patches: what is written, what is deleted, and what comes back."""
import sys

sys.dont_write_bytecode = True
from support.command import DONE, CommandTest, graph, node, unittest


class Patch(CommandTest):
    def patch(self, current, patch):
        self.write("current.json", current)
        self.write("patch.json", patch)
        return self.result("graph", "patch", "current.json", "patch.json", "--json")

    def test_a_field_gets_the_next_state(self):
        done = self.patch(graph(node("a", {"x": (1, 5), "y": (1, 1)})), {"a": {"x": 2, "new": None}, "b": {"z": "Z"}})
        self.assert_same(done["merged"], graph(node("a", {"x": (2, 6), "y": (1, 1), "new": (None, 1)}),
                                               node("b", {"z": ("Z", 1)})))
        self.assert_same(done["update"], graph(node("a", {"x": (2, 6), "new": (None, 1)}), node("b", {"z": ("Z", 1)})))
        self.assert_same(done["history"], graph(node("a", {"x": (1, 5)}), node("b")))
        self.assertEqual(done["conflicts"], [])

    def test_deleting_a_field_writes_a_marker(self):
        done = self.patch(graph(node("a", {"x": (1, 5), "y": (1, 1)})),
                          {"a": {"x": {"deleted": True}, "never": {"deleted": True}}})
        self.assert_same(done["merged"], graph(node("a", {"x": (..., 6), "y": (1, 1), "never": (..., 1)})))
        self.assert_same(done["history"], graph(node("a", {"x": (1, 5)})))

    def test_deleting_a_node_writes_a_floor_at_its_highest_state(self):
        done = self.patch(graph(node("a", {"x": (1, 5), "y": (1, 1)}), node("b", {"x": (1, 1)})),
                          {"a": {"@object": {"deleted": True}}})
        self.assert_same(done["merged"], graph(node("a", floor=5), node("b", {"x": (1, 1)})))
        self.assert_same(done["update"], graph(node("a", floor=5)))
        self.assert_same(done["history"], graph(node("a", {"x": (1, 5), "y": (1, 1)})))

    def test_a_deleted_node_comes_back_above_its_floor(self):
        done = self.patch(graph(node("a", {"x": (1, 5)})), {"a": {"@object": {"deleted": True}, "y": "back"}})
        self.assert_same(done["merged"], graph(node("a", {"y": ("back", 6)}, floor=5)))
        done = self.patch(done["merged"], {"a": {"x": 7}})
        self.assert_same(done["merged"], graph(node("a", {"x": (7, 6), "y": ("back", 6)}, floor=5)))

    def test_deleting_what_is_not_there_changes_nothing(self):
        self.assertEqual(self.patch({}, {"a": {"@object": {"deleted": True}}})["merged"], {})

    def test_an_empty_patch_of_a_node_creates_it(self):
        self.assert_same(self.patch({}, {"a": {}})["update"], graph(node("a")))

    def test_every_kind_of_value(self):
        values = {"null": None, "true": True, "number": -1.5e-7, "int": {"int": "-9007199254740993"}, "text": "é\0\U0001f600",
                  "bytes": {"bytes": "AQID"}, "edge": {"edge": "a"}, "": 0}
        done = self.patch({}, {"a": values})
        self.assert_same(done["merged"], graph(node("a", {name: (value, 1) for name, value in values.items()})))

    def test_either_operand_may_be_standard_input(self):
        self.write("a.json", graph(node("a", {"x": (1, 1)})))
        self.write("patch.json", {"a": {"x": 2}})
        wanted = self.result("graph", "patch", "a.json", "patch.json", "--json")
        self.assert_same(self.result("graph", "patch", "-", "patch.json", "--json", stdin=self.read("a.json")), wanted)
        self.assert_same(self.result("graph", "patch", "a.json", "-", "--json", stdin=self.read("patch.json")), wanted)

    def test_a_node_of_very_many_fields_is_one_patch(self):
        values = {f"f{i}": i for i in range(20000)}
        done = self.patch(graph(node("a", {"f7": (7, 3)})), {"a": {**values, "@object": {"deleted": True}}})
        self.assertEqual(len(done["merged"]["a"]), 20001)
        self.assert_same(done["merged"]["a"]["@object"], {"uid": "a", "floor": 3})
        self.assert_same(done["merged"]["a"]["f19999"], {"value": 19999, "state": 4})

    def test_a_snapshot_is_a_patch_that_brings_the_values_back(self):
        self.write("a.json", graph(node("a", {"x": (1, 5), "e": ({"edge": "b"}, 2), "gone": (..., 7)}), node("empty"),
                                   node("deleted", floor=3)))
        plain = self.expect(DONE, "graph", "show", "--plain", "a.json")
        self.assertEqual(plain, b'{"a":{"e":{"edge":"b"},"x":1}}\n')
        self.write("none.json", "{}")
        self.expect(DONE, "graph", "patch", "none.json", "-", "-o", "again.json", stdin=plain)
        self.assertEqual(self.expect(DONE, "graph", "show", "--plain", "again.json"), plain)


if __name__ == "__main__":
    unittest.main()
