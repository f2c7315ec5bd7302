"""A peer of WebSocket that shares nothing with ours: RFC 6455 on Python's own sockets.

    websocket.py client HOST PORT PATH
    websocket.py server              prints its port

It sends each binary message back, in up to three frames with a ping between, until the other side closes: then it
leaves with 0 if that was with code 1000, and every ping was answered. The message "close" has it close with 1001."""
import base64
import hashlib
import os
import signal
import socket
import struct
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Link:
    def __init__(self, sock, masks):
        self.sock, self.masks, self.pinged, self.ponged = sock, masks, 0, 0
        self.file = sock.makefile("rb")

    def head(self):
        lines = []
        while (line := self.file.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), line
            lines.append(line.rstrip().decode())
        fields = dict(line.split(": ", 1) for line in lines[1:])
        return lines[0], {name.lower(): value for name, value in fields.items()}

    def bytes(self, count):
        got = self.file.read(count)
        assert len(got) == count, "the link ended inside a frame"
        return got

    def frame(self):
        first, second = self.bytes(2)
        assert first & 0x70 == 0 and bool(second & 0x80) == (not self.masks)
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self.bytes(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.bytes(8))
        mask = self.bytes(4) if second & 0x80 else bytes(4)
        return first & 0x80, first & 0x0F, masked(self.bytes(size), mask)

    def send(self, opcode, payload, fin=0x80):
        size = len(payload)
        head = bytes([fin | opcode])
        bit = 0x80 if self.masks else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += struct.pack(">BH", bit | 126, size)
        else:
            head += struct.pack(">BQ", bit | 127, size)
        if self.masks:
            mask = os.urandom(4)
            head += mask
            payload = masked(payload, mask)
        self.sock.sendall(head + payload)

    def ping(self):
        self.pinged += 1
        self.send(9, b"%d" % self.pinged)

    def echo(self, message):
        third = len(message) // 3
        self.send(2, message[:third], 0)
        self.send(0, message[third:2 * third], 0)
        if self.pinged == self.ponged:
            self.ping()
        self.send(0, message[2 * third:])

    def run(self):
        message, closing = b"", False
        while True:
            fin, opcode, payload = self.frame()
            if opcode == 8:
                if not closing:
                    self.send(8, payload)
                self.sock.shutdown(socket.SHUT_WR)
                assert self.file.read() == b""
                code, = struct.unpack(">H", payload[:2])
                return 0 if code == (1001 if closing else 1000) and self.pinged - self.ponged <= 1 else 1
            if opcode == 9:
                self.send(10, payload)
            elif opcode == 10:
                self.ponged += 1
                assert payload == b"%d" % self.ponged
            else:
                assert opcode == (0 if message else 2)
                message += payload
                if fin and message == b"close":
                    closing = True
                    self.send(8, struct.pack(">H", 1001) + "bye \N{SNOWMAN}".encode())
                elif fin:
                    self.echo(message)
                message = b"" if fin else message


def masked(payload, mask):
    if not any(mask):
        return payload
    wide = mask * (len(payload) // 4 + 1)
    number = int.from_bytes(payload, "big") ^ int.from_bytes(wide[:len(payload)], "big")
    return number.to_bytes(len(payload), "big")


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def client(host, port, path):
    link = Link(socket.create_connection((host, int(port))), True)
    key = base64.b64encode(os.urandom(16)).decode()
    link.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    first, fields = link.head()
    assert first.startswith("HTTP/1.1 101 ") and fields["sec-websocket-accept"] == accept_of(key)
    return link.run()


def server():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    link = Link(listener.accept()[0], False)
    first, fields = link.head()
    assert first == "GET /echo HTTP/1.1" and fields["host"] and fields["sec-websocket-version"] == "13"
    assert fields["upgrade"].lower() == "websocket" and fields["connection"].lower() == "upgrade"
    link.sock.sendall(f"HTTP/1.1 101 Hello\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {accept_of(fields['sec-websocket-key'])}\r\n\r\n".encode())
    return link.run()


signal.alarm(60)  # whoever runs it may have ended
sys.exit(client(*sys.argv[2:]) if sys.argv[1] == "client" else server())
