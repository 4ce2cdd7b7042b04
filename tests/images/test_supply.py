"""Real images: what is in them is in their bills, they are built again to the bit, and they carry nothing needless."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path

import pytest
from tools.supply import contents, reproduce, sbom

from imagebuild import buildah, catalogue, paths, rootfs

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="images are built by root")
LOCKED = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def archived(name: str, folder: Path) -> contents.Contents:
    with paths.alone():
        catalogue.build([name])
        buildah.save(name, folder / f"{name}.tar", kind="oci-archive")
    return contents.read(folder / f"{name}.tar")


def test_the_bill_of_a_real_image_names_what_was_locked_and_what_debian_gave(tmp_path: Path) -> None:
    image = archived("payout", tmp_path)
    named = {(each["name"], each["version"]) for each in json.loads(sbom.bill(image))["components"]}
    locked = set(LOCKED.findall((paths.REPOSITORY / "requirements/payout.txt").read_text()))
    with tarfile.open(rootfs.fetch() / "rootfs.tar") as files:
        status = files.extractfile("./var/lib/dpkg/status")
        assert status
        debian = set(re.findall(r"^Package: (.*)\n(?:.+\n)*?Version: (.*)$", status.read().decode(), re.MULTILINE))
    assert len(debian) > 50
    assert named == locked | debian
    assert image.labels["org.opencontainers.image.licenses"].startswith("Apache-2.0 AND GPL-3.0-only")
    assert "GPL-3.0" in image.labels["org.opencontainers.image.description"]


def test_an_image_is_built_again_to_the_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduce._compare("keyring", tmp_path)
    assert "keyring: the same: sha256:" in capsys.readouterr().out


def test_the_base_knows_nothing_of_the_machine_that_made_it() -> None:
    with tarfile.open(rootfs.fetch() / "rootfs.tar") as files:
        members = {member.name: member for member in files}
    assert {member.mtime for member in members.values()} == {0}
    assert members["./etc/hostname"].size == members["./etc/resolv.conf"].size == 0
    needless = ("sources.list", "bin/apt-get", "bin/apt", "bin/pip3", "share/perl/")
    assert [name for name in members if name.endswith(needless) and "/doc/" not in name] == []
