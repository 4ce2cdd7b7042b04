"""Everything that is installed by hash is locked by `make lock`, and names no index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import lock

REPOSITORY = Path(__file__).parents[2]
FILES = [*REPOSITORY.glob("requirements/*.txt"), *REPOSITORY.glob("images/**/requirements*.txt")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_a_locked_file_has_hashes_and_no_address(file: Path) -> None:
    known = file.parent == REPOSITORY / lock.FOLDER or file.relative_to(REPOSITORY) in lock.TRITON
    assert known, f"tools/lock.py does not know {file}"
    text = file.read_text()
    assert "://" not in text
    assert text.count("==") <= text.count("--hash=sha256:")


@pytest.mark.parametrize("file", lock.TRITON, ids=lambda file: file.name)
def test_the_triton_image_installs_what_is_asked_for_and_nothing_else(file: Path) -> None:
    asked = re.findall(r"^([a-z0-9-]+)", (REPOSITORY / file.with_suffix(".in")).read_text(), re.MULTILINE)
    locked = re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / file).read_text(), re.MULTILINE)
    assert sorted(asked) == sorted(locked)
