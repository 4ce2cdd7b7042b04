"""Sealing to a keyring whose evidence is a TDX quote: under a test root of ours, with collateral from a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cocoon.cli import keyring_evidence
from cocoon.cli.failure import BAD_NEWS, FAILED, UNDECIDED, USAGE
from cocoon.keyring.process import Keyring
from tests.attest.makers.certificates import AT, DAY, NOW
from tests.keyring import kit
from tests.unit.cli import hardware_keyring
from tests.unit.cli.hardware_keyring import GUEST
from tests.unit.cli.sealing_prompt import Prompt


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates of the tests are of the tests' day."""
    monkeypatch.setattr(keyring_evidence, "time", SimpleNamespace(time=lambda: AT))


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    async with kit.keyring(kit.settings(tmp_path), collector=hardware_keyring.TdxCollector()) as found:
        yield found


@pytest.fixture
def prompt(tmp_path: Path, keyring: Keyring, capsys: pytest.CaptureFixture[str]) -> Prompt:
    prompt = Prompt(tmp_path, keyring, capsys)
    prompt.terms = dict(hardware_keyring.TERMS)
    return prompt


async def test_a_keyring_that_is_asked(prompt: Prompt) -> None:
    folder = hardware_keyring.publish(prompt.folder / "collateral")
    assert (await prompt.seal("--collateral", str(folder)))[0] == 0
    assert "trust: Test" in prompt.said


async def test_evidence_in_a_file(prompt: Prompt) -> None:
    folder, file = hardware_keyring.publish(prompt.folder / "collateral"), prompt.folder / "evidence.json"
    recipient = await hardware_keyring.evidence(file)
    assert (await prompt.seal("--evidence", str(file), "--collateral", str(folder)))[0] == 0
    assert recipient in prompt.said


async def test_a_folder_by_a_relative_name(prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    hardware_keyring.publish(prompt.folder / "collateral")
    monkeypatch.chdir(prompt.folder)
    assert (await prompt.seal("--collateral", "collateral"))[0] == 0
    assert (await prompt.seal("--collateral", "elsewhere"))[0] == USAGE
    assert "no such folder" in prompt.said


@pytest.mark.parametrize("from_file", [True, False])
async def test_without_collateral_nothing_is_sealed(prompt: Prompt, from_file: bool) -> None:
    (prompt.folder / "empty").mkdir()
    file = prompt.folder / "evidence.json"
    await hardware_keyring.evidence(file)
    given = ["--evidence", str(file)] if from_file else []
    status, out = await prompt.seal("--collateral", str(prompt.folder / "empty"), *given)
    assert (status, out) == (UNDECIDED, "")
    assert hardware_keyring.NAME in prompt.said
    assert "kubectl cocoon collateral" in prompt.said


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"status": "Revoked"}, BAD_NEWS),
        ({"status": "OutOfDate"}, BAD_NEWS),
        ({"issued": NOW - 9 * DAY, "ends": NOW - DAY / 1440}, UNDECIDED),
    ],
)
async def test_collateral_that_speaks_against_it(prompt: Prompt, wish: dict[str, Any], status: int) -> None:
    folder = hardware_keyring.publish(prompt.folder / "collateral", **wish)
    assert await prompt.seal("--collateral", str(folder)) == (status, "")


@pytest.mark.parametrize(
    ("keyring_terms", "status", "said"),
    [
        ({"testRoots": []}, BAD_NEWS, "root"),
        ({"testRoots": ["00" * 32]}, BAD_NEWS, "root"),
        ({"policy": {"measurements": [{"mrTd": "00" * 48}]}}, BAD_NEWS, "does not meet your terms"),
        ({"policy": {"measurements": [GUEST | {"rtmrs": ["00" * 48]}]}}, BAD_NEWS, "[GuestMismatch]"),
        ({"policy": {"measurements": [GUEST | {"mrConfigId": "ab" * 48}]}}, BAD_NEWS, "init data"),
        ({"policy": {"measurements": [GUEST], "minimumTcbDate": "2026-01-01"}}, BAD_NEWS, "minimum date"),
        ({"policy": {"measurements": [GUEST], "minimumTcbDate": "soon"}}, FAILED, "soon"),
        ({"policy": {"measurement": []}}, FAILED, "unknown field"),
        ({"trust": "Hardware"}, FAILED, "keyring.testRoots"),
        ({"trust": "Hardware", "testRoots": []}, BAD_NEWS, "root"),
        ({"trust": "Hardware", "testRoots": [], "measurements": ["ab"]}, BAD_NEWS, "by launch measurement alone"),
    ],
)
async def test_terms_that_it_does_not_meet(
    prompt: Prompt, keyring_terms: dict[str, Any], status: int, said: str
) -> None:
    folder = hardware_keyring.publish(prompt.folder / "collateral")
    prompt.terms["runners"] = {"trust": "Test", "measurements": ["ab"]}
    prompt.terms["keyring"] = prompt.terms["keyring"] | keyring_terms
    assert await prompt.seal("--collateral", str(folder)) == (status, "")
    assert said in prompt.said
