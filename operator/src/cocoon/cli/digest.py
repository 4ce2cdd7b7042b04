"""`kubectl cocoon digest MODEL_DIR`: the sha256 that a provider names a model by."""

from __future__ import annotations

import argparse
from pathlib import Path

from cocoon.api.model_archive import ArchiveError, digest_model_directory, write_model_archive
from cocoon.cli.failure import Failure


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser("digest", help="print the sha256 of a Triton model repository entry")
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="the folder that holds config.pbtxt and 1/")
    parser.add_argument("--archive", type=Path, metavar="TAR", help="write the deterministic tar there as well")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print the digest, and write the tar if asked."""
    model: Path = arguments.model
    if not (model / "config.pbtxt").is_file():
        raise Failure(f"{model} holds no config.pbtxt: name the folder of one Triton model repository entry.")
    try:
        print(_digest(model.resolve(), arguments.archive))
    except ArchiveError as error:
        raise Failure(str(error)) from error


def _digest(model: Path, archive: Path | None) -> str:
    if archive is None:
        return digest_model_directory(model)
    with archive.open("wb") as out:
        return write_model_archive(model, out)
