"""What an image holds, read from the image itself: Debian packages and Python distributions.

An OCI archive (image-spec, image-layout.md) is read layer by layer; later layers win. Debian's names of licences are
those of its machine-readable copyright files (DEP-5), or the common licences that an older file refers to.
"""

from __future__ import annotations

import email
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from msgspec import Struct
from packaging.utils import canonicalize_name

from tools.supply.licences import UnknownLicence, licence_of

_STATUS = "var/lib/dpkg/status"
#: Folders of Python's where distributions lie. Copies that one carries of others lie deeper, and are its own.
_PACKAGES = ("site-packages", "dist-packages")
_DEP5 = re.compile(r"^License: *(\S.*?) *$", re.MULTILINE)
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9+])")


#: Of sources whose copyright files name licences in prose only.
_DECLARED = {"libxcrypt": ("LGPL-2.1+",), "python3-defaults": ("PSF-2",)}


class Package(Struct, frozen=True, order=True):
    """A Debian package; `licences` as its copyright file names them."""

    name: str
    version: str
    architecture: str
    licences: tuple[str, ...]


class Distribution(Struct, frozen=True, order=True):
    """A Python distribution, its name normalized (PEP 503) and its licence an SPDX expression."""

    name: str
    version: str
    licence: str


class Contents(Struct, frozen=True):
    """An image: the digest of its manifest, its labels, and what is in it."""

    digest: str
    labels: dict[str, str]
    packages: tuple[Package, ...]
    distributions: tuple[Distribution, ...]


def read(archive: Path) -> Contents:
    """What an OCI archive of one image holds. Raises UnknownLicence."""
    with tarfile.open(archive) as files:
        digest = _json(files, "index.json")["manifests"][0]["digest"]
        manifest = _json(files, _blob(digest))
        config = _json(files, _blob(manifest["config"]["digest"]))["config"]
        found: dict[str, str] = {}
        for layer in manifest["layers"]:
            found.update(_texts(_open(files, _blob(layer["digest"]))))
    return Contents(digest, config.get("Labels", {}), packages_of(found), distributions_of(found))


def packages_of(texts: dict[str, str]) -> tuple[Package, ...]:
    """The packages that dpkg says are installed, with their licences; those of one source share its copyright file."""
    known = [email.message_from_string(each) for each in texts.get(_STATUS, "").split("\n\n") if each.strip()]
    named: dict[str, tuple[str, ...]] = dict(_DECLARED)
    for each in known:
        if text := texts.get(f"usr/share/doc/{each['Package']}/copyright"):
            named.setdefault(_source(each), _licences(text))
    if unknown := [each["Package"] for each in known if not named.get(_source(each))]:
        raise UnknownLicence(
            f"{', '.join(unknown)}: no copyright file names a licence. Read it, and name it in {__name__}."
        )
    return tuple(
        sorted(Package(each["Package"], each["Version"], each["Architecture"], named[_source(each)]) for each in known)
    )


def distributions_of(texts: dict[str, str]) -> tuple[Distribution, ...]:
    """What is installed, by its METADATA."""
    return tuple(sorted(_distribution(text) for path, text in texts.items() if path.endswith("/METADATA")))


def _distribution(text: str) -> Distribution:
    about = email.message_from_string(text)
    name = canonicalize_name(about["Name"])
    return Distribution(name, about["Version"], licence_of(name, about))


def _source(package: email.message.Message) -> str:
    return str(package.get("Source", package["Package"])).split(" ")[0]


def _licences(text: str) -> tuple[str, ...]:
    return tuple(sorted(set(_DEP5.findall(text)))) or tuple(sorted(set(_COMMON.findall(text))))


def _texts(layer: IO[bytes]) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=layer, mode="r|*") as files:
        for member in files:
            name = member.name.removeprefix("./")
            if member.isfile() and _matters(name) and (file := files.extractfile(member)):
                yield name, file.read().decode(errors="replace")


def _matters(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        name == _STATUS
        or (path.name == "METADATA" and path.parent.suffix == ".dist-info" and path.parents[1].name in _PACKAGES)
        or (path.name == "copyright" and name.startswith("usr/share/doc/"))
    )


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _json(files: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - JSON
    return json.load(_open(files, name))


def _open(files: tarfile.TarFile, name: str) -> IO[bytes]:
    return files.extractfile(name) or io.BytesIO()
