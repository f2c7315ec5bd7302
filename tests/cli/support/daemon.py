"""A daemon for the tests: starts, says when it is ready, and ends."""
import json
import signal
import subprocess

from support.command import PROGRAM, environment


def event_of(line, stream):
    """What a line says. Where it is none of ours, a sanitizer's, say, all that follows belongs to it."""
    if line.startswith(b"{"):
        return json.loads(line)
    raise AssertionError((line + stream.read()).decode())


class Daemon:
    """What `mytosis serve` says on standard error is read as JSON, an event a line; `mytosis share` does the same, and has a
    ticket to say."""

    def __init__(self, test, *words, store="s.mdb", env=None, verb="serve", close=True, **more):
        self.test = test
        self.events = []
        self.process = subprocess.Popen(
            [PROGRAM, verb, "--log-format=json", *(["--store", store] if store else []), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if verb == "share" else None,
            stderr=subprocess.PIPE,
            env=env or environment(),
            **{"cwd": test.folder, **more},
        )
        test.addCleanup(self.stop)
        self.wait_for("ready")
        if verb == "share":
            self.ticket = self.process.stdout.readline().decode().strip()
            if close:
                self.process.stdout.close()

    def wait_for(self, event):
        """The next event of this name."""
        while line := self.process.stderr.readline():
            said = event_of(line, self.process.stderr)
            self.events.append(said)
            if said["event"] == event:
                return said
        raise AssertionError(f"the daemon ended before {event}: {self.events}")

    def said(self, event):
        """The first event of this name among those that were read."""
        return next(said for said in self.events if said["event"] == event)

    def stop(self, number=signal.SIGTERM):
        """Ends it; answers its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        if not self.process.stderr.closed:
            self.events.extend(event_of(line, self.process.stderr) for line in self.process.stderr)
            self.process.stderr.close()
        return self.process.wait()

    def kill(self):
        return self.stop(signal.SIGKILL)
