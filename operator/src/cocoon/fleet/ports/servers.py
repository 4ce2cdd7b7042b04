"""The runners' API as the operator uses it: one runner per server, pinned to the certificate its evidence names."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from cocoon.api.runner import (
    Cancellation,
    EventPage,
    JobAssignment,
    JobProgress,
    ModelAssignment,
    ModelList,
    ModelState,
)


class Place(Struct, frozen=True):
    """Where a server's runner listens. `uid` is the Pod's: another Pod at the same address is another server."""

    uid: str
    address: str
    port: int = 8443


class Shown(Struct, frozen=True):
    """Evidence as it came, and the certificate (DER) of the very connection it came over."""

    bundle: bytes
    certificate: bytes


class Servers(Protocol):
    """Calls raise Gone (no such thing there), Busy (no contact) or Refused, nothing else, and have a deadline."""

    async def evidence(self, place: Place, nonce: bytes) -> Shown:
        """Ask for evidence over a connection that trusts nobody yet."""

    async def pin(self, place: Place, certificate: bytes) -> None:
        """From now on, speak to this server over connections with this certificate (DER) only."""

    def pinned(self, uid: str) -> bool:
        """Whether this server may be spoken to."""

    async def forget(self, uid: str) -> None:
        """Close what is open to a server that is no more."""

    async def models(self, place: Place) -> ModelList:
        """The models that the server holds."""

    async def load(self, place: Place, model: ModelAssignment) -> ModelState:
        """Have a model fetched, checked and loaded; answers at once."""

    async def push(self, place: Place, job: JobAssignment) -> JobProgress:
        """Start an attempt; the same one twice is one. How far it is, for it may have been there before."""

    async def cancel(self, place: Place, attempt: str, why: Cancellation) -> None:
        """Stop an attempt (`uid/number`)."""

    async def events(self, place: Place, after: int, *, wait: bool = True) -> EventPage:
        """The events after this number; if there are none, wait for one, at most 30 s."""

    async def acknowledge(self, place: Place, up_to: int) -> None:
        """Let the runner forget its events up to this number."""

    async def confirm(self, place: Place, attempts: tuple[str, ...]) -> None:
        """Say which attempts still stand."""
