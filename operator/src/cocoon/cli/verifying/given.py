"""Material from files: those that the options name, or a folder that `--save` wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct, structs

from cocoon.api.groups import JOB_KIND
from cocoon.api.payout import Transfer, TransferList, WorkEntry
from cocoon.api.times import format_time
from cocoon.cli.failure import FAILED, Failure
from cocoon.cli.verifying.material import Manifest, Material
from cocoon.cli.verifying.reading import Unreadable, digest, tree, whole

_Found = TypeVar("_Found")
RECEIPT: Final = "receipt.jws"
SAVED: Final = "saved.json"
COLLATERAL: Final = "collateral"
#: The name of each part in a folder.
NAMES: Final = {
    "evidence": "evidence.json",
    "job": "job.json",
    "entry": "entry.json",
    "transfers": "transfers.json",
    "neighbours": "neighbours.txt",
}
_MOST_NEIGHBOURS: Final = 1_000
_BEGINNING: Final = 4_096


class Files(Struct, frozen=True):
    """Where each part is; None is nowhere."""

    evidence: Path | None = None
    job: Path | None = None
    entry: Path | None = None
    transfers: Path | None = None
    neighbours: Path | None = None
    input: Path | None = None
    answers: Path | None = None


class Saved(Struct, frozen=True):
    """What `--save` notes: who said what the books hold, and when (seconds since 1970)."""

    books: str
    at: float


def is_receipt(text: str) -> bool:
    """Whether the text itself looks like a receipt: a JWS in compact form, whose header begins so."""
    return text.startswith("eyJ") and text.count(".") == 2


def from_text(text: str) -> Material:
    """Of a receipt, or of an object that holds one: a job, or an entry of the books. Raises Failure."""
    beginning = text[:_BEGINNING]
    if not text.lstrip().startswith("{") and "kind:" not in beginning:
        return Material(receipt=text.strip())
    found = _read("The receipt's file", lambda: tree(text.encode()))
    if isinstance(found, dict) and found.get("kind") == JOB_KIND:
        return of_job(found)
    entry = _read("The receipt's file", lambda: msgspec.convert(found, WorkEntry))
    if not entry.receipt:
        raise Failure("The entry holds no receipt: get it from /v1/receipts/JTI, which does.", FAILED)
    return Material(receipt=entry.receipt, entry=entry)


def of_job(job: Manifest) -> Material:
    """Of the receipt in a job's status. Raises Failure."""
    status = job.get("status")
    receipt = status.get("receipt") if isinstance(status, dict) else None
    if not isinstance(receipt, str) or not receipt:
        raise Failure("The job has no receipt in its status: is it over? `kubectl cocoon status` shows it.", FAILED)
    return Material(receipt=receipt, job=job)


def with_files(material: Material, files: Files) -> Material:
    """With what the files hold, in place of what was there. Raises Failure."""
    changes = {
        name: _read(f"--{name} {path}", partial(_READERS[name], path))
        for name in Files.__struct_fields__
        if (path := getattr(files, name)) is not None
    }
    if "entry" in changes or "transfers" in changes:
        changes["books"] = f"the file {files.entry or files.transfers}"
    return structs.replace(material, **changes)


def from_folder(folder: Path) -> Material:
    """What `--save` wrote. Raises Failure."""
    receipt = _read(f"{folder / RECEIPT}", lambda: whole(folder / RECEIPT)).decode(errors="replace").strip()
    there = {name: folder / file for name, file in NAMES.items() if (folder / file).is_file()}
    material = with_files(Material(receipt=receipt), Files(**there))
    saved = _read(f"{folder / SAVED}", lambda: msgspec.json.decode(whole(folder / SAVED), type=Saved))
    at = format_time(saved.at) if 0 < saved.at < 1 << 37 else "an impossible time"
    return structs.replace(material, books=f"{saved.books}, as saved at {at}", gathered=saved.at)


def _read(what: str, read: Callable[[], _Found]) -> _Found:
    try:
        return read()
    except (Unreadable, msgspec.MsgspecError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())[:200]
        raise Failure(f"{what} can't be read: {told}.", FAILED) from None


def _job(path: Path) -> Manifest:
    found = tree(whole(path))
    if not isinstance(found, dict) or found.get("kind") != JOB_KIND:
        raise Unreadable(f"it is no {JOB_KIND}")
    return found


def _transfers(path: Path) -> tuple[Transfer, ...]:
    return msgspec.json.decode(whole(path), type=TransferList).transfers


def _neighbours(path: Path) -> tuple[str, ...]:
    lines = whole(path).decode(errors="replace").split()
    if len(lines) > _MOST_NEIGHBOURS:
        raise Unreadable(f"it has more than {_MOST_NEIGHBOURS} receipts")
    return tuple(lines)


_READERS: Final[dict[str, Callable[[Path], object]]] = {
    "evidence": whole,
    "job": _job,
    "entry": lambda path: msgspec.json.decode(whole(path), type=WorkEntry),
    "transfers": _transfers,
    "neighbours": _neighbours,
    "input": digest,
    "answers": digest,
}
