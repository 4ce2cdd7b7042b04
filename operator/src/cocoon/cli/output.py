"""`kubectl cocoon output JOB`: a job's answers, or where they are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click
import msgspec

from cocoon.api.counted import counted
from cocoon.api.job import InferenceJob
from cocoon.api.resources import JOB
from cocoon.cli import screen
from cocoon.cli.answers import answers_in
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.failure import BAD_NEWS, DONE, MISSING, NOT_YET, Failure
from cocoon.cli.names import JOB_NAME
from cocoon.cli.options import SECONDS, Reach, on_cluster
from cocoon.cli.progress import sentence

_OVER: Final = ("Succeeded", "Failed")


@click.command("output", short_help="print a job's answers, or say where they are")
@click.argument("job", type=JOB_NAME)
@on_cluster
@click.option(
    "--to",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the answers to this file.",
)
@click.option("--wait", is_flag=True, help="Wait until the job is over.")
@click.option(
    "--timeout", metavar="SECONDS", type=SECONDS, default=86_400, show_default=True, help="With --wait: how long."
)
def command(job: str, reach: Reach, file: Path | None, timeout: float, *, wait: bool) -> int:
    """Print a job's answers, one JSON line for each item, after checking their digest.

    Of answers that were put elsewhere, print the address, without its query, which is a credential. The exit status is
    3 if the job failed; what was answered until then is printed all the same.
    """
    return asyncio.run(_output(reach, job, file, timeout if wait else None))


async def _output(reach: Reach, name: str, file: Path | None, patience: float | None) -> int:
    async with connected(reach) as cluster:
        job = await _finished(cluster, name, patience)
        output = job.status.output
        if output is not None and output.config_map is not None:
            _give(await answers_in(cluster, job.metadata.namespace, output.config_map, output), job, file)
        elif output is not None and output.uri is not None:
            screen.say(output.uri)
            screen.note(f"The answers ({counted(output.bytes, 'byte')}, sha256 {output.sha256}) are at that address.")
        elif job.status.state == "Succeeded":
            raise Failure(f"{name} has no output: its status names none.", MISSING)
    if job.status.state == "Failed":
        raise Failure(f"{name}: {sentence(job.status)}", BAD_NEWS)
    return DONE


async def _finished(cluster: Cluster, name: str, patience: float | None) -> InferenceJob:
    """The job once it is over. Raises Failure with NOT_YET."""
    try:
        async with asyncio.timeout(patience):
            async for body in cluster.changes(JOB, cluster.namespace, name):
                job = msgspec.convert(body, InferenceJob)
                if job.status.state in _OVER:
                    return job
                if patience is None:
                    raise Failure(f"{name} is not over: {sentence(job.status)} Wait for it with --wait.", NOT_YET)
    except TimeoutError:
        pass
    raise Failure(f"{name} is not over after {patience:g} s; it goes on.", NOT_YET)


def _give(text: str, job: InferenceJob, file: Path | None) -> None:
    if job.spec.output.seal_to:
        screen.note(f"They are sealed: `kubectl cocoon open {job.metadata.name} --identity FILE` decrypts them.")
    if file is None:
        click.echo(text.encode(), nl=False)
        return
    try:
        file.write_bytes(text.encode())
    except OSError as error:
        raise Failure(f"{file} can't be written: {error.strerror}.") from error
