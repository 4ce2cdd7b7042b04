"""The keyring's evidence, verified on this machine under the client's own terms: whom an input may be sealed to."""

from __future__ import annotations

import time
from pathlib import Path

from msgspec import Struct

from cocoon.api.evidence import Bundle, Verdict
from cocoon.attest import bundle as bundles
from cocoon.attest import channel as channels
from cocoon.attest.age import keys as age_keys
from cocoon.attest.channel import Channel
from cocoon.attest.policy import Policy
from cocoon.cli.failure import BAD_NEWS, Failure, Unreachable


class Recipient(Struct, frozen=True):
    """Whom to seal to: an X25519 key (32 bytes) and the trust that its evidence gives."""

    key: bytes
    trust: str

    @property
    def text(self) -> str:
        """`age1…`."""
        return age_keys.recipient_text(self.key)

    @property
    def epoch(self) -> str:
        """The recipient's public name."""
        return age_keys.epoch(self.key)


async def from_keyring(address: str, policy: Policy) -> Recipient:
    """Ask the keyring at this address, with a nonce made here. Raises Failure."""
    try:
        async with Channel(address, channels.verifying(time.time)) as channel:
            bundle = await channel.attest(policy)
            assert channel.verdict is not None  # noqa: S101 - attest has set it
            return Recipient(bundle.keys.sealing, channel.verdict.trust)
    except channels.Distrusted as error:
        raise _refusal(address, str(error)) from None
    except channels.Denied as error:
        raise Failure(f"The keyring at {address} gives no evidence: {error.problem.detail}") from None
    except channels.Unreachable as error:
        raise Unreachable(
            f"{error} Make it reachable, for example with `kubectl port-forward`, or give its evidence as a file."
        ) from None


async def from_file(path: Path, policy: Policy) -> Recipient:
    """Evidence that somebody else has asked for: as good, but for its age, since the key was made inside the TEE."""
    raw, bundle = _read(path)
    verdict: Verdict = await channels.verifying(time.time)(raw, bundle.nonce, policy)
    if not verdict.trusted:
        raise _refusal(str(path), " ".join(reason.message for reason in verdict.reasons))
    return Recipient(bundle.keys.sealing, verdict.trust)


def _read(path: Path) -> tuple[bytes, Bundle]:
    try:
        raw = path.read_bytes()
        return raw, bundles.decode(raw)
    except (OSError, bundles.MalformedBundle) as error:
        raise Failure(f"{path} is no evidence of a keyring: {error}") from error


def _refusal(where: str, reasons: str) -> Failure:
    return Failure(
        f"Nothing was sealed: the keyring's evidence from {where} does not meet your terms. {reasons}", BAD_NEWS
    )
