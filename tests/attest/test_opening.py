"""Sources of collateral as administrators write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.attest.collateral import Need
from cocoon.attest.opening import open_library
from cocoon.fleet.settings import read_settings
from tests.attest.makers.certificates import AT


async def test_places_are_asked_in_order(tmp_path: Path) -> None:
    one, two, kept = tmp_path / "one", tmp_path / "two", tmp_path / "kept"
    for folder, text in ((one, b"1"), (two, b"2")):
        (folder / "amd").mkdir(parents=True)
        (folder / "amd" / "x").write_bytes(text)
    async with open_library([str(one), str(two)], str(kept), lambda: AT) as library:
        assert (await library.get([Need("amd/x")])).items == {"amd/x": b"1"}
    assert (kept / "amd" / "x").read_bytes() == b"1"
    async with open_library(["vendors", "https://mirror.example", str(two)], "", lambda: AT) as library:
        assert library.pieces() == ()


def test_a_wrong_place_ends_the_operator_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_settings(["--collateral", "vendors,/x"], {}).collateral == ("vendors", "/x")
    with pytest.raises(SystemExit):
        read_settings(["--collateral", "vendor"], {})
    assert "'vendor' is no source of collateral" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["", "vendor", "relative/path", "ftp://mirror.example"])
async def test_what_is_no_place(place: str) -> None:
    with pytest.raises(ValueError, match="is no source of collateral"):
        async with open_library([place], "", lambda: AT):
            pass
