"""What evidence must show before anything is entrusted to the TEE that shows it."""

from __future__ import annotations

from msgspec import Struct

from cocoon.api.evidence import Role
from cocoon.api.trust import Trust


class Policy(Struct, frozen=True, kw_only=True):
    """A verifier's terms; the defaults are the strictest.

    `maximum_age` in seconds bounds how long a verdict holds, however long its statement would. `measurements` are
    accepted guests in lower-case hex; development statements are exempt while the list is empty, for a development
    guest has no golden value.
    """

    role: Role = "runner"
    trust: Trust = Trust.HARDWARE
    allow_test_roots: bool = False
    maximum_age: float = 7_200.0
    measurements: tuple[str, ...] = ()
    require_gpu: bool = False
    payee: str | None = None
