"""`make fuzz-age`: malformed age files for ten minutes. Each is refused as AgeError, or is a file that was sealed.

    python -m tests.chaos.fuzz_age [--minutes 10] [--seed N]

Structured mutations of good files (bytes, lines, stanzas, armor, chunks) and of pieces of other good files. What counts
as a finding: another exception, another content than was sealed, or more than a second of CPU for one file.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.attest import sealing
from cocoon.attest.age import armor
from cocoon.attest.age import header as headers
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.header import Stanza
from tests.unit.age.files import parts, public, seal, unseal

IDENTITY: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))
CONTENT: Final = bytes(range(256)) * 520  # three chunks
SLOW: Final = 1.0
Mutation = Callable[[random.Random, bytearray], bytearray]


def _files() -> list[bytes]:
    other = X25519PrivateKey.generate()
    stanza = Stanza(("cocoonfleet.io/job-v1",), b'{"releases":3}' * 9)
    return [
        seal(CONTENT, public(IDENTITY), extra=[stanza]),
        seal(CONTENT, public(other), public(IDENTITY), extra=[stanza, Stanza(("x-grease", "!~"), b"z" * 48)]),
        seal(CONTENT[:100], public(other)),
    ]


def _flip(rnd: random.Random, file: bytearray) -> bytearray:
    file[_place(rnd, file)] ^= 1 << rnd.randrange(8)
    return file


def _put(rnd: random.Random, file: bytearray) -> bytearray:
    file[_place(rnd, file)] = rnd.choice(b"\n\r -=>A+/\0\xff")
    return file


def _cut(rnd: random.Random, file: bytearray) -> bytearray:
    at = _place(rnd, file)
    del file[at : at + rnd.randrange(1, 40)]
    return file


def _insert(rnd: random.Random, file: bytearray) -> bytearray:
    pieces = (
        b"\n",
        b"-> X25519 AAAA\n",
        b"-> scrypt AAAA 18\n",
        b" ",
        b"--- ",
        b"\r\n",
        rnd.randbytes(rnd.randrange(1, 90)),
    )
    at = _place(rnd, file)
    file[at:at] = rnd.choice(pieces)
    return file


def _end(rnd: random.Random, file: bytearray) -> bytearray:
    return file[: rnd.randrange(len(file))]


def _lines(rnd: random.Random, file: bytearray) -> bytearray:
    try:
        found = headers.split(bytes(file))
    except AgeError:
        return file
    if found is None:
        return file
    lines = found[0].split(b"\n")
    first, second = rnd.randrange(len(lines)), rnd.randrange(len(lines))
    if rnd.random() < 0.5:
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines.insert(first, lines[second])
    return bytearray(b"\n".join(lines) + found[1])


MUTATIONS: Final[tuple[Mutation, ...]] = (_flip, _flip, _put, _cut, _insert, _end, _lines)


def _place(rnd: random.Random, file: bytearray) -> int:
    """Mostly in the header, sometimes in the payload."""
    return rnd.randrange(min(len(file), 700)) if rnd.random() < 0.8 else rnd.randrange(len(file))


def mutated(rnd: random.Random, files: list[bytes]) -> bytes:
    """A file that nobody sealed so, mostly."""
    file = bytearray(rnd.choice(files))
    if rnd.random() < 0.1:
        other = bytearray(rnd.choice(files))
        file = file[: rnd.randrange(len(file))] + other[rnd.randrange(len(other)) :]
    for _ in range(rnd.choice((1, 1, 1, 2, 3, 8))):
        if file:
            file = rnd.choice(MUTATIONS)(rnd, file)
    return bytes(file)


def opened(file: bytes) -> bytes | None:
    """The content, or None if the file is refused."""
    try:
        content = unseal(file, IDENTITY)
    except AgeError:
        content = None
    try:
        sealing.policy_of(headers.parse(parts(file)[0]))
    except (AgeError, sealing.NoPolicy):
        return content
    return content


def unarmored(rnd: random.Random, file: bytes) -> None:
    """The armor of a file, mutated: refused, or the file again."""
    text = bytearray(armor.encode(file[:2_000]))
    for _ in range(rnd.choice((1, 1, 3))):
        text = rnd.choice((_flip, _put, _cut, _insert, _end))(rnd, text)
        if not text:
            return
    try:
        armor.decode(bytes(text))
    except AgeError:
        return


def fuzz(seconds: float, seed: int) -> int:
    """How many files were tried. Raises AssertionError for a finding."""
    rnd, tried, end = random.Random(seed), 0, time.monotonic() + seconds
    files = _files()
    while time.monotonic() < end:
        file = mutated(rnd, files)
        start = time.process_time()
        content = opened(file)
        unarmored(rnd, file)
        took = time.process_time() - start
        assert content in (None, CONTENT), f"seed {seed}, file {tried}: opened to another content"
        assert took < SLOW, f"seed {seed}, file {tried}: took {took:.1f} s"
        tried += 1
    return tried


def main() -> int:
    """0 unless there is a finding, which is raised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    chosen = parser.parse_args()
    sys.stdout.write(f"seed {chosen.seed}\n")
    tried = fuzz(chosen.minutes * 60, chosen.seed)
    sys.stdout.write(f"{tried:,} malformed files in {chosen.minutes:g} minutes: all refused, no crash\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
