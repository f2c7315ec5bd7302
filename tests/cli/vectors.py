"""All vectors pass through the command: all cases of a file in one graph, and a sample of them one by one."""
import json
import random
import sys

sys.dont_write_bytecode = True
from support.command import DIFFERENT, DONE, CommandTest, canonical, graph, node, unittest, vectors

SAMPLE = 12


def renamed(made, uid):
    return {**made, "@object": {**made["@object"], "uid": uid}}


def joined(graphs, rename=renamed):
    """Many graphs in one: the uids of each behind its number."""
    return {
        f"{i:04}/{uid}": rename(made, f"{i:04}/{uid}") for i, part in enumerate(graphs) for uid, made in part.items()
    }


def split(made, count):
    """The graphs that `joined` joined."""
    parts = [{} for _ in range(count)]
    for uid, part in made.items():
        number, name = uid.split("/", 1)
        parts[int(number)][name] = renamed(part, name)
    return parts


def sample(cases):
    return random.Random(2).sample(cases, SAMPLE)


def as_graphs(case, *names):
    """A case of nodes as one of graphs."""
    return {**case, **{name: {"n": case[name]} for name in names}}


class Vectors(CommandTest):
    def merge(self, current, incoming, verb="merge"):
        self.write("current.json", current)
        self.write("incoming.json", incoming)
        return self.result("graph", verb, "current.json", "incoming.json", "--json")

    def check_merge(self, cases, second="incoming", verb="merge"):
        """Cases whose graphs are `current` and `second`; answers the conflicts of each."""
        rename = (lambda made, uid: made) if verb == "patch" else renamed
        done = self.merge(joined(case["current"] for case in cases), joined((case[second] for case in cases), rename), verb)
        for part in ("merged", "update", "history"):
            for case, made in zip(cases, split(done[part], len(cases))):
                self.assert_same(made, case[part], case)
        conflicts = [[] for _ in cases]
        for conflict in done["conflicts"]:
            conflicts[int(conflict["uid"][:4])].append({**conflict, "uid": conflict["uid"][5:]})
        for case in sample(cases):
            single = self.merge(case["current"], case[second], verb)
            for part in ("merged", "update", "history"):
                self.assert_same(single[part], case[part], case)
        return conflicts

    def check_made(self, verb, cases):
        def make(source, target):
            self.write("source.json", source)
            self.write("target.json", target)
            return self.result("graph", verb, "source.json", "target.json", "--json")

        all_made = make(joined(case["source"] for case in cases), joined(case["target"] for case in cases))
        for case, made in zip(cases, split(all_made, len(cases))):
            self.assert_same(made, case["result"], case)
        for case in sample(cases):
            self.assert_same(make(case["source"], case["target"]), case["result"], case)

    def test_graph_merge(self):
        self.check_merge(vectors("graph-merge.json"))

    def test_node_merge(self):
        cases = [as_graphs(c, "current", "incoming", "merged", "update", "history") for c in vectors("node-merge.json")]
        for case, conflicts in zip(cases, self.check_merge(cases)):
            made = [{"won": conflict["won"], "lost": conflict["lost"]} for conflict in conflicts]
            self.assertEqual(sorted(map(canonical, made)), sorted(map(canonical, case["conflicts"])), case)
            for conflict in conflicts:
                self.assert_same(case["current"]["n"][conflict["field"]], conflict["lost"], case)
                self.assert_same(case["incoming"]["n"][conflict["field"]], conflict["won"], case)

    def test_node_patch(self):
        cases = [as_graphs(c, "current", "patch", "merged", "update", "history") for c in vectors("node-patch.json")]
        self.assertEqual(self.check_merge(cases, "patch", "patch"), [[] for _ in cases])

    def test_rebase(self):
        self.check_made("rebase", vectors("graph-rebase.json"))
        self.check_made("rebase", [as_graphs(c, "source", "target", "result") for c in vectors("node-rebase.json")])

    def test_overlap(self):
        self.check_made("overlap", vectors("graph-overlap.json"))
        self.check_made("overlap", [as_graphs(c, "source", "target", "result") for c in vectors("node-overlap.json")])

    def test_tie_break(self):
        cases = vectors("tie-break.json")
        uids = [f"{i:04}" for i in range(len(cases))]
        done = self.merge(*(graph(*(node(uid, {"f": (case[side], 3)}) for uid, case in zip(uids, cases)))
                            for side in ("current", "incoming")))
        conflicts = {conflict["uid"]: conflict for conflict in done["conflicts"]}
        for uid, case in zip(uids, cases):
            current, incoming = ({"value": case[side], "state": 3} for side in ("current", "incoming"))
            won = case["winner"] == "incoming"
            self.assert_same(done["merged"][uid]["f"], incoming if won else current, case)
            self.assert_same(done["update"][uid].get("f"), incoming if won else None, case)
            self.assert_same(done["history"][uid].get("f"), current if won else None, case)
            wanted = {"uid": uid, "field": "f", "won": incoming, "lost": current} if won else None
            self.assert_same(conflicts.get(uid), wanted, case)

    def test_json_text(self):
        cases = vectors("json-text.json")
        self.write("texts.json", graph(*(node(f"{i:04}", {"f": (c["value"], 1)}) for i, c in enumerate(cases))))
        lines = self.expect(DONE, "graph", "show", "--json", "texts.json").decode().split("\n")
        self.assertEqual(len(lines), len(cases) + 1)
        for i, (case, line) in enumerate(zip(cases, lines)):
            start = f'"{i:04}":{{"@object":{{"uid":"{i:04}"}},"f":{{"value":'
            self.assertEqual(line.lstrip("{")[: len(start)], start)
            self.assertEqual(line.lstrip("{")[len(start) :].rsplit(',"state"', 1)[0], case["text"])
            self.assertEqual(case["text"].encode().hex(), case["utf8_hex"])


class Diff(CommandTest):
    """merge(B, diff(A, B)) is merge(B, A), and no node or field of the difference is idle."""

    def canonical_merge(self, current, incoming):
        return self.expect(DONE, "graph", "merge", current, incoming, "-o", "-")

    def check(self, a, b):
        self.write("a.json", a)
        self.write("b.json", b)
        update = self.result("graph", "merge", "b.json", "a.json", "--json")["update"]
        idle = {uid for uid, made in update.items() if made == node(uid) and uid in b}
        wanted = {uid: made for uid, made in update.items() if uid not in idle}
        made = self.result("graph", "diff", "a.json", "b.json", "--json", "-o", "d.mtg",
                           code=DIFFERENT if wanted else DONE)
        self.assert_same(made, wanted)
        both = self.canonical_merge("b.json", "a.json")
        self.assertEqual(self.canonical_merge("b.json", "d.mtg"), both)
        self.assertEqual(self.canonical_merge("a.json", "b.json"), both)
        self.write("both.json", both)
        self.assertEqual(self.expect(DONE, "graph", "diff", "a.json", "both.json", "--json"), b"{}\n")

    def test_on_the_vectors(self):
        cases = vectors("graph-merge.json")
        self.check(joined(case["incoming"] for case in cases), joined(case["current"] for case in cases))
        for case in sample(cases):
            self.check(case["incoming"], case["current"])

    def test_with_delete_markers_floors_and_ties(self):
        for seed in range(3):
            self.check(*(self.make(random.Random(10 * seed + side)) for side in range(2)))

    def make(self, rng):
        values = [None, True, 0, 1, "a", "\uffff", "\U0001f600", {"edge": "n1"}, {"bytes": "AQID"},
                  {"int": "9007199254740993"}, ...]
        made = []
        for i in range(300):
            if rng.random() < 0.2:
                continue
            floor = rng.choice([None, None, 1, 2, 3])
            names = rng.sample("abcd", rng.randint(0, 4))
            fields = {name: (rng.choice(values), rng.randint((floor or 0) + 1, 5)) for name in names}
            made.append(node(f"n{i}", fields, floor))
        return graph(*made)


if __name__ == "__main__":
    unittest.main()
