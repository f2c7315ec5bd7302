#!/usr/bin/env python3
"""Makes the samples in vectors/trust as docs/trust.md has them, without any code of the library.

Each file must be what is made here. With --write the files are written instead.
"""

import base64
import hashlib
import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trust")

# ---- Ed25519, RFC 8032 ----

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    """Of points as (X, Y, Z, T) with x = X / Z, y = Y / Z, x y = T / Z."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def base_point():
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1:
        x = P - x
    return x, y, 1, x * y % P


BASE = base_point()


def packed(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def sha512(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class Signer:
    """The key whose seed is one byte, 32 times."""

    def __init__(self, who):
        half = hashlib.sha512(who.encode() * 32).digest()
        self.scalar = int.from_bytes(half[:32], "little") & ((1 << 254) - 8) | 1 << 254
        self.rest = half[32:]
        self.public = packed(times(self.scalar, BASE))

    def sign(self, message):
        nonce = sha512(self.rest, message) % ORDER
        point = packed(times(nonce, BASE))
        challenge = sha512(point, self.public, message) % ORDER
        return point + ((nonce + challenge * self.scalar) % ORDER).to_bytes(32, "little")


# ---- Records ----


def blake(domain, data, length=32):
    return hashlib.blake2b(domain.encode() + data, digest_size=length).digest()


def word(number):
    return number.to_bytes(8, "little")


def signed(body, domain, signer):
    return body + signer.sign(domain.encode() + body)


def token(rights, space, parent, issuer, audience, depth, prefixes):
    body = bytes([1, rights]) + space + parent + issuer.public + audience.public + word(1000) + word(2000)
    body += bytes([depth]) + b"nonce\0\0\0" + bytes([len(prefixes)])
    for prefix in prefixes:
        body += bytes([len(prefix)]) + prefix
    return signed(body, "mytosis-token-v1", issuer)


def ticket(space, device, secret, addresses):
    body = bytes([1]) + space + device.public + b"\7" * 32 + secret + word(0x0102030405060708)
    body += bytes([len(addresses)])
    for address in addresses:
        body += bytes([len(address)]) + address
    return body + hashlib.blake2b(body, digest_size=32).digest()[:4]


def samples():
    root, a, b = Signer("R"), Signer("A"), Signer("B")
    recovery = blake("mytosis-recovery-v1", b.public)
    body = bytes([1]) + root.public + recovery + (1000).to_bytes(4, "little") + bytes(16)
    genesis = signed(body, "mytosis-genesis-v1", root)
    space = blake("mytosis-space-v1", body)
    first = token(1 + 4, space, bytes(32), root, a, 0, [b"a/", b"b/c/"])
    token_id = blake("mytosis-token-id-v1", first[:-64])
    second = token(1, space, token_id, a, b, 1, [b"a/\xc3\xa9/"])
    chain = bytes([2]) + b"".join(len(t).to_bytes(2, "little") + t for t in (first, second))
    revocation = signed(bytes([1]) + space + token_id + root.public + word(1500), "mytosis-revoke-v1", root)
    secret = b"\t" * 16
    invites = ticket(space, a, secret, [b"ws://192.168.1.7:8765/", b"wss://example.org/notes"])
    yield "genesis.hex", genesis.hex()
    yield "space_id.hex", space.hex()
    yield "token.hex", first.hex()
    yield "token_id.hex", token_id.hex()
    yield "chain.hex", chain.hex()
    yield "revocation.hex", revocation.hex()
    yield "ticket.hex", invites.hex()
    yield "ticket.txt", "mt1:" + base64.urlsafe_b64encode(invites).decode().rstrip("=")
    yield "ticket_id.hex", blake("mytosis-ticket-id-v1", secret, 16).hex()
    yield "ticket_key.hex", blake("mytosis-ticket-key-v1", secret).hex()


def main():
    failed = False
    for name, text in samples():
        path = os.path.join(FOLDER, name)
        if "--write" in sys.argv:
            with open(path, "w", encoding="ascii") as out:
                out.write(text + "\n")
            continue
        with open(path, encoding="ascii") as given:
            if given.read() != text + "\n":
                print(f"{name} is not what docs/trust.md says")
                failed = True
    return failed


sys.exit(main())
