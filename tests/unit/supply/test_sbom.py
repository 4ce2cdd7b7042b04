"""A bill of materials names all that an image holds, says the same each time, and names no address."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from tools.supply import __main__ as program
from tools.supply import contents, sbom
from tools.supply.contents import Distribution, Package
from tools.supply.licences import UnknownLicence

from imagebuild import archives
from tests.unit.supply import archive


def bill(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sbom.bill(contents.read(path)))
    return found


def test_contents_are_read_from_the_image(tmp_path: Path) -> None:
    found = contents.read(archive.write(tmp_path / "keyring.tar"))
    glibc = ("BSD-3-clause", "LGPL-2.1+")
    assert found.packages == (
        Package("dash", "0.5.12-2", "amd64", ("GPL-2",)),
        Package("libc-bin", "2.36-9+deb12u10", "amd64", glibc),
        Package("libc6", "2.36-9+deb12u10", "amd64", glibc),
    )
    assert found.distributions == (Distribution("aio-http", "3.1", "Apache-2.0 AND MIT"),)
    assert found.digest == archives.digest(tmp_path / "keyring.tar")


def test_later_layers_win(tmp_path: Path) -> None:
    shorter = {"var/lib/dpkg/status": archive.STATUS.partition("\n\n")[0]}
    assert len(contents.read(archive.write(tmp_path / "a.tar", archive.DEBIAN, shorter)).packages) == 1


def test_a_package_whose_licence_nobody_names_is_refused(tmp_path: Path) -> None:
    silent = archive.DEBIAN | {"./usr/share/doc/dash/copyright": "All rights reserved."}
    with pytest.raises(UnknownLicence, match="dash: no copyright file names a licence"):
        contents.read(archive.write(tmp_path / "a.tar", silent))


def test_the_bill_names_everything_with_version_and_licence(tmp_path: Path) -> None:
    found = bill(archive.write(tmp_path / "a.tar"))
    named = {each["purl"]: each["licenses"] for each in found["components"]}
    libc = "?arch=amd64&distro=debian-12"
    assert set(named) == {
        "pkg:pypi/aio-http@3.1",
        f"pkg:deb/debian/dash@0.5.12-2{libc}",
        f"pkg:deb/debian/libc-bin@2.36-9%2Bdeb12u10{libc}",
        f"pkg:deb/debian/libc6@2.36-9%2Bdeb12u10{libc}",
    }
    assert named["pkg:pypi/aio-http@3.1"] == [{"expression": "Apache-2.0 AND MIT"}]
    image = found["metadata"]["component"]
    assert (image["name"], image["version"], image["type"]) == ("cocoon-fleet/keyring", "0.1.0", "container")
    assert image["bom-ref"] == archives.digest(tmp_path / "a.tar")


def test_the_bill_is_valid_and_the_same_each_time_and_names_no_address(tmp_path: Path) -> None:
    text = sbom.bill(contents.read(archive.write(tmp_path / "a.tar")))
    assert text == sbom.bill(contents.read(archive.write(tmp_path / "b.tar")))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert text.count("://") == text.count('"$schema"') == 1
    other = archive.write(tmp_path / "c.tar", archive.DEBIAN)
    assert json.loads(text)["serialNumber"] != bill(other)["serialNumber"]


def test_an_image_with_a_licence_that_does_not_fit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "IMAGES", tmp_path)
    assert program.main() == 1
    assert "make image-archives" in capsys.readouterr().err
    copyleft = {
        "x/site-packages/some-1.dist-info/METADATA": "Name: some\nVersion: 1\nLicense-Expression: GPL-3.0-only\n"
    }
    archive.write(tmp_path / "runner.tar", archive.DEBIAN, copyleft)
    assert program.main() == 1
    assert "runner may not hold some: it is under GPL-3.0-only." in capsys.readouterr().err
    archive.write(tmp_path / "runner.tar")
    assert program.main() == 0
    assert (tmp_path / "runner.cdx.json").exists()
