"""A keyring as the operator uses it: it is asked who it is, and nothing else. Only runners are given keys."""

from __future__ import annotations

from typing import Protocol

from cocoon.api.trust import Trust
from cocoon.attest.age import keys as age_keys
from cocoon.attest.channel import Channel, Denied, Distrusted, Judge, Unreachable
from cocoon.attest.policy import Policy
from cocoon.fleet.plan.records import Keyring
from cocoon.fleet.ports.failures import Busy, Refused


class KeyringPort(Protocol):
    """Raises Busy (it does not answer, or has no identity yet) or Refused (it is not believed), and has a deadline."""

    async def ask(self, address: str) -> Keyring:
        """Who listens at this https address, by evidence that answers a fresh nonce."""


class AttestedKeyrings:
    """An adapter: evidence over a connection whose key the evidence must name."""

    def __init__(self, judge: Judge, measurements: tuple[str, ...], *, allow_test_roots: bool) -> None:
        self._judge = judge
        self._policy = Policy(
            role="keyring",
            trust=Trust.TEST if allow_test_roots else Trust.HARDWARE,
            allow_test_roots=allow_test_roots,
            measurements=measurements,
        )

    async def ask(self, address: str) -> Keyring:
        """One connection for one question."""
        try:
            async with Channel(address, self._judge) as channel:
                key = (await channel.attest(self._policy)).keys.sealing
        except (Unreachable, Denied) as error:
            raise Busy(str(error)) from None
        except Distrusted as error:
            raise Refused(f"The keyring's evidence is refused. {error}") from None
        evidence = channel.verdict.evidence if channel.verdict is not None else ""
        return Keyring(address, age_keys.epoch(key), age_keys.recipient_text(key), evidence, answers=True)
