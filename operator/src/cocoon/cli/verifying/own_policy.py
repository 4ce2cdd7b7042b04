"""The client's own policy for evidence, from a YAML file; its fields are those of `spec.confidential` of a provider.

```yaml
trust: Hardware               # the default; Test also needs --allow-test-roots
requireGPU: true              # the default for Hardware
testRoots: ["…"]              # SHA-256 of root certificates, for tests of hardware evidence
policy:
  minimumTcbDate: "2026-05-01"
  measurements:
  - {mrTd: …, rtmrs: […, …, …], mrConfigId: …}
```
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct, field

from cocoon.api.provider import AmdTcb, AttestationPolicy, GpuPolicy, Measurement
from cocoon.api.trust import Trust
from cocoon.attest.policy import Policy
from cocoon.attest.stated import with_terms
from cocoon.cli.failure import USAGE, Failure
from cocoon.cli.verifying.reading import tree, whole


class _Guest(Measurement, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """As in a provider, but a misspelt field is refused: it would be a term that nobody checks."""


class _Gpu(GpuPolicy, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """As above."""


class _Amd(AmdTcb, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """As above."""


class WrittenPolicy(AttestationPolicy, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """As above."""

    minimum_amd_tcb: tuple[_Amd, ...] = ()
    measurements: tuple[_Guest, ...] = ()
    gpu: _Gpu = field(default_factory=_Gpu)


class OwnPolicy(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The file. `require_gpu` follows from the trust if it is not given."""

    trust: Trust | None = None
    require_gpu: bool | None = field(default=None, name="requireGPU")
    test_roots: tuple[str, ...] = ()
    policy: WrittenPolicy = field(default_factory=WrittenPolicy)


def read_policy(path: Path | None, *, allow_test_roots: bool) -> Policy:
    """The policy in this file, or the strictest of all. Raises Failure with status USAGE."""
    said = OwnPolicy() if path is None else _read(path)
    if said.trust is Trust.TEST and not allow_test_roots:
        raise Failure(
            f"{path} accepts trust: Test, which proves nothing about hardware. If that is meant, add "
            "--allow-test-roots; if not, write trust: Hardware.",
            USAGE,
        )
    trust = said.trust or (Trust.TEST if allow_test_roots else Trust.HARDWARE)
    needed = said.require_gpu if said.require_gpu is not None else trust is Trust.HARDWARE
    roots = frozenset(said.test_roots) if allow_test_roots else frozenset()
    policy = Policy(trust=trust, allow_test_roots=allow_test_roots, test_roots=roots, require_gpu=needed)
    return with_terms(policy, said.policy)


def _read(path: Path) -> OwnPolicy:
    try:
        found = msgspec.convert(tree(whole(path)) or {}, OwnPolicy)
        check_date(found.policy)
    except (ValueError, RecursionError) as error:
        hint = " Write dates in quotes." if "`date`" in str(error) else ""
        raise Failure(f"{path} can't be taken as your policy for evidence: {error}.{hint}", USAGE) from None
    return found


def check_date(policy: AttestationPolicy) -> None:
    """Raises ValueError unless its date is one."""
    if policy.minimum_tcb_date is not None:
        date.fromisoformat(policy.minimum_tcb_date)
