#!/usr/bin/env python3
"""Verifies packages as image-format.md says, and shares nothing with the crate ota-image.

    verify.py NAME.ota --release ed25519:HEX --boot p256:HEX [--boot ...] [--revoked MASK]
    verify.py --vectors DIRECTORY

Python's standard library only, so curves are computed here: slowly, and in time that depends on
the data, which is no matter for public ones. Do not sign with this.
"""

import argparse
import hashlib
import json
import pathlib
import sys

MAGIC = b"\x89OTA\r\n\x1a\n"
RELEASE, BOOT = 1, 2
ED25519, P256 = 1, 2
CRITICAL = {"client": 0x8000, "bootloader": 0x4000}


class Refused(Exception):
    """Carries the error's number."""

    def __init__(self, code):
        super().__init__(f"{code:#06x}")
        self.code = code


def require(condition, code):
    if not condition:
        raise Refused(code)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Ed25519: points of -x^2 + y^2 = 1 + d x^2 y^2 as (x, y).

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
NEUTRAL = (0, 1)


def ed_add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P
    return x, y


def multiply(add, neutral, k, point):
    result = neutral
    while k:
        if k & 1:
            result = add(result, point)
        point = add(point, point)
        k >>= 1
    return result


def ed_mul(k, point):
    return multiply(ed_add, NEUTRAL, k, point)


def ed_decode(encoded):
    """A canonical encoding of a point that is not of small order, or None."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return None if ed_mul(8, (x, y)) == NEUTRAL else (x, y)


def ed_base():
    y = 4 * pow(5, -1, P) % P
    return ed_decode(y.to_bytes(32, "little"))


def ed_verify(key, message, signature):
    a, r = ed_decode(key), ed_decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little")
    right = ed_add(r, ed_mul(k % L, a))
    return ed_mul(8 * s, ed_base()) == ed_mul(8, right)


# P-256: points of y^2 = x^3 - 3x + b as (x, y), None at infinity.

Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def p256_add(a, b):
    if a is None or b is None:
        return a or b
    (x1, y1), (x2, y2) = a, b
    if x1 == x2 and (y1 + y2) % Q == 0:
        return None
    if a == b:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, Q)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, Q)
    x = (slope * slope - x1 - x2) % Q
    return x, (slope * (x1 - x) - y1) % Q


def p256_mul(k, point):
    return multiply(p256_add, None, k, point)


def p256_verify(key, message, signature):
    x, y = int.from_bytes(key[:32], "big"), int.from_bytes(key[32:], "big")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if x >= Q or y >= Q or (y * y - x * x * x + 3 * x - B) % Q != 0:
        return False
    if not (0 < r < N and 0 < s <= N // 2):
        return False
    e, w = int.from_bytes(sha256(message), "big"), pow(s, -1, N)
    point = p256_add(p256_mul(e * w % N, G), p256_mul(r * w % N, (x, y)))
    return point is not None and point[0] % N == r


# Envelope.


def parse_key(text):
    algorithm, _, key = text.partition(":")
    algorithm, length = {"ed25519": (ED25519, 32), "p256": (P256, 64)}[algorithm]
    key = bytes.fromhex(key)
    if len(key) != length:
        raise ValueError(f"{text}: the key is not {length} bytes long")
    return algorithm, key


def parse_envelope(data):
    """The body, and (role, algorithm, key id, signature) of each entry."""
    require(len(data) == 1024, 0x0101)
    require(data[:8] == MAGIC, 0x0102)
    require(int.from_bytes(data[8:10], "little") == 1, 0x0103)
    length = int.from_bytes(data[10:12], "little")
    require(1 <= length <= 731, 0x0104)
    body, count = data[12 : 12 + length], data[12 + length]
    require(count <= 4, 0x0105)
    start = 13 + length
    raw = [data[start + 70 * i : start + 70 * (i + 1)] for i in range(count)]
    require(all(entry[0] != 0 for entry in raw), 0x0106)
    require(not any(data[start + 70 * count :]), 0x0107)
    return body, [(e[0], e[1], e[2:6], e[6:]) for e in raw]


def find_signer(body, entries, role, keys):
    """The index of a key that signed, "wrong", or "missing". `keys` is {index: key}."""
    outcome = "missing"
    for index, (algorithm, key) in keys.items():
        header = b"ota-v1" + bytes([role, algorithm, 1, 0]) + len(body).to_bytes(2, "little")
        verify = {ED25519: ed_verify, P256: p256_verify}[algorithm]
        for entry_role, entry_algorithm, _, signature in entries:
            if (entry_role, entry_algorithm) == (role, algorithm):
                if verify(key, header + body, signature):
                    return index
                outcome = "wrong"
    return outcome


def verify_envelope(data, release, boot, revoked=0):
    """The manifest. `release` is None for a bootloader."""
    body, entries = parse_envelope(data)
    if release is not None:
        signer = find_signer(body, entries, RELEASE, dict(enumerate(release)))
        require(signer != "missing", 0x0201)
        require(signer != "wrong", 0x0202)

    def boot_signer(wanted):
        keys = {i: key for i, key in enumerate(boot) if wanted(i)}
        return find_signer(body, entries, BOOT, keys)

    signer = boot_signer(lambda i: not revoked >> i & 1)
    if isinstance(signer, str):
        by_revoked = boot_signer(lambda i: revoked >> i & 1)
        require(isinstance(by_revoked, str), 0x0205)
        require(signer != "missing", 0x0203)
        raise Refused(0x0204)

    manifest = decode_body(body, "bootloader" if release is None else "client")
    revoked |= manifest["revoked_boot_keys"]
    if revoked >> signer & 1:
        signer = boot_signer(lambda i: not revoked >> i & 1)
        require(not isinstance(signer, str), 0x0205)
    manifest["release_id"] = sha256(b"\x02ota-v1\x01\x00", body)
    return manifest


# Body.


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        require(self.at + count <= len(self.data), 0x0301)
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self, bits):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        require(value < 2**bits, 0x0301)
        require(byte != 0 or shift == 7, 0x0302)
        return value


def decode_body(body, reader):
    r, m = Reader(body), {}
    m["vendor"], m["class"] = r.take(16), r.take(16)
    m["hardware_min"], m["hardware_max"] = r.varint(16), r.varint(16)
    m["component"] = r.take(1)[0]
    m["load_address"] = r.varint(32)
    version = r.take(r.varint(32))
    require(version.isascii(), 0x0301)
    require(1 <= len(version) <= 32 and all(0x21 <= c <= 0x7E for c in version), 0x0303)
    m["version"] = version.decode()
    m["sequence"], m["security_counter"] = r.varint(64), r.varint(32)
    m["image_length"], m["image_digest"] = r.varint(32), r.take(32)
    log2 = r.take(1)[0]
    require(10 <= log2 <= 14, 0x0307)
    count = r.varint(32)
    require(count <= 16, 0x0301)
    m["page_digests"] = [r.take(32) for _ in range(count)]
    m["payload_format"], m["lowest_boot_format"] = r.take(1)[0], r.take(1)[0]
    m["revoked_boot_keys"] = r.take(1)[0]

    require(m["hardware_min"] <= m["hardware_max"], 0x0304)
    require(m["image_length"] > 0, 0x0305)
    m["chunk_size"] = 1 << log2
    m["chunks"] = -(-m["image_length"] // m["chunk_size"])
    require(1024 + 32 * m["chunks"] + m["image_length"] < 2**32, 0x0306)
    require(count == -(-32 * m["chunks"] // m["chunk_size"]), 0x0308)
    check_tlvs(body[r.at :], CRITICAL[reader])
    return m


def check_tlvs(data, critical):
    lowest = 1
    while data:
        require(len(data) >= 4, 0x0309)
        tag, length = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:4], "little")
        require(len(data) >= 4 + length, 0x0309)
        require(tag & 0x3FFF >= lowest, 0x030A)
        require(not tag & critical, 0x030B)
        lowest = (tag & 0x3FFF) + 1
        data = data[4 + length :]


# Package.


def pieces(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


def verify_package(data, release, boot, revoked=0):
    m = verify_envelope(data[:1024], release, boot, revoked)
    require(m["payload_format"] == 0, 0x040B)
    table, payload = data[1024 : 1024 + 32 * m["chunks"]], data[1024 + 32 * m["chunks"] :]
    if len(payload) != m["image_length"]:
        raise ValueError("the file's length is not the one that the manifest says")
    pages = [sha256(b"\x01", page) for page in pieces(table, m["chunk_size"])]
    require(pages == m["page_digests"], 0x0513)
    m["chunk_digests"] = [sha256(b"\x00", chunk) for chunk in pieces(payload, m["chunk_size"])]
    require(b"".join(m["chunk_digests"]) == table, 0x0501)
    if sha256(payload) != m["image_digest"]:
        raise ValueError("the image's digest is not the one in the manifest")
    return m


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    return [plain(item) for item in value] if isinstance(value, list) else value


def check_vectors(directory):
    directory = pathlib.Path(directory)
    vectors = json.loads((directory / "vectors.json").read_text())
    wrong = 0
    for key in vectors["keys"]:
        algorithm, public = parse_key(key["public"])
        wrong += sha256(bytes([algorithm]), public)[:4].hex() != key["key_id"]
    for package in vectors["packages"]:
        release = [parse_key(key) for key in package["release_keys"]]
        boot = [parse_key(key) for key in package["boot_keys"]]
        found = verify_package((directory / package["file"]).read_bytes(), release, boot)
        expected = dict(package["manifest"])
        expected |= {name: package[name] for name in ("release_id", "chunk_digests")}
        same = all(plain(found[name]) == value for name, value in expected.items())
        print("ok  " if same else "WRONG", package["file"])
        wrong += not same
    for case in vectors["envelopes"]:
        release = [parse_key(key) for key in case["release_keys"]] or None
        boot = [parse_key(key) for key in case["boot_keys"]]
        try:
            verify_envelope(bytes.fromhex(case["envelope"]), release, boot, case["revoked"])
            code = 0
        except Refused as error:
            code = error.code
        same = f"{code:#06x}" == case["code"]
        print("ok  " if same else "WRONG", f"{code:#06x}", case["reader"], case["name"], sep="  ")
        wrong += not same
    print(f"{len(vectors['packages'])} packages, {len(vectors['envelopes'])} envelopes, {wrong} wrong")
    return wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", nargs="?")
    parser.add_argument("--release", action="append", type=parse_key)
    parser.add_argument("--boot", action="append", type=parse_key)
    parser.add_argument("--revoked", type=lambda text: int(text, 0), default=0)
    parser.add_argument("--vectors", metavar="DIRECTORY")
    args = parser.parse_args()
    if args.vectors:
        return 0 if check_vectors(args.vectors) else 1
    if not (args.package and args.release and args.boot):
        parser.error("a package needs --release and --boot")
    if set(args.release) & set(args.boot):
        parser.error("one key must not stand in both roles")
    try:
        data = pathlib.Path(args.package).read_bytes()
        manifest = verify_package(data, args.release, args.boot, args.revoked)
    except (Refused, ValueError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    print(json.dumps({name: plain(value) for name, value in manifest.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
