"""`share --qr`: the ticket as a QR code on the terminal, read back from what was drawn."""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from support.command import DONE, USAGE, CommandTest, unittest
from support.daemon import Daemon

HAS_QR = os.environ["MYTOSIS_WITH_QR"] == "1"
QUIET = 4
FINDER = ["#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"]


def modules(lines, dark_blocks):
    """Rows of dark modules, from lines of half blocks."""
    rows = []
    for line in lines:
        for blocks in ("\u2580\u2588", "\u2584\u2588"):
            rows.append("".join("#" if (half in blocks) == dark_blocks else " " for half in line))
    return rows


class Drawn(CommandTest):
    def setUp(self):
        super().setUp()
        if not HAS_QR:
            self.skipTest("this build is without libqrencode")
        self.expect(DONE, "init", "a.mdb")
        Daemon(self, "notes/", "--listen=tcp://127.0.0.1:0", store="a.mdb", verb="share")

    def drawn(self, *words):
        lines = self.expect(DONE, "share", "notes/", "--qr", "--store=a.mdb", *words).decode().split("\n")
        self.assertEqual(lines.pop(), "")
        return lines[0], lines[1:]

    def check(self, rows):
        """The size is one of a code with its quiet zone, and a finder is in each of three corners. Answers the code alone."""
        width = len(rows[0])
        self.assertEqual({len(row) for row in rows}, {width})
        self.assertIn(len(rows), (width, width + 1))
        self.assertEqual((width - 2 * QUIET - 17) % 4, 0)
        self.assertNotIn("#", "".join(rows[:QUIET] + rows[width - QUIET:]))
        self.assertNotIn("#", "".join(row[:QUIET] + row[-QUIET:] for row in rows))
        code = [row[QUIET:-QUIET] for row in rows[QUIET:width - QUIET]]
        for corner in ([row[:7] for row in code[:7]], [row[-7:] for row in code[:7]], [row[:7] for row in code[-7:]]):
            self.assertEqual(corner, FINDER)
        return code

    def decoded(self, rows):
        """What another program reads there; None: it is not here."""
        if not shutil.which("zbarimg"):
            return None
        scale = 4
        pixels = "\n".join(" ".join("1" if module == "#" else "0" for module in row for _ in range(scale))
                           for row in rows for _ in range(scale))
        self.write("code.pbm", f"P1\n{len(rows[0]) * scale} {len(rows) * scale}\n{pixels}\n")
        done = subprocess.run(["zbarimg", "--raw", "-q", "code.pbm"], cwd=self.folder, capture_output=True, check=True)
        return done.stdout.decode().rstrip("\n")

    def test_a_dark_terminal_shows_it_without_colours(self):
        ticket, lines = self.drawn()
        rows = modules(lines, dark_blocks=False)
        self.check(rows)
        self.assertIn(self.decoded(rows), (ticket, None))

    def test_with_colours_it_is_black_on_white(self):
        ticket, lines = self.drawn("--color=always")
        for line in lines:
            self.assertTrue(line.startswith("\x1b[30;107m") and line.endswith("\x1b[0m"), line)
        rows = modules([line[len("\x1b[30;107m"):-len("\x1b[0m")] for line in lines], dark_blocks=True)
        self.check(rows)
        self.assertIn(self.decoded(rows), (ticket, None))

    def test_another_program_can_read_it(self):
        ticket, lines = self.drawn()
        read = self.decoded(modules(lines, dark_blocks=False))
        if read is None:
            self.skipTest("zbarimg is not here")
        self.assertTrue(read.startswith("mt1:"))
        self.assertEqual(read, ticket)


class Served(CommandTest):
    def test_a_daemon_of_its_own_draws_it_too(self):
        if not HAS_QR:
            self.skipTest("this build is without libqrencode")
        daemon = Daemon(self, "notes/", "--qr", "--listen=tcp://127.0.0.1:0", store="a.mdb", verb="share", close=False)
        lines = [daemon.process.stdout.readline().decode().rstrip("\n") for _ in range(4)]
        daemon.process.stdout.close()
        self.assertTrue(daemon.ticket.startswith("mt1:"))
        rows = modules(lines, dark_blocks=False)
        self.assertNotIn("#", "".join(rows[:QUIET]))
        self.assertTrue(rows[QUIET].startswith(" " * QUIET + FINDER[0]))


class Without(CommandTest):
    def test_a_build_without_the_library_says_so_and_makes_nothing(self):
        if HAS_QR:
            self.skipTest("this build has it")
        self.refused(USAGE, "this build is without libqrencode, which --qr needs", "share", "notes/", "--qr", "--store=a.mdb")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
