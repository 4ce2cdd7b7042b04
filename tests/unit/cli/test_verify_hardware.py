"""Receipts whose evidence is a TDX quote (under a test root of ours): policy files, and collateral in folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from msgspec import structs

from cocoon.api.evidence import FORMAT, Bundle
from cocoon.attest import bundle as bundles
from cocoon.attest import receipts
from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, FAILED, UNDECIDED
from cocoon.cli.verifying import attested
from cocoon.cli.verifying.material import Material
from tests.attest import test_ppcie as hgx
from tests.attest.makers.certificates import AT, DAY, NOW
from tests.attest.makers.intel import MR_TD, RTMRS, intel
from tests.unit.cli.receipted import Server, Story

INTEL = intel()
NONCE = b"n" * 32
POLICY = {
    "trust": "Test",
    "requireGPU": False,
    "testRoots": [INTEL.root.fingerprint],
    "policy": {"measurements": [{"mrTd": MR_TD.hex(), "rtmrs": [value.hex() for value in RTMRS]}]},
}


class Site:
    """A receipt of a TDX server, its evidence without collateral, and a folder with that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        server = Server()
        digest = bundles.name("runner", "tdx", server.keys, server.payee)
        story = Story(int(AT), server)
        self.receipt = server.sign(structs.replace(story.claims(), evidence_sha256=digest, seq=0, prev=digest,
                                                   jti=f"{server.key}.0"))  # fmt: skip
        quote = INTEL.quote(INTEL.platform(), bundles.bind("runner", NONCE, server.keys, server.payee))
        bundle = Bundle(FORMAT, "runner", NONCE, server.keys, server.payee, "tdx", quote)
        (folder / "evidence.json").write_bytes(bundles.encode(bundle))
        assert receipts.open_receipt(self.receipt, server.keys.receipt)

    def publish(self, **wish: object) -> str:
        """A folder of collateral."""
        for name, content in INTEL.collateral(**wish).items.items():
            path = self.folder / "collateral" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return str(self.folder / "collateral")

    def run(self, *words: str, policy: object = POLICY, what: str = "") -> int:
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(policy))
        given = ["--policy", str(self.folder / "policy.yaml"), "--allow-test-roots", "-o", "json"]
        evidence = [] if what else ["--evidence", str(self.folder / "evidence.json")]
        return main(["verify", what or self.receipt, *given, *evidence, *words])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def line(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What the evidence's line holds and says."""
    report = json.loads(capsys.readouterr().out)
    return next((each["holds"], each["said"]) for each in report["lines"] if each["check"] == "evidence")


def test_without_collateral_it_is_undecided(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.run() == UNDECIDED
    holds, said = line(capsys)
    assert holds == "unknown"
    assert "CollateralMissing" in said
    assert "--collateral" in said


def test_with_collateral_from_a_folder(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.run("--collateral", site.publish()) == DONE
    holds, said = line(capsys)
    assert holds == "yes"
    assert "tdx" in said
    assert "when the job finished" in said


def test_what_was_saved_needs_no_source(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    saved = site.folder / "saved"
    site.run("--collateral", site.publish(), "--save", str(saved))
    capsys.readouterr()
    assert site.run(what=str(saved)) == DONE
    assert line(capsys)[0] == "yes"
    for path in (saved / "collateral").rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"UpToDate", b"OutOfDat"))
    assert site.run(what=str(saved)) == FAILED
    assert line(capsys)[0] == "no"


def test_collateral_that_is_newer_than_the_receipt(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.publish(issued=NOW + 5 * DAY, ends=NOW + 10_000 * DAY)
    assert site.run("--collateral", folder) == DONE
    assert "vouches backwards" in line(capsys)[1]


def test_collateral_that_had_ended_when_the_job_finished(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert site.run("--collateral", site.publish(issued=NOW - 9 * DAY, ends=NOW - DAY / 1440)) == UNDECIDED
    assert "CollateralStale" in line(capsys)[1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"testRoots": []}, "RootUntrusted"),
        ({"trust": "Hardware"}, "TrustTooLow"),
        ({"requireGPU": True}, "GpuEvidenceMissing"),
        ({"policy": {"measurements": [{"mrTd": "00" * 48}]}}, "MeasurementUnknown"),
        ({"policy": POLICY["policy"] | {"minimumTcbDate": "2026-05-01"}}, "TcbTooOld"),  # type: ignore[operator]  # a dict
        ({"policy": POLICY["policy"] | {"minimumTcbEvaluation": 99}}, "CollateralTooOld"),  # type: ignore[operator]  # a dict
    ],
)
def test_each_term_of_the_clients_policy_counts(
    site: Site, capsys: pytest.CaptureFixture[str], changes: dict[str, object], code: str
) -> None:
    assert site.run("--collateral", site.publish(), policy=POLICY | changes) == FAILED
    holds, said = line(capsys)
    assert (holds, code in said) == ("no", True), said


def test_switches_are_named_beside_the_gpus() -> None:
    claims = Story(int(AT), Server()).claims()
    shown = bundles.encode(hgx.bound(hgx.gpus(), hgx.switched()))
    material = Material(receipt="", evidence=shown, collateral=hgx.COLLATERAL)
    found = attested.evidence(material, claims, hgx.POLICY, AT)
    assert "It meets your policy: tdx, 8 attested GPUs and 4 NVSwitches, trust: Test, judged" in found.line.said
