"""Stands between two peers, and cuts or holds what goes through."""
import socket
import threading


def shut(*sockets):
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is over already
            pass


class Proxy:
    """Listens on TCP; whoever comes is joined to `target`, the address of a server of TCP or the path of a Unix socket.

    With a limit only so many bytes of what the target sends get through on each connection. Then it is cut; or, if `holds`,
    nothing more goes either way until it is cut, and `held` is set. All that got through is counted in `passed`.
    `alter`, if there is one, is given each HELLO of the target, as docs/protocol.md has it, and answers what goes on.
    """

    def __init__(self, test, target, limit=None, holds=False, port=0, alter=None):
        self.target = target
        self.limit = limit
        self.holds = holds
        self.alter = alter
        self.passed = 0
        self.held = threading.Event()
        self.sockets = []
        self.threads = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        test.addCleanup(self.close)
        self.start(self.accept)

    def start(self, target, *args):
        self.threads.append(threading.Thread(target=target, args=args))
        self.threads[-1].start()

    def close(self):
        shut(self.listener)
        self.threads[0].join()
        self.cut()
        for one in self.threads:
            one.join()
        for one in (self.listener, *self.sockets):
            one.close()

    def cut(self):
        shut(*self.sockets)

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # closed
                return
            far = socket.socket(socket.AF_INET if isinstance(self.target, tuple) else socket.AF_UNIX)
            try:
                far.connect(self.target)
            except OSError:  # nobody is there
                near.close()
                far.close()
                continue
            self.sockets += [near, far]
            holding = threading.Event()
            for of_target in (True, False):
                self.start(self.carry, near, far, of_target, holding)

    def altered(self, pending):
        """Takes the whole frames off what has come, and answers them with each HELLO altered."""
        out = bytearray()
        while len(pending) >= 4 and len(pending) >= 4 + (size := int.from_bytes(pending[1:4], "little")):
            message = bytes(pending[4:4 + size])
            if pending[0] == 0x10 and message[1:2] == b"\x02":
                message = self.alter(bytearray(message))
            out += pending[:1] + len(message).to_bytes(3, "little") + message
            del pending[:4 + size]
        return bytes(out)

    def carry(self, near, far, of_target, holding):
        source, sink = (far, near) if of_target else (near, far)
        left = self.limit if of_target else None
        pending = bytearray()
        try:
            while left != 0 and (data := source.recv(min(left or 65536, 65536))):
                if holding.is_set():
                    return
                if self.alter and of_target:
                    pending += data
                    data = self.altered(pending)
                sink.sendall(data)
                left = left and left - len(data)
                self.passed += len(data) if of_target else 0
        except OSError:  # cut
            pass
        if left == 0 and self.holds:
            holding.set()
            self.held.set()
        else:
            shut(near, far)
