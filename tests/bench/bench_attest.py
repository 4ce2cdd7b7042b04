"""What a verdict costs: a TDX guest with 8 GPUs, all signatures checked. Evidence is made under test roots.

Figures are CPU time of this process, so that other work on the machine counts as little as it can. The cost of one
P-384 verification in the same run says how fast the machine was: it is nearly all that a verdict consists of.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import structs

from cocoon.api.evidence import Bundle
from cocoon.attest import bundle as bundles
from cocoon.attest import rim
from cocoon.attest.collateral import Collateral
from cocoon.attest.needs import needs
from cocoon.attest.policy import GpuTerms, Policy
from cocoon.attest.verify import verify
from tests.attest.evidence import NONCE, about, bundle, gpu_nonce, switch_nonce, under
from tests.attest.makers.amd import amd
from tests.attest.makers.certificates import AT
from tests.attest.makers.hgx import switches
from tests.attest.makers.intel import intel
from tests.attest.makers.nvidia import nvidia
from tests.bench.report import Row, report

GPUS = 8
ROUNDS = 60
TARGET_MS = 60.0
#: 1,000 servers an hour at so much of one core.
TARGET_SHARE = 2.0


def measured(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Median CPU milliseconds of one call; `before` is not counted."""
    took = []
    for _ in range(ROUNDS):
        before()
        began = time.process_time()
        work()
        took.append((time.process_time() - began) * 1e3)
    return statistics.median(took)


def made() -> dict[str, tuple[Bundle, Collateral]]:
    """Bundles by what they are of, with their collateral."""
    cpu, chip_maker, cards = intel(), amd(), nvidia()
    gpus = [cards.gpu() for _ in range(GPUS)]
    shown = [cards.evidence(gpu, gpu_nonce()) for gpu in gpus]
    platform, chip = cpu.platform(), chip_maker.chip()
    of_gpus, snp = cards.collateral(*gpus), chip_maker.collateral()
    return {
        "TDX alone": (bundle("tdx", cpu.quote(platform, about()), cpu.published()), Collateral()),
        "SEV-SNP alone": (bundle("snp", chip_maker.report(chip, about()), chip_maker.endorsements(chip)), snp),
        "TDX + 1 GPU": (bundle("tdx", cpu.quote(platform, about(shown[:1])), cpu.published(), shown[:1]), of_gpus),
        f"TDX + {GPUS} GPUs": (bundle("tdx", cpu.quote(platform, about(shown)), cpu.published(), shown), of_gpus),
    }


def whole_board() -> tuple[Bundle, Collateral]:
    """TDX with all GPUs and NVSwitches of a board, in protected PCIe mode."""
    cpu, board = intel(), switches().board(gpus=GPUS)
    shown = tuple(board.gpu(number, gpu_nonce()) for number in range(GPUS))
    between = tuple(board.switch(number, switch_nonce()) for number in range(len(board.switches)))
    found = bundle("tdx", cpu.quote(cpu.platform(), about(shown, between)), cpu.published(), shown)
    return structs.replace(found, switches=between), switches().collateral(board)


def main() -> int:
    """Measure and report."""
    policy = under(intel().root.fingerprint, amd().root.fingerprint, *nvidia().fingerprints)
    rows = []
    for name, (found, collateral) in made().items():
        raw = bundles.encode(found)
        assert verify(raw, NONCE, policy, AT, collateral).trusted
        cost = measured(lambda raw=raw, held=collateral: verify(raw, NONCE, policy, AT, held))  # type: ignore[misc]  # defaults bind the loop's values
        rows.append(Row.at_most(name, cost, "ms", TARGET_MS) if str(GPUS) in name else Row(name, cost, "ms"))
    rows.append(Row.at_most("1,000 such servers an hour", cost * 1e3 / 36e3, "% of a core", TARGET_SHARE))
    cold = measured(lambda: verify(raw, NONCE, policy, AT, collateral), rim.read.cache_clear)
    rows.append(Row("the same, reference measurements read anew", cold, "ms"))
    rows.append(Row("what it needs, from the evidence", measured(lambda: needs(found)), "ms"))
    rows.append(Row("its bundle", len(raw) / 1e3, "kB"))
    rows += [_board(policy), Row("one P-384 verification", _signature(), "ms")]
    return report("attest", rows)


def _board(policy: Policy) -> Row:
    found, held = whole_board()
    raw, allowing = bundles.encode(found), structs.replace(policy, gpu=GpuTerms(modes=("PPCIE",)))
    assert verify(raw, NONCE, allowing, AT, held).trusted
    return Row(f"TDX + {GPUS} GPUs + 4 NVSwitches", measured(lambda: verify(raw, NONCE, allowing, AT, held)), "ms")


def _signature() -> float:
    key = ec.generate_private_key(ec.SECP384R1())
    signed, public = key.sign(b"x", ec.ECDSA(hashes.SHA384())), key.public_key()
    return measured(lambda: public.verify(signed, b"x", ec.ECDSA(hashes.SHA384())))


if __name__ == "__main__":
    sys.exit(main())
