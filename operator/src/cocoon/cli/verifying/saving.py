"""Writing down all that a receipt was checked with, so that it can be checked again without anybody's help."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cocoon.api.payout import TransferList
from cocoon.cli.failure import Failure
from cocoon.cli.replacing import replacing
from cocoon.cli.verifying.given import NAMES, RECEIPT, SAVED, Saved
from cocoon.cli.verifying.material import Material


def make_folder(folder: Path) -> None:
    """The folder, for its owner's eyes alone: the job may hold its input. Raises Failure."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder} can't be made: {error.strerror}.") from error


def save(folder: Path, material: Material, now: float) -> None:
    """All parts but the input's and the answers' own files. `now` in seconds since 1970. Raises Failure."""
    contents: dict[str, bytes | None] = {
        RECEIPT: material.receipt.encode(errors="replace") + b"\n",
        NAMES["evidence"]: material.evidence,
        NAMES["job"]: _json(material.job),
        NAMES["entry"]: _json(material.entry),
        NAMES["transfers"]: None if material.transfers is None else _json(TransferList(material.transfers)),
        NAMES["neighbours"]: None if material.neighbours is None else "\n".join(material.neighbours).encode(),
        SAVED: _json(Saved(material.books, now)),
    }
    for name, content in contents.items():
        if content is not None:
            with replacing(folder / name) as file:
                file.write(content)


def _json(value: object) -> bytes | None:
    return None if value is None else msgspec.json.encode(value)
