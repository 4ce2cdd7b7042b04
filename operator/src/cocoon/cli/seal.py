"""`kubectl cocoon seal`: encrypt a job's input so that only attested runners of the client's choice can open it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import yaml
from msgspec import Struct

from cocoon.api.groups import JOB_KIND
from cocoon.api.resources import Manifest
from cocoon.cli import screen
from cocoon.cli.failure import Failure
from cocoon.cli.keyring_lookup import Provider, providers_of, read_provider
from cocoon.cli.names import ANY_PROVIDER
from cocoon.cli.options import EXISTING_FILE, Reach, on_cluster, packed
from cocoon.cli.sealed_job import Place, Wish, check, seal
from cocoon.cli.sealing_options import Sealing, on_sealing, recipient


class Asked(Struct, frozen=True):
    """Whose keyring to seal to, and where the input is and goes."""

    provider: str | None
    input: Path | None
    to: Path | None
    uri: str | None

    @property
    def place(self) -> Place | None:
        """Of a large input. Raises UsageError."""
        if (self.to is None) != (self.uri is None):
            raise click.UsageError("--to and --uri go together: where the file is written, and where runners fetch it.")
        return None if self.to is None or self.uri is None else Place(self.to, self.uri)


@click.command("seal", short_help="encrypt a job's input to attested runners")
@click.option(
    "-f",
    "--filename",
    "job",
    metavar="FILE",
    required=True,
    type=EXISTING_FILE,
    help="The InferenceJob (YAML), with a plain input.",
)
@packed(
    Asked,
    "asked",
    click.option(
        "--provider",
        metavar="[NAMESPACE/]NAME",
        type=ANY_PROVIDER,
        help="Seal to the keyring that this provider names.",
    ),
    click.option("--input", metavar="FILE", type=EXISTING_FILE, help="The input, if it is not in the job itself."),
    click.option(
        "--to", metavar="FILE", type=click.Path(path_type=Path), help="Write the sealed input there, to be uploaded."
    ),
    click.option("--uri", metavar="URL", help="Where the runner will fetch what --to wrote."),
)
@on_sealing(always=True)
@on_cluster
def command(job: Path, asked: Asked, sealing: Sealing, reach: Reach) -> None:
    """Encrypt a job's input to a provider's keyring, and print the job as it is to be applied.

    The keyring's evidence is verified on this machine, under your own terms: if it does not meet them, nothing is
    sealed. The keyring gives the input's key only to runners that meet them too, for this job, this model and answers
    sealed to you.

    The keyring is the one that --provider, or else the job's spec.providers, names in its status; it is reached by
    `kubectl port-forward`. With --keyring or --evidence the cluster is asked only if --provider is given, to see that
    they are of its keyring.

    kubectl cocoon seal -f job.yaml --terms terms.yaml --provider owners/dc1 --identity key.txt | kubectl apply -f -
    """
    wanted = _read_job(job, reach.namespace)
    check(wanted, str(job))
    sealed = asyncio.run(_seal(wanted, asked, sealing, reach))
    screen.say(str(yaml.safe_dump(sealed, sort_keys=False, width=120)).rstrip())


async def _seal(job: Manifest, asked: Asked, sealing: Sealing, reach: Reach) -> Manifest:
    terms, place = sealing.own_terms, asked.place
    found = await recipient(terms, sealing, _providers(job, asked, sealing), reach)
    sealed = seal(job, Wish(terms, found, sealing.answers_to, asked.input, place))
    screen.note(f"Sealed to {found.described}.")
    return sealed


def _providers(job: Manifest, asked: Asked, sealing: Sealing) -> list[Provider]:
    """Whose keyring is meant: the cluster is not asked for what is given otherwise."""
    home = str(job["metadata"]["namespace"])
    if asked.provider is not None:
        return [read_provider(asked.provider, home)]
    if sealing.keyring is not None or sealing.evidence is not None:
        return []
    return providers_of(job)


def _read_job(path: Path, namespace: str | None) -> Manifest:
    try:
        job = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise Failure(f"{path} can't be read: {error}.") from error
    if not isinstance(job, dict) or job.get("kind") != JOB_KIND or not isinstance(job.get("spec"), dict):
        raise Failure(f"{path} does not hold one {JOB_KIND}.")
    meta = dict(job.get("metadata") or {})
    if namespace is not None and meta.setdefault("namespace", namespace) != namespace:
        raise Failure(f"{path} is of namespace {meta['namespace']}, and -n says {namespace}: leave out -n.")
    return job | {"metadata": meta}
