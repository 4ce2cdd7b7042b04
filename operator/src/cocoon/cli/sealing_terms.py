"""The client's own terms: what a keyring must show before anything is sealed to it, and which runners it may let in.

```yaml
keyring:
  trust: Hardware              # or Test: development evidence, which proves nothing
  policy:                      # keyrings that you trust, as in spec.confidential.policy of a provider
    measurements:
    - {mrTd: "…", rtmrs: ["…", "…", "…"], mrConfigId: "…"}
  measurements: ["…"]          # the same by launch measurement alone, which says little: below
  terms: "…"                   # SHA-256 of the keyring's own terms, if you have read them
  testRoots: ["…"]             # with trust: Test, SHA-256 of root certificates, for tests of hardware evidence
runners:
  trust: Hardware
  measurements: ["…"]          # runners that may open the input; while empty, the keyring's terms decide
  gpus: 1                      # the least number of attested GPUs
releases: 3                    # how many starts of runners may get the key: retries need more than one
expiresIn: 24h
```

A launch measurement is on TDX that of the virtual firmware, and on neither TEE that of the init data, which say what
runs on the kernel: name keyrings with all their golden values.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml
from msgspec import Struct, field

from cocoon.api.durations import parse_duration
from cocoon.api.sealing import MAXIMUM_RELEASES
from cocoon.api.trust import Trust
from cocoon.attest.policy import Policy
from cocoon.attest.stated import with_terms
from cocoon.cli.failure import Failure
from cocoon.cli.verifying.own_policy import WrittenPolicy, check_date


class KeyringTerms(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the keyring must show."""

    trust: Trust = Trust.HARDWARE
    measurements: tuple[str, ...] = ()
    terms: str = ""
    test_roots: tuple[str, ...] = ()
    policy: WrittenPolicy = field(default_factory=WrittenPolicy)

    @property
    def by_launch_alone(self) -> bool:
        """Whether guests of hardware are accepted whose kernel or init data nobody has looked at."""
        return self.trust is Trust.HARDWARE and bool(self.measurements)

    @property
    def demanded(self) -> Policy:
        """As verifiers take it."""
        policy = Policy(
            role="keyring",
            trust=self.trust,
            allow_test_roots=self.trust is Trust.TEST,
            test_roots=frozenset(self.test_roots),
            measurements=self.measurements,
            payee=f"terms:{self.terms}" if self.terms else None,
        )
        return with_terms(policy, self.policy)


class RunnerTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """Which runners the keyring may let in."""

    trust: Trust = Trust.HARDWARE
    measurements: tuple[str, ...] = ()
    gpus: int = 0


class SealingTerms(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """All of them."""

    keyring: KeyringTerms = field(default_factory=KeyringTerms)
    runners: RunnerTerms = field(default_factory=RunnerTerms)
    releases: int = 3
    expires_in: str = "24h"

    @property
    def lifetime(self) -> int:
        """Seconds."""
        return parse_duration(self.expires_in)


def read_terms(path: Path) -> SealingTerms:
    """The terms in this YAML file. Raises Failure."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        terms = msgspec.convert(given or {}, SealingTerms)
        lifetime = terms.lifetime
        check_date(terms.keyring.policy)
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise Failure(f"{path} can't be taken as your terms for sealing: {error}.") from error
    if lifetime < 60 or not 1 <= terms.releases <= MAXIMUM_RELEASES or terms.runners.gpus < 0:
        raise Failure(f"{path}: expiresIn is at least 1m, releases are 1 to {MAXIMUM_RELEASES}, gpus not negative.")
    _check(terms, path)
    return terms


def _check(terms: SealingTerms, path: Path) -> None:
    keyring, runners = terms.keyring, terms.runners
    if keyring.trust is Trust.HARDWARE and keyring.test_roots:
        raise Failure(
            f"{path} lists keyring.testRoots, which prove nothing about hardware, and asks for trust Hardware: drop "
            "the list, or write trust: Test."
        )
    if keyring.trust is Trust.HARDWARE and not (keyring.measurements or keyring.policy.measurements):
        raise Failure(
            f"{path} asks for a keyring with trust Hardware and names no keyring.policy.measurements: "
            "list the keyrings that you trust, or nothing can be sealed."
        )
    if runners.trust is Trust.HARDWARE and not runners.measurements and not keyring.terms:
        raise Failure(
            f"{path} names neither runners.measurements nor keyring.terms, so that the keyring's owner alone would "
            "decide which programs see the input: give one of them."
        )
