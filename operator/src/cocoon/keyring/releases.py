"""How often a file's key was released, and to whom: the client says how many starts of runners may have it.

Counted by this process, in memory: a keyring of N replicas may release a key up to N times as often, and a replica that
was restarted counts anew. Releases go to attested runners in any case; the count bounds how often a job can be re-run.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

from cocoon.attest.preimage import prefixed
from cocoon.keyring.refusals import Refusal


class _Count(Struct):
    """Runners (their receipt keys) that have one file's key, and when that key's policy ends."""

    runners: set[bytes]
    expires: int


class Releases:
    """Forgets a file when its policy has expired, for then nothing is released any more."""

    def __init__(self) -> None:
        self._counts: dict[bytes, _Count] = {}
        self._next_sweep = 0.0

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, file_key: bytes, runner: bytes, most: int, expires: int) -> int:
        """Note a release; how many runners have the key now. Raises Refusal if it is one too many."""
        name = hashlib.sha256(prefixed("cocoon/releases/v1", file_key)).digest()
        found = self._counts.setdefault(name, _Count(set(), expires))
        if runner not in found.runners and len(found.runners) >= most:
            detail = f"The client allows {most} runners, and so many have had the key."
            raise Refusal("ReleasesExhausted", detail)
        found.runners.add(runner)
        return len(found.runners)

    def sweep(self, now: float) -> None:
        """Forget what has expired; looks at all of it once a minute at most."""
        if now < self._next_sweep:
            return
        self._next_sweep = now + 60
        for name in [name for name, count in self._counts.items() if count.expires < now]:
            del self._counts[name]
