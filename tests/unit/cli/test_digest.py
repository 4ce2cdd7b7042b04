"""The digest that people compute is the digest that the runner checks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cocoon.cli.__main__ import main


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "echo"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text('name: "echo"\n')
    (folder / "1" / "model.py").write_text("pass\n")
    return folder


def test_the_digest_is_of_the_archive(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = tmp_path / "echo.tar"
    assert main(["digest", str(model), "--archive", str(archive)]) == 0
    assert capsys.readouterr().out.strip() == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_the_digest_alone_is_the_same(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["digest", str(model), "--archive", str(tmp_path / "echo.tar")])
    main(["digest", str(model)])
    first, second = capsys.readouterr().out.split()
    assert first == second


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", str(tmp_path)]) == 1
    assert "holds no config.pbtxt" in capsys.readouterr().err


def test_a_link_in_a_model_is_refused(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (model / "1" / "weights").symlink_to("/etc/passwd")
    assert main(["digest", str(model)]) == 1
    assert "link" in capsys.readouterr().err
