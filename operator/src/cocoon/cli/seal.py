"""`kubectl cocoon seal`: encrypt a job's input so that only attested runners of the client's choice can open it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml
from msgspec import Struct

from cocoon.api.groups import JOB_KIND
from cocoon.api.sealing import EPOCH_LABEL, JobPolicy
from cocoon.attest import sealing
from cocoon.attest.age import armor
from cocoon.attest.age.failures import AgeError
from cocoon.cli import keyring_evidence, screen
from cocoon.cli.failure import Failure
from cocoon.cli.identity_file import own_recipient
from cocoon.cli.input_file import chunks
from cocoon.cli.keyring_evidence import Recipient
from cocoon.cli.options import EXISTING_FILE, packed
from cocoon.cli.replacing import replacing
from cocoon.cli.sealing_terms import SealingTerms, read_terms

#: What an object's inline input may hold.
MOST_INLINE = 32 << 10
Manifest = dict[str, Any]


class Asked(Struct, frozen=True):
    """Whom to seal to, and where the input is and goes."""

    keyring: str | None
    evidence: Path | None
    input: Path | None
    to: Path | None
    uri: str | None
    identity: Path | None


@click.command("seal", short_help="encrypt a job's input to attested runners")
@click.option(
    "-f", "--filename", "job", required=True, type=EXISTING_FILE, help="The InferenceJob, with a plain input."
)
@click.option("--terms", required=True, type=EXISTING_FILE, help="Your terms: keyrings and runners that you trust.")
@packed(
    Asked,
    "asked",
    click.option("--keyring", metavar="URL", help="Ask the keyring at this https address for its evidence."),
    click.option("--evidence", type=EXISTING_FILE, help="Take its evidence from a file instead."),
    click.option("--input", type=EXISTING_FILE, help="The input, if it is not in the job itself."),
    click.option("--to", type=click.Path(path_type=Path), help="Write the sealed input there, to be uploaded."),
    click.option("--uri", metavar="URL", help="Where the runner will fetch what --to wrote."),
    click.option("--identity", type=click.Path(path_type=Path), help="Your key: made if not there. Answers go to it."),
)
def command(job: Path, terms: Path, asked: Asked) -> None:
    """Encrypt a job's input to a provider's keyring, and print the job as it is to be applied.

    The keyring's evidence is verified on this machine, under your own terms: if it does not meet them, nothing is
    sealed. The keyring gives the input's key only to runners that meet them too, for this job, this model and answers
    sealed to you.

    kubectl cocoon seal -f job.yaml --terms terms.yaml --keyring https://127.0.0.1:8443 --identity key.txt
    """
    screen.say(asyncio.run(_seal(_read_job(job), read_terms(terms), asked)).rstrip())


async def _seal(job: Manifest, terms: SealingTerms, asked: Asked) -> str:
    recipient = await _recipient(terms, asked)
    policy = _policy(job, terms, asked, recipient)
    plain = job["spec"].setdefault("input", {}).pop("inline", None)
    content = _content(plain, asked.input)
    if asked.to is not None:
        _write_file(job, policy, recipient, content, asked)
    else:
        _write_inline(job, policy, recipient, content)
    job["spec"]["input"]["sealed"] = True
    job["spec"].setdefault("output", {"configMap": {}})["sealTo"] = policy.output
    job["metadata"].setdefault("labels", {})[EPOCH_LABEL] = policy.epoch
    screen.note(f"Sealed to {recipient.text} (epoch {recipient.epoch}, trust: {recipient.trust}).")
    return str(yaml.safe_dump(job, sort_keys=False, width=120))


async def _recipient(terms: SealingTerms, asked: Asked) -> Recipient:
    if (asked.keyring is None) == (asked.evidence is None):
        raise click.UsageError("Give exactly one of --keyring and --evidence.")
    if (asked.to is None) != (asked.uri is None):
        raise click.UsageError("--to and --uri go together: where the file is written, and where runners fetch it.")
    policy = terms.keyring.policy()
    if asked.keyring is not None:
        return await keyring_evidence.from_keyring(asked.keyring, policy)
    return await keyring_evidence.from_file(asked.evidence or Path(), policy)


def _read_job(path: Path) -> Manifest:
    try:
        job = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise Failure(f"{path} can't be read: {error}.") from error
    if not isinstance(job, dict) or job.get("kind") != JOB_KIND or not isinstance(job.get("spec"), dict):
        raise Failure(f"{path} does not hold one {JOB_KIND}.")
    meta = job.get("metadata") or {}
    if not meta.get("name") or not meta.get("namespace"):
        raise Failure(
            f"{path}: metadata.name and metadata.namespace are needed, for the input is sealed for that job alone."
        )
    if not job["spec"].get("modelSHA256"):
        raise Failure(f"{path}: spec.modelSHA256 is needed: it says which weights and code may see the input.")
    if (job["spec"].get("input") or {}).get("sealed"):
        raise Failure(f"{path}: its input is sealed already.")
    return job


def _policy(job: Manifest, terms: SealingTerms, asked: Asked, recipient: Recipient) -> JobPolicy:
    output = (job["spec"].get("output") or {}).get("sealTo")
    if asked.identity is not None:
        own = own_recipient(asked.identity)
        if output not in (None, own):
            raise Failure(f"The job's output.sealTo is not the recipient of {asked.identity}: drop one of them.")
        output = own
    if output is None:
        raise Failure(
            "Whom are the answers for? Set spec.output.sealTo to your age recipient, or give --identity FILE."
        )
    return JobPolicy(
        id=secrets.token_hex(16),
        namespace=str(job["metadata"]["namespace"]),
        name=str(job["metadata"]["name"]),
        epoch=recipient.epoch,
        model=str(job["spec"]["modelSHA256"]),
        output=str(output),
        expires=int(time.time()) + terms.lifetime,
        trust=terms.runners.trust,
        measurements=terms.runners.measurements,
        gpus=terms.runners.gpus,
        releases=terms.releases,
    )


def _content(inline: object, path: Path | None) -> Iterable[bytes]:
    if (inline is None) == (path is None):
        raise Failure("There must be exactly one plain input: spec.input.inline in the job, or --input FILE.")
    return [str(inline).encode()] if path is None else chunks(path)


def _sealed(policy: JobPolicy, recipient: Recipient, content: Iterable[bytes]) -> Iterator[bytes]:
    try:
        header, sealer = sealing.begin(policy, [recipient.key])
    except (AgeError, sealing.NoPolicy) as error:
        raise Failure(f"The input can't be sealed: {error}") from error
    yield header
    for chunk in content:
        yield sealer.push(chunk)
    yield sealer.finish()


def _write_inline(job: Manifest, policy: JobPolicy, recipient: Recipient, content: Iterable[bytes]) -> None:
    held = b""
    for part in _sealed(policy, recipient, content):
        held += part
        if armor.armored_size(len(held)) > MOST_INLINE:
            raise Failure(
                "Sealed and in armor, the input has more than the 32 KiB that an object holds: write it to a file with "
                "--to, upload that, and say with --uri where it is."
            )
    job["spec"]["input"] = {"inline": armor.encode(held).decode()}


def _write_file(job: Manifest, policy: JobPolicy, recipient: Recipient, content: Iterable[bytes], asked: Asked) -> None:
    hashed = hashlib.sha256()
    with replacing(asked.to or Path()) as file:
        for part in _sealed(policy, recipient, content):
            hashed.update(part)
            file.write(part)
    job["spec"]["input"] = {"uri": asked.uri, "sha256": hashed.hexdigest()}
