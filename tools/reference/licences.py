"""The page of all that is locked: each distribution, its version, its licence, and the parts that hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from importlib import metadata
from pathlib import Path

from msgspec import Struct

from tools.reference.tables import code, table
from tools.supply.licences import EXCEPTIONS, licence_of

_ABOUT = """All Python distributions that parts and images are made of, as `requirements/` and `images/` lock them.
Cocoon Fleet itself is under Apache-2.0. What a part holds fits that licence, but for what is named below.
What Debian gives to images stands in their [bills of materials](../concepts/supply-chain.md#bills-of-materials)."""
_LOCKED = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_DEV = "dev"


class Locked(Struct, frozen=True, order=True):
    """One distribution in one version; `parts` is empty for what only development needs."""

    name: str
    version: str
    licence: str
    parts: tuple[str, ...]


def page(root: Path) -> str:
    """The reference page of all licences, as Markdown."""
    found = locked(root)
    exceptions = [f"* `{name}`, in {' and '.join(sorted(parts))} alone" for name, parts in sorted(EXCEPTIONS.items())]
    shipped = ((code(one.name), one.version, one.licence, ", ".join(one.parts)) for one in found if one.parts)
    rest = ((code(one.name), one.version, one.licence) for one in found if not one.parts)
    parts = [
        "# Licences",
        "<!-- Written by `make reference` from the locks and the distributions' metadata. -->",
        _ABOUT,
        "\n".join(["Exceptions:", "", *exceptions]),
        "## In images",
        table(("Distribution", "Version", "Licence", "Parts"), shipped),
        "## For development alone",
        table(("Distribution", "Version", "Licence"), rest),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def locked(root: Path) -> list[Locked]:
    """What is locked, by name. Raises UnknownLicence."""
    holders: dict[tuple[str, str], list[str]] = {}
    for part, file in _locks(root):
        for name, version in _LOCKED.findall(file.read_text()):
            holders.setdefault((name, version), []).append(part)
    return sorted(
        Locked(name, version, licence_of(name, _metadata(name)), tuple(sorted({*parts} - {_DEV})))
        for (name, version), parts in holders.items()
    )


def _locks(root: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted((root / "requirements").glob("*.txt")):
        yield file.stem, file
    yield "triton-cpu", root / "images/triton-cpu/requirements.txt"
    yield _DEV, root / "images/triton-cpu/requirements-models.txt"


def _metadata(name: str) -> Message | None:
    """Of the development environment, which holds every part; None for what only Triton's image has."""
    try:
        return message_from_string(metadata.distribution(name).read_text("METADATA") or "")
    except metadata.PackageNotFoundError:
        return None
