"""Evidence of hardware at the payout service is judged with collateral that it gets itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.attest import bundle as bundles
from cocoon.attest.collateral import Need
from cocoon.attest.library import Library
from cocoon.attest.receipts import thumbprint
from cocoon.attest.sources import Unavailable
from cocoon.payout.archive import FolderArchive
from cocoon.payout.evidence.known import KnownServers
from cocoon.payout.evidence.register import Register
from cocoon.payout.refusal import Refused
from cocoon.payout.terms import Terms
from tests.attest.evidence import about, bundle
from tests.attest.makers.certificates import AT
from tests.attest.makers.intel import intel


class Shelf:
    """Intel's service; what was asked for is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def fetch(self, need: Need) -> bytes:
        self.asked.append(need.name)
        if not need.name.startswith("intel/"):
            raise Unavailable("status 404")
        return intel().published()


def test_the_payer_says_which_modes_of_gpus_it_pays_for() -> None:
    assert "PPCIE" not in Terms().policy.gpu.modes
    assert Terms(gpu_modes=("PPCIE",)).policy.gpu.modes == ("PPCIE",)


async def test_the_service_looks_for_collateral_itself(tmp_path: Path) -> None:
    """Under a test root the evidence is refused for that alone: collateral was found, and everything else holds."""
    vendor, shelf = intel(), Shelf()
    found = bundle("tdx", vendor.quote(vendor.platform(), about()))
    raw, key = bundles.encode(found), thumbprint(found.keys.receipt)
    terms = Terms(measurements=("11" * 48,), require_gpu=False)
    for library, code in ((Library([shelf], lambda: AT), "RootUntrusted"), (None, "CollateralMissing")):
        servers = KnownServers.__new__(KnownServers)
        register = Register(servers, FolderArchive(tmp_path), terms, library, lambda: AT)
        with pytest.raises(Refused) as refused:
            await register.take(key, raw)
        assert code in refused.value.refusal.code
    assert shelf.asked == ["intel/00906ED50000/platform.json"]
