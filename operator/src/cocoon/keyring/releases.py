"""How often a file's key was released, and to whom: the client says how many starts of runners may have it.

Kept in memory, by one replica for each file (cocoon.keyring.counting), and told to the others, which take over if that
one is away. A replica that starts gets what is known with the identity. So it is lost when the identity is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from msgspec import Struct

from cocoon.attest.preimage import prefixed
from cocoon.keyring.refusals import Refusal

#: Runners that a handover tells of at most, so that it fits into an answer: of the files whose policies end last.
TOLD = 8_000


class Count(Struct, frozen=True, array_like=True):
    """Runners (their receipt keys) that have one file's key, and when that key's policy ends, in seconds since 1970."""

    file: bytes
    runners: tuple[bytes, ...]
    expires: int


class _Known(Struct):
    runners: set[bytes]
    expires: int


def name_of(file_key: bytes) -> bytes:
    """What a file is counted by, 32 bytes; says nothing of its key."""
    return hashlib.sha256(prefixed("cocoon/releases/v1", file_key)).digest()


class Releases:
    """Forgets a file when its policy has expired, for then nothing is released any more."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        self._next_sweep = 0.0

    def __len__(self) -> int:
        return len(self._known)

    def count(self, file: bytes, runner: bytes, most: int, expires: int) -> int:
        """Note a release; how many runners have the key now. Raises Refusal if it is one too many."""
        found = self._known.setdefault(file, _Known(set(), expires))
        if runner not in found.runners and len(found.runners) >= most:
            detail = f"The client allows {most} runners, and so many have had the key."
            raise Refusal("ReleasesExhausted", detail)
        found.runners.add(runner)
        return len(found.runners)

    def take(self, told: Iterable[Count]) -> None:
        """Know what another replica knows."""
        for each in told:
            self._known.setdefault(each.file, _Known(set(), each.expires)).runners.update(each.runners)

    def tell(self) -> tuple[Count, ...]:
        """What a replica that joins is told."""
        counts: list[Count] = []
        left = TOLD
        for file, known in sorted(self._known.items(), key=lambda item: -item[1].expires):
            left -= len(known.runners)
            if left < 0:
                break
            counts.append(Count(file, tuple(known.runners), known.expires))
        return tuple(counts)

    def sweep(self, now: float) -> None:
        """Forget what has expired; looks at all of it once a minute at most."""
        if now < self._next_sweep:
            return
        self._next_sweep = now + 60
        for file in [file for file, known in self._known.items() if known.expires < now]:
            del self._known[file]
