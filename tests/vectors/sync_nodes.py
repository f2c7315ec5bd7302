"""What peers that compare say of their nodes: Comparing in docs/protocol.md, without any code of the library.

Keys of rounds, prints, keys, values and tags of nodes, and coded tables.
"""

WORD = (1 << 64) - 1
PRIME = (1 << 61) - 1
GOLDEN = 0x9E3779B97F4A7C15


def siphash(key, data):
    """SipHash-2-4 with 128 bits."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE]
    v += [k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def add_rotate(a, b, bits_):
        v[a] = (v[a] + v[b]) & WORD
        v[b] = ((v[b] << bits_ | v[b] >> (64 - bits_)) & WORD) ^ v[a]

    def rounds(count):
        for _ in range(count):
            add_rotate(0, 1, 13)
            add_rotate(2, 3, 16)
            v[0] = (v[0] << 32 | v[0] >> 32) & WORD
            add_rotate(0, 3, 21)
            add_rotate(2, 1, 17)
            v[2] = (v[2] << 32 | v[2] >> 32) & WORD

    data += bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at : at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    out = b""
    for at, mark in ((2, 0xEE), (1, 0xDD)):
        v[at] ^= mark
        rounds(4)
        out += (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    return out


def little(number, size=8):
    return number.to_bytes(size, "little")


def word(data):
    return int.from_bytes(data, "little")


def fold(a, b):
    return a * b >> 64 ^ a * b & WORD


class Item:
    """What there is of a node: its state and its two sums."""

    def __init__(self, state, living, deleted):
        self.state, self.living, self.deleted = state, living, deleted


def within(items, part):
    first, end = part
    return {uid: item for uid, item in items.items() if first <= uid and (not end or uid < end)}


class Key:
    """That of a round."""

    def __init__(self, asker, answerer, subscription, round_):
        key, made = little(asker) + little(answerer), b""
        for i in range(0, 10, 2):
            made += siphash(key, little(subscription) + little(round_) + little(i))
        self.print_key = made[:16]
        words_ = [word(made[at : at + 8]) for at in range(16, 80, 8)]
        self.seed, self.uid, self.odd = words_[0], words_[1:4], [w | 1 for w in words_[4:]]

    def print_of(self, items, length):
        living = sum(word(item.living) for item in items) % (1 << 128)
        deleted = sum(word(item.deleted) for item in items) % (1 << 128)
        return siphash(self.print_key, little(living, 16) + little(deleted, 16))[:length]

    def key(self, uid):
        h, left = self.uid[0], uid
        while len(left) > 16:
            h = fold(word(left[:8]) ^ self.uid[1], word(left[8:16]) ^ h)
            left = left[16:]
        n, a, b = len(left), 0, 0
        if n >= 4:
            size = 8 if n >= 8 else 4
            a, b = word(left[:size]), word(left[-size:])
        elif n:
            a = left[0] << 16 | left[n // 2] << 8 | left[-1]
        h = fold(a ^ self.uid[1], b ^ h)
        return fold(h ^ self.uid[2], GOLDEN ^ len(uid)) >> 24 or 1

    def mix(self, item):
        low, high = word(item.living[:8]), word(item.living[8:])
        deleted_low, deleted_high = word(item.deleted[:8]), word(item.deleted[8:])
        mixed = (low + deleted_high) % (1 << 64) * self.odd[0] + (high ^ low >> 32) * self.odd[1]
        return mixed + (deleted_low ^ deleted_high >> 32) * self.odd[2] & WORD

    def value(self, item):
        value = item.state << 8 | self.mix(item) >> 56
        return value - 1 if value == PRIME else value or 1

    def tag(self, uid, item):
        return ((self.mix(item) ^ self.key(uid)) * self.odd[3] & WORD) >> 40


def places(key, seed, count):
    """The g of a key, and its cells."""
    bits = fold(fold(key ^ seed, GOLDEN) ^ seed, 0xD6E8FEB86659FD93)
    g, f, at = key << 20 | bits & 0xFFFFF, bits, []
    if count >= 150 and bits & 127 < 14:
        for i in range(16):
            if i % 4 == 0:
                f = fold(f ^ 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
            at.append(i * count // 16 + ((f >> 16 * (i % 4) & 0xFFFF) * (count // 16) >> 16))
        return g, at
    for i in range(3 if count >= 150 else 4):
        cell, f = f * (count - i) >> 64, f * (count - i) & WORD
        for taken in sorted(at):
            cell += cell >= taken
        at.append(cell)
    return g, at


def table_of(key, items, count):
    cells = [[0, 0] for _ in range(count)]
    for uid, item in items.items():
        g, at = places(key.key(uid), key.seed, count)
        for cell in at:
            cells[cell][0] = (cells[cell][0] + key.value(item)) % PRIME
            cells[cell][1] = (cells[cell][1] + g * key.value(item)) % PRIME
    return cells


def decoded(ours, theirs, seed):
    """What differs, ours minus theirs by key; None: too much does."""
    cells = [[(a - b) % PRIME for a, b in zip(*two)] for two in zip(ours, theirs)]
    out, again = {}, True
    while again:
        again = False
        for number, (left, product) in enumerate(cells):
            g = product * pow(left, PRIME - 2, PRIME) % PRIME
            if not left or not 0 < g >> 20 < 1 << 40:
                continue
            name, at = places(g >> 20, seed, len(cells))
            if name != g or number not in at:
                continue
            for cell in at:
                cells[cell] = [(cells[cell][0] - left) % PRIME, (cells[cell][1] - g * left) % PRIME]
            out[g >> 20] = left
            again = True
    return out if not any(any(cell) for cell in cells) else None


def read_items(path):
    """The nodes of each, in uid order, by who has them."""
    out = {}
    try:
        with open(path + ".items", encoding="utf-8") as file:
            for line in file:
                who, uid, state, living, deleted = line.split()
                item = Item(int(state), bytes.fromhex(living), bytes.fromhex(deleted))
                out.setdefault(who, {})[uid.encode()] = item
    except FileNotFoundError:
        return out
    both = out.pop("*", None)
    if both is not None:
        out = {who: both | out.get(who, {}) for who in set("ab") | set(out)}
    return {who: dict(sorted(items.items())) for who, items in out.items()}
