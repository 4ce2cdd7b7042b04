"""`kubectl cocoon collateral`: from evidence to a folder that other commands verify with."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from cocoon.cli import keyring_evidence
from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, FAILED, UNREACHABLE, USAGE
from tests.attest.makers.certificates import AT
from tests.unit.cli import hardware_keyring
from tests.unit.cli.sealing_prompt import JOB


@pytest.fixture
async def evidence(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.json"
    await hardware_keyring.evidence(path)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return hardware_keyring.publish(tmp_path / "source")


def test_what_is_fetched_verifies(
    evidence: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "carried"
    assert main(["collateral", str(folder), "--evidence", str(evidence), "--from", str(source)]) == DONE
    assert f"{hardware_keyring.NAME}   Fetched" in capsys.readouterr().out
    assert (folder / hardware_keyring.NAME).read_bytes() == (source / hardware_keyring.NAME).read_bytes()
    monkeypatch.setattr(keyring_evidence, "time", SimpleNamespace(time=lambda: AT))
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    (tmp_path / "terms.yaml").write_text(yaml.safe_dump(hardware_keyring.TERMS))
    given = ["-f", str(tmp_path / "job.yaml"), "--terms", str(tmp_path / "terms.yaml"), "--evidence", str(evidence)]
    words = ["seal", *given, "--identity", str(tmp_path / "key.txt"), "--collateral"]
    assert main([*words, str(folder)]) == DONE
    assert main([*words, str(folder / "evidence")]) != DONE


def test_what_is_needed_without_a_network(
    evidence: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "carried"
    words = ["collateral", str(folder), "-o", "json"]
    assert main([*words, "--evidence", str(evidence), "--no-fetch"]) == DONE
    assert json.loads(capsys.readouterr().out) == [{"name": hardware_keyring.NAME, "state": "Needed", "why": ""}]
    [kept] = (folder / "evidence").iterdir()
    assert kept.read_bytes() == evidence.read_bytes()
    assert main([*words, "--evidence", str(kept), "--from", str(source)]) == DONE
    assert (folder / hardware_keyring.NAME).is_file()


def test_what_cannot_be_had_is_named(evidence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    words = ["collateral", str(tmp_path / "carried"), "--evidence", str(evidence), "--from", str(tmp_path / "empty")]
    assert main(words) == FAILED
    captured = capsys.readouterr()
    assert "Missing" in captured.out
    assert "no file of that name" in captured.out
    assert "1 of 1 piece could not be fetched" in captured.err


def test_an_older_copy_stays(evidence: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "carried")
    main(["collateral", folder, "--evidence", str(evidence), "--from", str(source)])
    (source / hardware_keyring.NAME).unlink()
    capsys.readouterr()
    assert main(["collateral", folder, "--evidence", str(evidence), "--from", str(source)]) == FAILED
    assert f"{hardware_keyring.NAME}   Old" in capsys.readouterr().out
    assert (tmp_path / "carried" / hardware_keyring.NAME).is_file()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), USAGE, "Whose evidence?"),
        (("--evidence", "EVIDENCE", "--from", "nowhere"), USAGE, "no such folder"),
        (("--evidence", "OTHER"), FAILED, "is no evidence"),
        (("--provider", "a/b/c", "--kubeconfig", "none"), USAGE, "is no name for cocoonproviders"),
        (("--provider", "a/b", "--kubeconfig", "none"), UNREACHABLE, "kubeconfig"),
    ],
)
def test_bad_words(  # noqa: PLR0917 - fixtures and cases
    evidence: Path, tmp_path: Path, words: tuple[str, ...], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").write_text("{}")
    places = {"EVIDENCE": str(evidence), "OTHER": str(tmp_path / "other")}
    assert main(["collateral", str(tmp_path / "carried"), *(places.get(word, word) for word in words)]) == status
    assert said in capsys.readouterr().err
