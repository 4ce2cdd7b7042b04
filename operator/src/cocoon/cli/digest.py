"""`kubectl cocoon digest MODEL_DIR`: the sha256 that a provider names a model by."""

from __future__ import annotations

from pathlib import Path

import click

from cocoon.api.model_archive import ArchiveError, digest_model_directory, write_model_archive
from cocoon.cli import screen
from cocoon.cli.failure import Failure


@click.command("digest", short_help="print the sha256 of a Triton model repository entry")
@click.argument("model", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@click.option(
    "--archive", metavar="TAR", type=click.Path(path_type=Path), help="Write the deterministic tar there too."
)
def command(model: Path, archive: Path | None) -> None:
    """Print the sha256 of a Triton model repository entry: the folder that holds config.pbtxt and 1/.

    It is what a provider's spec.models[].sha256 and a job's spec.modelSHA256 say.
    """
    if not model.is_dir():
        raise Failure(f"{model} is no folder: name the folder of one Triton model repository entry.")
    if not (model / "config.pbtxt").is_file():
        raise Failure(f"{model} holds no config.pbtxt: name the folder of one Triton model repository entry.")
    try:
        screen.say(_digest(model.resolve(), archive))
    except ArchiveError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or archive or model} can't be used: {error.strerror}.") from error


def _digest(model: Path, archive: Path | None) -> str:
    if archive is None:
        return digest_model_directory(model)
    with archive.open("wb") as out:
        return write_model_archive(model, out)
