"""The options of every command that seals, and the recipient that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from cocoon.attest.opening import VENDORS
from cocoon.cli import screen
from cocoon.cli.cluster import connected
from cocoon.cli.collateral_places import on_collateral, read_places
from cocoon.cli.failure import BAD_NEWS, USAGE, Failure
from cocoon.cli.identity_file import own_recipient
from cocoon.cli.keyring_evidence import Demand, Recipient, from_file, from_keyring
from cocoon.cli.keyring_lookup import Provider, Told, look_up, way_to
from cocoon.cli.options import EXISTING_FILE, Reach, packed
from cocoon.cli.sealing_terms import SealingTerms, read_terms


class Sealing(Struct, frozen=True):
    """Under which terms to seal, where the keyring's evidence comes from, and whose the answers are."""

    terms: Path | None
    keyring: str | None
    evidence: Path | None
    collateral: str | None
    identity: Path | None

    @property
    def own_terms(self) -> SealingTerms:
        """Those of --terms. Raises Failure."""
        if self.terms is None:
            raise Failure("Whom do you trust with the input? Sealing needs your terms: give --terms FILE.", USAGE)
        return read_terms(self.terms)

    @property
    def answers_to(self) -> str | None:
        """The recipient of --identity, whose file is made if it is not there. Raises Failure."""
        return None if self.identity is None else own_recipient(self.identity)


def on_sealing(*, always: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds them, as the argument `sealing`; `always` where a command does nothing else."""
    whom = "Your terms (YAML): keyrings and runners that you trust."
    return packed(
        Sealing,
        "sealing",
        click.option("--terms", metavar="FILE", required=always, type=EXISTING_FILE, help=whom),
        click.option("--keyring", metavar="URL", help="Ask the keyring at this https address for its evidence."),
        click.option("--evidence", metavar="FILE", type=EXISTING_FILE, help="Take the keyring's evidence from a file."),
        on_collateral,
        click.option(
            "--identity",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Your key, made if it is not there: answers are sealed to it, and `open` needs it.",
        ),
    )


async def recipient(terms: SealingTerms, sealing: Sealing, providers: Sequence[Provider], reach: Reach) -> Recipient:
    """Whom to seal to: proven by evidence, and, if providers are named, the one that they name. Raises Failure."""
    if sealing.keyring is not None and sealing.evidence is not None:
        raise Failure("--keyring and --evidence are two ways to the same thing: give one of them.", USAGE)
    if not (providers or sealing.keyring or sealing.evidence):
        raise Failure(
            "Whose keyring is it to be sealed to? Give --provider NAMESPACE/NAME (or spec.providers in the job), "
            "--keyring URL, or --evidence FILE.",
            USAGE,
        )
    if terms.keyring.by_launch_alone:
        screen.note(
            "Your terms name keyrings by launch measurement alone, which says little of what runs in them: list "
            "keyring.policy.measurements with mrTd, rtmrs and mrConfigId, or launchMeasurement and hostData."
        )
    demand = Demand(terms.keyring.demanded, read_places("--collateral", sealing.collateral or VENDORS))
    async with AsyncExitStack() as stack:
        told = None
        if providers:
            told = await look_up(await stack.enter_async_context(connected(reach)), providers)
        if sealing.evidence is not None:
            found = await from_file(sealing.evidence, demand)
        elif sealing.keyring is not None:
            found = await from_keyring(sealing.keyring, demand)
        else:
            address = told.address if told is not None else ""
            found = await from_keyring(await stack.enter_async_context(way_to(reach, address)), demand)
    _agree(found, told)
    return found


def _agree(found: Recipient, told: Told | None) -> None:
    """Raises Failure if a provider's jobs would be sealed to what its fleet can't open."""
    if told is not None and told.recipient != found.text:
        raise Failure(
            f"Nothing was sealed: the evidence is of a keyring with the recipient {found.text}, and the provider "
            f"{told.provider} names {told.recipient}. If the keyrings were started again, the provider follows within "
            "a minute: try again then, with new evidence. If it stays so, ask its administrator.",
            BAD_NEWS,
        )
