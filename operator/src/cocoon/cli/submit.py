"""`kubectl cocoon submit FILE`: create jobs from manifests or JSON Lines, and watch them to their end if wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import Struct

from cocoon.api.counted import counted
from cocoon.api.job import InferenceJob
from cocoon.api.resources import JOB, Manifest
from cocoon.cli import screen
from cocoon.cli.cluster import Cluster, connected
from cocoon.cli.failure import BAD_NEWS, DONE, NOT_YET, Failure
from cocoon.cli.job_file import JobOptions, items, jobs
from cocoon.cli.names import ANY_PROVIDER
from cocoon.cli.options import EXISTING_FILE, SECONDS, Reach, on_cluster, packed
from cocoon.cli.progress import Progress
from cocoon.cli.sealing_jobs import sealed
from cocoon.cli.sealing_options import Sealing, on_sealing

#: Each is watched by a connection of its own.
_MOST_WATCHED: Final = 64


class After(Struct, frozen=True):
    """What to do once jobs are created."""

    watch: bool = False
    timeout: float = 86_400
    output: str | None = None


on_job: Final = packed(
    JobOptions,
    "options",
    click.option("--model", metavar="NAME", help="The model that answers; needed for JSON Lines."),
    click.option("--model-sha256", metavar="DIGEST", help="Only this version of it (kubectl cocoon digest)."),
    click.option("--name", metavar="NAME", help="The job's name; default: the file's with some random characters."),
    click.option("--budget", metavar="AMOUNT", help="What it may cost at most: nanoTON, or TON as in 0.5TON."),
    click.option("--maximum-price", metavar="AMOUNT", help="What a million items may cost at most, as --budget."),
    click.option("--parallelism", metavar="N", type=click.IntRange(1, 4096), help="Items at work at the same time."),
    click.option("--priority", metavar="N", type=click.IntRange(-1000, 1000), help="Higher ones are served first."),
    click.option("--deadline", metavar="TIME", help="When it must be done, as 2026-12-01T00:00:00Z."),
    click.option(
        "--trust",
        type=click.Choice(["Hardware", "Test"]),
        help="The least trust that a server must have; default: Hardware.",
    ),
    click.option(
        "--provider",
        metavar="[NAMESPACE/]NAME",
        multiple=True,
        type=ANY_PROVIDER,
        help="Only this provider may do the work; several times for several. With --seal, its keyring is sealed to.",
    ),
    click.option("--input-uri", metavar="URL", help="Where runners fetch FILE, whose digest is taken from it."),
    click.option("--output-uri", metavar="URL", help="Where runners put the answers: a presigned PUT."),
)
after: Final = packed(
    After,
    "then",
    click.option("--watch", is_flag=True, help="Watch until it is over; exit with status 3 if it fails."),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=SECONDS,
        default=86_400,
        show_default=True,
        help="How long to watch; the jobs go on.",
    ),
    click.option(
        "-o", "--output", type=click.Choice(["json", "yaml", "name"]), help="Print the created objects, or their names."
    ),
)


@click.command("submit", short_help="create jobs from a manifest or from JSON Lines")
@click.argument("file", type=EXISTING_FILE)
@on_job
@after
@click.option(
    "--seal", is_flag=True, help="Seal the input to the provider's keyring; needs --terms and --model-sha256."
)
@on_sealing(always=False)
@on_cluster
def command(  # noqa: PLR0913 - click hands over each group of options
    file: Path, options: JobOptions, then: After, sealing: Sealing, reach: Reach, *, seal: bool
) -> int:
    """Create the jobs that FILE holds: InferenceJob manifests (.yaml, .yml, .json), else JSON Lines, one item a line.

    Options change what a manifest says. JSON Lines are checked here; up to 32 KiB go into the job itself, more needs
    --input-uri and --output-uri.

    With --seal the input is encrypted on this machine, as `kubectl cocoon seal` does it: --terms says whom you trust,
    --provider whose keyring it is, --identity is your key for the answers. Nothing is created if the keyring does not
    meet your terms.
    """
    if not seal and any(getattr(sealing, name) is not None for name in Sealing.__struct_fields__):
        raise click.UsageError("--terms, --keyring, --evidence, --collateral and --identity say how to --seal: add it.")
    return asyncio.run(_submit(jobs(file, options), sealing if seal else None, then, reach))


async def _submit(wanted: Sequence[Manifest], sealing: Sealing | None, then: After, reach: Reach) -> int:
    if then.watch and len(wanted) > _MOST_WATCHED:
        raise Failure(f"{len(wanted)} jobs are too many to watch: submit them without, then kubectl get ijob -w.")
    async with connected(reach) as cluster:
        ready = wanted if sealing is None else await sealed(wanted, cluster.namespace, sealing, reach)
        created = [await _create(cluster, body, then) for body in ready]
        if then.output in ("json", "yaml"):
            shown = list(map(_without_managers, created))
            screen.show(shown[0] if len(shown) == 1 else shown, then.output)
        sizes = [items(body) for body in wanted]  # sealed inputs don't show theirs
        return await _watch(cluster, created, sizes, then.timeout) if then.watch else DONE


async def _create(cluster: Cluster, body: Manifest, then: After) -> Manifest:
    namespace = body["metadata"].get("namespace") or cluster.namespace
    created = await cluster.create(JOB, namespace, body)
    name = created["metadata"]["name"]
    if then.output == "name":
        screen.say(f"inferencejob.cocoonfleet.io/{name}")
    elif then.output is None:
        screen.say(f"Created {namespace}/{name}.")
    return created


def _without_managers(body: Manifest) -> Manifest:
    """As kubectl shows objects: who owns which field is seldom asked for."""
    return body | {"metadata": {name: value for name, value in body["metadata"].items() if name != "managedFields"}}


async def _watch(cluster: Cluster, created: Sequence[Manifest], sizes: Sequence[int], patience: float) -> int:
    progress = Progress({_key(body): size for body, size in zip(created, sizes, strict=True)})
    try:
        with progress:
            async with asyncio.timeout(patience):
                await _follow_all(cluster, created, progress)
    except TimeoutError:
        left = counted(progress.unfinished, "job is", "jobs are")
        goes = "it goes" if progress.unfinished == 1 else "they go"
        raise Failure(f"{left} not over after {patience:g} s; {goes} on.", NOT_YET) from None
    except asyncio.CancelledError:
        name = created[0]["metadata"]["name"]
        screen.note(f"Not watched any more; what is not over goes on: kubectl cocoon why {name}, or output {name}.")
        raise
    return BAD_NEWS if progress.failed else DONE


async def _follow_all(cluster: Cluster, created: Sequence[Manifest], progress: Progress) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            for body in created:
                tasks.create_task(_follow(cluster, body, progress))
    except ExceptionGroup as failures:  # not `except*`: some 3.11 put what it raises into a group again
        raise failures.exceptions[0] from None


async def _follow(cluster: Cluster, created: Manifest, progress: Progress) -> None:
    """Tell the progress of each change of a job until it is over."""
    meta = created["metadata"]
    async for body in cluster.changes(JOB, meta["namespace"], meta["name"]):
        job = msgspec.convert(body, InferenceJob)
        if job.metadata.uid != meta["uid"]:
            raise Failure(f"{_key(created)} was deleted, and there is another one of its name now.")
        progress.tell(_key(body), job.status)
        if job.status.state in ("Succeeded", "Failed"):
            return


def _key(body: Manifest) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"
