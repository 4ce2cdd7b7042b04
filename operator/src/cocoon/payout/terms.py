"""What the payer accepts and pays for: the service's own policy. A provider's policy can only be narrower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from cocoon.api.money import NanoTon, Price
from cocoon.api.provider import GpuMode
from cocoon.api.trust import Trust
from cocoon.attest.policy import GpuTerms, Policy
from cocoon.payout.store.schema import MOST_NANOTON

#: The cap of all models that have none of their own.
ANY_MODEL: Final = "*"


class Terms(Struct, frozen=True, kw_only=True):
    """Amounts in nanoTON, times in seconds.

    `late_evidence`: evidence vouches for receipts that finished up to so long before it was handed in, as keys live no
    longer than their TEE; so that an outage of this service costs no owner anything. `fastest` units a second that any
    server can be believed to work off. `development` says that the chain is a development chain.
    """

    trust: Trust = Trust.HARDWARE
    development: bool = False
    measurements: tuple[str, ...] = ()
    require_gpu: bool = True
    gpu_modes: tuple[GpuMode, ...] = GpuTerms().modes
    price_caps: Mapping[str, Price] = field(default_factory=dict)
    daily_cap: NanoTon = NanoTon(MOST_NANOTON)
    daily_cap_per_provider: NanoTon = NanoTon(MOST_NANOTON)
    fee_basis_points: int = 500
    late_evidence: float = 86_400.0
    evidence_age: float = 7_200.0
    clock_skew: float = 60.0
    fastest: int = 10_000_000
    workchains: tuple[int, ...] = (0,)

    @property
    def policy(self) -> Policy:
        """What evidence must show. Test roots are allowed exactly if test trust is accepted."""
        return Policy(
            trust=self.trust,
            allow_test_roots=self.trust is Trust.TEST,
            maximum_age=self.evidence_age,
            measurements=self.measurements,
            require_gpu=self.require_gpu,
            gpu=GpuTerms(modes=self.gpu_modes),
        )

    def price_cap(self, model: str) -> Price | None:
        """The highest price of a model; none if the payer does not pay for it at all."""
        return self.price_caps.get(model) or self.price_caps.get(ANY_MODEL)
