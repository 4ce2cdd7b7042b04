"""`kubectl cocoon collateral FOLDER`: fetch what verifying evidence takes, for sites without a network.

The folder is what `--collateral FOLDER` of other commands and processes reads, and what a mirror serves. The evidence
is kept in it too, so that a machine with a network can do the fetching for one without.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import click
from msgspec import Struct

from cocoon.api.counted import counted
from cocoon.api.evidence import Bundle
from cocoon.attest import bundle as bundles
from cocoon.attest.library import Library, Piece
from cocoon.attest.needs import needs
from cocoon.attest.opening import VENDORS, open_library
from cocoon.attest.receipts import read_unproven
from cocoon.cli import screen
from cocoon.cli.cluster import connected
from cocoon.cli.collateral_places import read_places
from cocoon.cli.failure import DONE, FAILED, Failure
from cocoon.cli.keyring_evidence import read_evidence, unverified
from cocoon.cli.keyring_lookup import look_up, read_provider, way_to
from cocoon.cli.names import ANY_PROVIDER, JOB_NAME
from cocoon.cli.options import EXISTING_FILE, Reach, on_cluster, output_format, packed
from cocoon.cli.payout_access import PayoutOptions, on_payout, payout_service
from cocoon.cli.replacing import replacing
from cocoon.cli.verifying import asking
from cocoon.cli.verifying.saving import make_folder

_KEPT: Final = "evidence"


class Asked(Struct, frozen=True):
    """Whose evidence, and where collateral comes from."""

    evidence: tuple[Path, ...]
    job: tuple[str, ...]
    provider: tuple[str, ...]
    sources: str
    no_fetch: bool


class Row(Struct, frozen=True):
    """One piece: its name, which is its path in the folder, and why it could not be fetched; empty if it was."""

    name: str
    state: str
    why: str = ""


@click.command("collateral", short_help="fetch what checking evidence takes, for sites without a network")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@packed(
    Asked,
    "asked",
    click.option("--evidence", metavar="FILE", multiple=True, type=EXISTING_FILE, help="Evidence in a file."),
    click.option("--job", metavar="NAME", multiple=True, type=JOB_NAME, help="That of the server which did this job."),
    click.option(
        "--provider",
        metavar="[NAMESPACE/]NAME",
        multiple=True,
        type=ANY_PROVIDER,
        help="That of this provider's keyring.",
    ),
    click.option(
        "--from",
        "sources",
        metavar="PLACES",
        default=VENDORS,
        show_default=True,
        help="Where to fetch: vendors, an https address, or a folder; several with commas.",
    ),
    click.option("--no-fetch", is_flag=True, help="Keep the evidence, and only list what verifying it takes."),
)
@output_format("json", "yaml")
@on_cluster
@on_payout
def command(folder: Path, asked: Asked, output: str | None, reach: Reach, payout: PayoutOptions) -> int:
    """Fetch certificates, revocation lists and reference values for some evidence into FOLDER.

    Evidence is taken from files, from the payout service (--job), or from a keyring (--provider); a copy is kept in
    FOLDER/evidence. It is read, not verified: verify it with --collateral FOLDER.

    On a site without a network, first list what is needed. Carry the folder to a machine that has one, and fetch there:

    kubectl cocoon collateral carried --job letters --provider owners/dc1 --no-fetch

    kubectl cocoon collateral carried --evidence carried/evidence/DIGEST.json

    The exit status is 1 if a piece could not be fetched; an older copy of it stays where it is.
    """
    if not (asked.evidence or asked.job or asked.provider):
        raise click.UsageError("Whose evidence? Give --evidence FILE, --job NAME or --provider NAMESPACE/NAME.")
    rows = asyncio.run(_gather(folder.resolve(), asked, reach, payout))
    if output:
        screen.show(rows, output)
    else:
        _print(rows)
    return FAILED if any(row.why for row in rows) else DONE


async def _gather(folder: Path, asked: Asked, reach: Reach, payout: PayoutOptions) -> list[Row]:
    places = () if asked.no_fetch else read_places("--from", asked.sources)
    make_folder(folder)
    make_folder(folder / _KEPT)
    shown = [_kept(folder, raw) async for raw in _evidence(asked, reach, payout)]
    if asked.no_fetch:
        names = dict.fromkeys(need.name for bundle in shown for need in needs(bundle))
        return [Row(name, "Needed") for name in names]
    async with open_library(places, str(folder), time.time) as library:
        return await _fetch(library, folder, shown)


async def _evidence(asked: Asked, reach: Reach, payout: PayoutOptions) -> AsyncIterator[bytes]:
    for path in asked.evidence:
        yield read_evidence(path)[0]
    for job in asked.job:
        yield await _of_job(job, reach, payout)
    for provider in asked.provider:
        async with connected(reach) as cluster:
            told = await look_up(cluster, [read_provider(provider, cluster.namespace)])
        async with way_to(reach, told.address) as address:
            yield await unverified(address)


async def _of_job(job: str, reach: Reach, payout: PayoutOptions) -> bytes:
    receipt = (await asking.from_cluster(reach, job)).receipt
    try:
        claims = read_unproven(receipt)
    except ValueError as error:
        raise Failure(f"The receipt of {job} can't be read: {error}.") from None
    async with payout_service(reach, payout) as service:
        return await service.evidence(claims.evidence_sha256)


def _kept(folder: Path, raw: bytes) -> Bundle:
    """The bundle, written down under its name."""
    try:
        bundle = bundles.decode(raw)
    except bundles.MalformedBundle as error:
        raise Failure(f"What was shown as evidence is none: {error}") from None
    with replacing(folder / _KEPT / f"{bundles.digest(bundle)}.json") as file:
        file.write(raw)
    return bundle


async def _fetch(library: Library, folder: Path, shown: Sequence[Bundle]) -> list[Row]:
    for bundle in shown:
        await library.collect(bundle)
    rows = [_row(piece) for piece in library.pieces()]
    for row in rows:
        if row.state == "Fetched" and not (folder / row.name).is_file():
            raise Failure(f"{folder / row.name} can't be written. Is {folder} full, or may you not write there?")
    return sorted(rows, key=lambda row: row.name)


def _row(piece: Piece) -> Row:
    if piece.fetched and not piece.why:
        return Row(piece.name, "Fetched")
    return Row(piece.name, "Missing" if piece.content is None else "Old", piece.why)


def _print(rows: Sequence[Row]) -> None:
    if not rows:
        screen.note(
            "Verifying this evidence takes no collateral: it is of a development machine, or came with its own."
        )
        return
    tints = {"Fetched": screen.GOOD, "Old": screen.DOUBTFUL, "Missing": screen.BAD}
    cells = [(row.name, screen.Cell(row.state, tints.get(row.state, "")), row.why) for row in rows]
    screen.say(screen.table(("NAME", "STATE", "WHY NOT"), cells))
    lacking = sum(bool(row.why) for row in rows)
    if lacking:
        of = counted(len(rows), "piece")
        screen.note(f"{lacking} of {of} could not be fetched; without all of them verdicts are undecided.")
