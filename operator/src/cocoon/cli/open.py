"""`kubectl cocoon open`: the answers of a job that were sealed to the client, in the clear."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import click
import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cocoon.api.job import InferenceJob, OutputStatus
from cocoon.api.resources import JOB
from cocoon.attest.age import armor, wrapping
from cocoon.attest.age import header as headers
from cocoon.attest.age.failures import AgeError
from cocoon.attest.age.payload import Opener
from cocoon.cli.answers import answers_in
from cocoon.cli.cluster import connected
from cocoon.cli.failure import Failure
from cocoon.cli.identity_file import read_identities
from cocoon.cli.input_file import chunks
from cocoon.cli.names import JOB_NAME
from cocoon.cli.options import EXISTING_FILE, Reach, on_cluster
from cocoon.cli.replacing import replacing

_LONGEST_ARMOR: Final = 64 << 20


@click.command("open", short_help="decrypt answers that were sealed to you")
@click.argument("job", required=False, metavar="[JOB]", type=JOB_NAME)
@click.option(
    "--file",
    metavar="FILE",
    type=EXISTING_FILE,
    help="Open this file, such as one that you downloaded, instead of a job's.",
)
@click.option(
    "-i",
    "--identity",
    metavar="FILE",
    required=True,
    type=EXISTING_FILE,
    help="Your key, as `seal --identity` used it.",
)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write there; default: standard output."
)
@on_cluster
def command(job: str | None, file: Path | None, identity: Path, output: Path | None, reach: Reach) -> None:
    """Decrypt the answers of a sealed job: those in its ConfigMap, or a file.

    Any age tool opens them too: age -d -i key.txt answers.age
    """
    if (job is None) == (file is None):
        raise click.UsageError("Name exactly one of a job and --file.")
    keys = read_identities(identity)
    source = [asyncio.run(_answers(reach, job))] if job is not None else chunks(file or Path())
    if output is None:
        _open(iter(source), keys, sys.stdout.buffer)
        return
    with replacing(output) as sink:
        _open(iter(source), keys, sink)


async def _answers(reach: Reach, job: str) -> bytes:
    async with connected(reach) as cluster:
        asked = msgspec.convert(await cluster.get(JOB, cluster.namespace, job), InferenceJob)
        output = asked.status.output or OutputStatus()
        if output.uri is not None:
            raise Failure(f"The answers of {job} are at {output.uri}: download them, and open them with --file.")
        if output.config_map is None:
            raise Failure(f"{job} has no answers: `kubectl cocoon why {job}` says how far it is.")
        answers = await answers_in(cluster, cluster.namespace, output.config_map, output)
    return answers.encode()


def _open(source: Iterator[bytes], keys: list[X25519PrivateKey], sink: IO[bytes]) -> None:
    """Raises Failure; what was written until then is authentic, but not all of it."""
    try:
        raw, rest = _beginning(source)
        opener = Opener(wrapping.unwrap(headers.parse(raw), keys).file_key)
        sink.write(opener.push(rest))
        for chunk in source:
            sink.write(opener.push(chunk))
        sink.write(opener.finish())
        sink.flush()
    except AgeError as error:
        raise Failure(f"The answers can't be opened. {error}{_hint(error)}") from None


def _beginning(source: Iterator[bytes]) -> tuple[bytes, bytes]:
    held = b""
    for chunk in source:
        held += chunk
        if armor.is_armored(held):
            held = armor.decode(_whole(held, source))
        if (found := headers.split(held)) is not None:
            return found
    raise AgeError("header", "The file ends within its header.")


def _whole(held: bytes, source: Iterator[bytes]) -> bytes:
    for chunk in source:
        held += chunk
        if len(held) > _LONGEST_ARMOR:
            raise AgeError("armor", "The file is too large to be in armor: `age -d` opens it.")
    return held


def _hint(error: AgeError) -> str:
    if error.stage == "no match":
        return " Is this the identity that the job's output.sealTo names?"
    if error.stage == "header":
        return " Were the answers sealed at all?"
    return ""
