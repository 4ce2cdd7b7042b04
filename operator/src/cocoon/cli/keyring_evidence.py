"""The keyring's evidence, verified on this machine under the client's own terms: whom an input may be sealed to.

Evidence of hardware rests on collateral: certificates, revocation lists and TCB tables, which come from where the
client says.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from cocoon.api.evidence import Bundle, Verdict
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest import channel as channels
from cocoon.attest.age import keys as age_keys
from cocoon.attest.channel import Channel, Judge
from cocoon.attest.opening import open_library
from cocoon.attest.policy import Policy
from cocoon.attest.verify import is_undecided
from cocoon.cli.failure import BAD_NEWS, UNDECIDED, Failure, Unreachable


class Recipient(Struct, frozen=True):
    """Whom to seal to: an X25519 key (32 bytes), the trust that its evidence gives, and SHA-256 of its terms."""

    key: bytes
    trust: str
    terms: str

    @property
    def text(self) -> str:
        """`age1…`."""
        return age_keys.recipient_text(self.key)

    @property
    def epoch(self) -> str:
        """The recipient's public name."""
        return age_keys.epoch(self.key)

    @property
    def described(self) -> str:
        """For whoever seals to it."""
        return f"{self.text} (epoch {self.epoch}, trust: {self.trust}, the keyring's own terms: {self.terms})"


class Demand(Struct, frozen=True):
    """What a keyring must show, and where the collateral to check it with comes from."""

    policy: Policy
    places: tuple[str, ...] = ()


async def from_keyring(address: str, demand: Demand) -> Recipient:
    """Ask the keyring at this address, with a nonce made here. Raises Failure."""
    said: list[Verdict] = []
    async with _judge(demand) as judge, _speaking_to(address):

        async def noting(raw: bytes, nonce: bytes, policy: Policy) -> Verdict:
            said.append(await judge(raw, nonce, policy))
            return said[-1]

        try:
            async with Channel(address, noting) as channel:
                bundle = await channel.attest(demand.policy)
        except channels.Distrusted as error:
            if said and not said[-1].trusted:
                _refuse(address, said[-1])
            raise _refusal(address, str(error)) from None
    return _recipient(bundle, said[-1])


async def from_file(path: Path, demand: Demand) -> Recipient:
    """Evidence that somebody else has asked for: as good, but for its age, since the key was made inside the TEE."""
    raw, bundle = read_evidence(path)
    async with _judge(demand) as judge:
        verdict = await judge(raw, bundle.nonce, demand.policy)
    if not verdict.trusted:
        _refuse(str(path), verdict)
    return _recipient(bundle, verdict)


async def unverified(address: str) -> bytes:
    """What the keyring at this address shows, for those who ask what verifying it takes. Raises Failure."""
    seen: list[bytes] = []

    async def noting(raw: bytes, _nonce: bytes, _policy: Policy) -> Verdict:
        seen.append(raw)
        return Verdict(trusted=False, trust=Trust.TEST, not_after=0.0, evidence="", reasons=())

    async with _speaking_to(address):
        try:
            async with Channel(address, noting) as channel:
                await channel.attest(Policy(role="keyring"))
        except channels.Distrusted:
            pass  # nothing is believed here
    return seen[0]


def read_evidence(path: Path) -> tuple[bytes, Bundle]:
    """A bundle in a file. Raises Failure."""
    try:
        raw = path.read_bytes()
        return raw, bundles.decode(raw)
    except OSError as error:
        raise Failure(f"{path} can't be read: {error.strerror}.") from error
    except bundles.MalformedBundle as error:
        raise Failure(f"{path} is no evidence: {error}") from error


def _recipient(bundle: Bundle, verdict: Verdict) -> Recipient:
    return Recipient(bundle.keys.sealing, verdict.trust, bundle.payee.removeprefix("terms:"))


@asynccontextmanager
async def _judge(demand: Demand) -> AsyncIterator[Judge]:
    async with open_library(demand.places, "", time.time) as library:
        yield channels.verifying(time.time, library)


@asynccontextmanager
async def _speaking_to(address: str) -> AsyncIterator[None]:
    """What the connection can end with, as sentences."""
    try:
        yield
    except channels.Denied as error:
        raise Failure(f"The keyring at {address} gives no evidence: {error.problem.detail}") from None
    except channels.Unreachable as error:
        raise Unreachable(
            f"{error} Make it reachable, for example with `kubectl port-forward`, or give its evidence as a file."
        ) from None


def _refuse(where: str, verdict: Verdict) -> NoReturn:
    reasons = " ".join(f"{reason.message} [{reason.code}]" for reason in verdict.reasons)
    if is_undecided(verdict):
        raise Failure(
            f"Nothing was sealed: the keyring's evidence from {where} can't be checked to its end. {reasons} "
            "--collateral names sources: vendors, an https address, or a folder (see `kubectl cocoon collateral`).",
            UNDECIDED,
        )
    raise _refusal(where, reasons)


def _refusal(where: str, reasons: str) -> Failure:
    return Failure(
        f"Nothing was sealed: the keyring's evidence from {where} does not meet your terms. {reasons}", BAD_NEWS
    )
