"""Replicas count as one: for each file, one of them decides, and the others are told.

    order = replicas by SHA-256(file, address)       the same for all, and another for each file
    who was asked ── decide ──▶ the first in it      is away? the next one; at the end, itself
                  ── told ────▶ all others           who are away get it with the identity when they come back

While all replicas are up a client's number holds exactly. Replicas that can't reach each other count each for
themselves, so N of them release a key N times as often at most, as long as none of them forgets: one that restarts
knows what the one knew that it joined. Whoever can cut their network and restart them can have a job run again; they
still can't read it.

Nobody but a holder of the identity knows the key that these messages are authenticated with, and it was attested.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from cocoon.api.sealing import CountAnswer, CountRequest
from cocoon.attest.channel import Channel, Denied, Distrusted, Unreachable
from cocoon.attest.preimage import prefixed
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.releases import Count
from cocoon.keyring.replica import Replica

#: Seconds that another replica may take; one that is away must not hold up who waits for a key.
PATIENCE: Final = 2.0


class Places(Struct, frozen=True):
    """The https addresses of this replica, by which the others know it, and of the others."""

    own: str
    peers: tuple[str, ...]


class Counting:
    """Counts releases of one replica together with the others."""

    def __init__(self, replica: Replica, places: Places) -> None:
        self._replica = replica
        self._places = places

    async def count(self, file: bytes, runner: bytes, most: int, expires: int) -> int:
        """Note a release everywhere; how many runners have the key now. Raises Refusal if it is one too many."""
        request = CountRequest(file, runner, most, expires, decide=True)
        decider, count = await self._decided(request)
        self._replica.releases.take([Count(file, (runner,), expires)])
        await self._tell(request, [peer for peer in self._places.peers if peer != decider])
        return count

    def answer(self, request: CountRequest) -> CountAnswer:
        """Decide for another replica, or be told by it. Raises Refusal."""
        if not hmac.compare_digest(request.tag, self._tag(request)):
            raise Refusal("SignatureRefused", "The count does not come from a holder of this keyring's identity.")
        if not request.decide:
            self._replica.releases.take([Count(request.file, (request.runner,), request.expires)])
            return CountAnswer(0, self._answer_tag(request, 0))
        count = self._replica.releases.count(request.file, request.runner, request.most, request.expires)
        return CountAnswer(count, self._answer_tag(request, count))

    async def _decided(self, request: CountRequest) -> tuple[str, int]:
        """Who has decided, and the count."""
        for address in in_order(request.file, (self._places.own, *self._places.peers)):
            if address == self._places.own:
                break
            with suppress(Unreachable, Distrusted, TimeoutError):
                return address, await self._ask(address, request)
        found = self._replica.releases.count(request.file, request.runner, request.most, request.expires)
        return self._places.own, found

    async def _tell(self, request: CountRequest, peers: Sequence[str]) -> None:
        note = CountRequest(request.file, request.runner, request.most, request.expires, decide=False)
        await asyncio.gather(*(self._ask(peer, note) for peer in peers), return_exceptions=True)

    async def _ask(self, address: str, request: CountRequest) -> int:
        """Another replica's answer. Raises Refusal, Unreachable, Distrusted or TimeoutError."""
        signed = CountRequest(
            request.file,
            request.runner,
            request.most,
            request.expires,
            decide=request.decide,
            tag=self._tag(request),
        )
        try:
            async with asyncio.timeout(PATIENCE), Channel(address, self._replica.judge) as channel:
                answer = await channel.ask("/v1/count", signed, CountAnswer)
        except Denied as error:
            if error.problem.code == "ReleasesExhausted":
                raise Refusal(error.problem.code, error.problem.detail) from None
            raise Unreachable(str(error)) from None
        if not hmac.compare_digest(answer.tag, self._answer_tag(request, answer.count)):
            raise Distrusted("The answer does not come from a holder of this keyring's identity.")
        return answer.count

    def _tag(self, request: CountRequest) -> bytes:
        numbers = f"{request.most} {request.expires} {request.decide}"
        return self._mac("cocoon/count/v1", request.file, request.runner, numbers)

    def _answer_tag(self, request: CountRequest, count: int) -> bytes:
        return self._mac("cocoon/counted/v1", self._tag(request), str(count))

    def _mac(self, *parts: bytes | str) -> bytes:
        secret = self._replica.identities.current.key.private_bytes_raw()
        key = hmac.digest(secret, b"cocoon/counts/v1", "sha256")
        return hmac.digest(key, prefixed(*parts), "sha256")


def in_order(file: bytes, addresses: Sequence[str]) -> list[str]:
    """Who decides about a file, and who if that one is away (rendezvous hashing)."""
    return sorted(addresses, key=lambda address: hashlib.sha256(prefixed(file, address)).digest())
