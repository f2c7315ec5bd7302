#!/usr/bin/env python3
"""Reads the sessions in vectors/sync as docs/protocol.md has them, without any code of the library.

Beside each NAME.hex is NAME.txt: the same, a message a line, in words. What is read must be that. With
--write the texts are written instead.
"""

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sync")


class Bad(Exception):
    pass


class Bytes:
    """What is left of a message."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def fixed(self, count):
        if self.left() < count:
            raise Bad("the message ends too soon")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.fixed(1)[0]

    def number(self):
        """LEB128, in its shortest form."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if (byte == 0 and shift > 7) or value >= 1 << 64:
            raise Bad("a number is not in its shortest form")
        return value

    def text(self, most):
        length = self.number()
        if length > most:
            raise Bad("a text is too long")
        return self.fixed(length)


def shown(data):
    return '"' + data.decode() + '"'


def cursor(b):
    return f"{b.fixed(16).hex()[:8]}:{b.number()}"


def is_nothing(at):
    return at == "00000000:0"


def a_range(b, flags_known):
    """Its words, and its flags without that of a list."""
    flags = b.byte()
    if flags & ~(flags_known | 1):
        raise Bad("a range has unknown flags")
    if flags & 1:
        words = "list " + " ".join(shown(b.text(255)) for _ in range(b.number()))
    else:
        first, end = b.text(255), b.text(255)
        words = f"from {shown(first)} to {shown(end)}" if first or end else "everything"
    return words, flags & ~1


def standing(b):
    at = cursor(b)
    copying = b.byte()
    after = b.text(255) if copying else b""
    if is_nothing(at) and not copying:
        return "from nothing"
    if not copying:
        return f"from {at}"
    return f"copying up to {at}, after {shown(after)}"


def reason(b):
    status = b.number()
    return f"status -{status}: {b.text(320).decode()}"


def rows(b):
    count = b.left()
    b.fixed(count)
    return f"{count} bytes of rows" if count else "no rows"


def words(flags, names):
    said = [name for bit, name in names if flags & bit]
    if flags & ~sum(bit for bit, _ in names):
        raise Bad("unknown flags")
    return " ".join(said)


def hello(b):
    low, high, clock = b.byte(), b.byte(), b.byte()
    flags = words(b.number(), [(1, "durable")])
    peer, boot = b.fixed(16), b.fixed(16)
    session, heard, _time, window = b.number(), b.number(), b.number(), b.number()
    features = words(b.number(), [(1, "compressed")])
    said = f"versions {low} to {high}, {['?', 'hybrid', 'lamport'][clock]} clock"
    said += f", peer {peer.hex()[:8]}, boot {boot.hex()[:8]}, session {session}, heard {heard}"
    said += f", window {window}" + (f", {flags}" if flags else "") + (f", {features}" if features else "")
    for _ in range(b.number()):
        what, wish = a_range(b, 2 | 4 | 8)
        said += f"; {words(wish, [(2, 'pulls'), (4, 'gives'), (8, 'once')])}: {what}"
    b.fixed(b.left())
    return said


def subscribe(b):
    number = b.number()
    what, flags = a_range(b, 8)
    return f"{number}: {what}{' once' if flags else ''}, {standing(b)}"


DATA_FLAGS = [(1, "commit"), (2, "copy"), (4, "cut"), (8, "position"), (16, "all"), (32, "prompt")]


def data(b):
    number, flags = b.number(), b.number()
    said = f"{number}: {words(flags, DATA_FLAGS)}"
    if flags & 8:
        said += f" {cursor(b)}"
    return f"{said}, {rows(b)}"


def ack(b):
    said = f"{b.number()} handled"
    while b.left():
        number = b.number()
        said += f", {number} up to {cursor(b)}"
    return said


def pull(b):
    number = b.number()
    return f"read {number}: " + " ".join(shown(b.text(255)) for _ in range(b.number()))


def found(b):
    number, more, status = b.number(), b.byte(), b.number()
    return f"read {number}: {'more follows, ' if more else ''}status -{status}, {rows(b)}"


TYPES = {
    0x02: ("HELLO", hello),
    0x08: ("SUBSCRIBE", subscribe),
    0x0A: ("SUBSCRIBED", lambda b: f"{b.number()}: {standing(b)}"),
    0x0C: ("REFUSED", lambda b: f"{b.number()}: {reason(b)}"),
    0x0E: ("DATA", data),
    0x10: ("ACK", ack),
    0x12: ("UNSUBSCRIBE", lambda b: f"{b.number()}"),
    0x14: ("PULL", pull),
    0x16: ("FOUND", found),
    0x18: ("BYE", reason),
}


def message(data):
    b = Bytes(data)
    if b.byte() != 1:
        raise Bad("another version")
    kind = b.byte()
    b.text(1 << 21)  # the extension
    if kind not in TYPES:
        return f"type {kind}, which is {'skipped' if kind % 2 else 'not known'}"
    name, read = TYPES[kind]
    said = f"{name} {read(b)}"
    if b.left():
        raise Bad("bytes follow")
    return said


def session(path):
    with open(path, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            who, digits = line.split()
            try:
                yield f"{who} {message(bytes.fromhex(digits))}\n"
            except Bad as why:
                sys.exit(f"{path}:{number}: {why}")


def main():
    names = sorted(name[:-4] for name in os.listdir(FOLDER) if name.endswith(".hex"))
    if not names:
        sys.exit(f"{FOLDER}: there are no sessions")
    for name in names:
        path = os.path.join(FOLDER, name)
        said = "".join(session(path + ".hex"))
        if sys.argv[1:] == ["--write"]:
            with open(path + ".txt", "w", encoding="utf-8") as file:
                file.write(said)
            continue
        with open(path + ".txt", encoding="utf-8") as file:
            if file.read() != said:
                sys.exit(f"{path}.hex reads as\n{said}and not as {name}.txt has it")
    print(f"{len(names)} sessions")


main()
