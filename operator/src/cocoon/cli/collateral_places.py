"""Where collateral comes from, as people write it at a prompt: folders are named from where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from cocoon.attest.opening import VENDORS
from cocoon.cli.failure import USAGE, Failure

_WEB: Final = ("https://", "http://")


def read_places(option: str, text: str) -> tuple[str, ...]:
    """Sources, separated by commas, as `open_library` takes them. Raises Failure for one that is none."""
    return tuple(_place(option, each.strip()) for each in text.split(",") if each.strip())


def _place(option: str, said: str) -> str:
    if said == VENDORS or said.startswith(_WEB):
        return said
    folder = Path(said).expanduser().resolve()
    if not folder.is_dir():
        raise Failure(
            f"{option}: {said[:200]} is no source of collateral: there is no such folder. Write vendors, an https "
            "address, or a folder that `kubectl cocoon collateral` has filled.",
            USAGE,
        )
    return str(folder)


on_collateral: Final = click.option(
    "--collateral",
    metavar="PLACES",
    help="Where vendors' collateral is: vendors (the default), an https address, or a folder; several with commas.",
)
