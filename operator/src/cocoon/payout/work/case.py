"""One receipt under judgement, with everything that the rules look at."""

from __future__ import annotations

from msgspec import Struct

from cocoon.api.money import NanoTon, Price, parse_nanoton
from cocoon.api.receipts import Claims
from cocoon.api.times import Instant
from cocoon.api.trust import Trust


class Window(Struct, frozen=True):
    """From `opens` up to and without `closes`, in seconds since 1970."""

    opens: Instant
    closes: Instant

    def holds(self, moment: Instant) -> bool:
        """Whether it lies within."""
        return self.opens <= moment < self.closes


class Server(Struct, frozen=True):
    """A receipt key whose evidence this service has verified, and what that evidence fixed."""

    key: str
    public_key: bytes
    evidence: str
    payee: str
    trust: Trust
    windows: tuple[Window, ...]


class Submission(Struct, frozen=True):
    """A receipt as it was handed in: by which cluster, for which job (empty in bulk), at which bound price if known."""

    receipt: str
    cluster: str
    job: str = ""
    price: Price | None = None


class Case(Struct, frozen=True):
    """A receipt whose signature is right, the server that signed it, and the time of judgement."""

    submission: Submission
    claims: Claims
    server: Server
    now: Instant

    @property
    def job(self) -> str:
        """The job's uid, without its cluster's."""
        return self.claims.sub.partition("/")[2]

    @property
    def cost(self) -> NanoTon:
        """What the receipt claims, in nanoTON. Only after the rule of arithmetic has looked at it."""
        return parse_nanoton(self.claims.cost)
