"""`python -m cocoon.payout`: serve, or one of the commands beside it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cocoon.payout import logs
from cocoon.payout.commands import wallets
from cocoon.payout.commands.backup import BadBackup, back_up, restore
from cocoon.payout.http.app import application
from cocoon.payout.http.serve import listening
from cocoon.payout.reconciling import command as rebuilding
from cocoon.payout.reconciling.command import BadRebuild
from cocoon.payout.sending.books import WrongWallet
from cocoon.payout.service import running
from cocoon.payout.settings import BadSettings, Settings, read_settings
from cocoon.payout.stamp import WrongChain
from cocoon.payout.store.database import BadDatabase, NotTheWriter
from cocoon.payout.store.writer import DatabaseAway

_LOG: Final = logging.getLogger(__name__)
#: What ends the process with a sentence, and is no fault of its code.
_TOLD: Final = (BadSettings, BadDatabase, BadBackup, BadRebuild, DatabaseAway, NotTheWriter, WrongChain, WrongWallet)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 with a sentence on standard error if it can't work, or can't any more."""
    given = _parser().parse_args(arguments)
    why = ""
    try:
        settings = read_settings(given.config)
        logs.set_up(settings.log_level)
        asyncio.run(_run(given, settings))
    except* _TOLD as errors:
        why = _sentence(errors)
        sys.stderr.write(f"{why}\n")
    return 1 if why else 0


def _sentence(errors: BaseExceptionGroup[Exception]) -> str:
    """The first error's own words, however deep among tasks it happened."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cocoon-payout", description="The payout service of Cocoon Fleet.")
    parser.add_argument("--config", type=Path, required=True, help="the settings, a YAML file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="take receipts and pay")
    commands.add_parser("wallets", help="print the addresses of the wallets that pay, to fund them")
    commands.add_parser("rebuild", help="fill an empty database from the archive and the chain, after a total loss")
    for name, text in (
        ("backup", "write the books to a new file"),
        ("restore", "fill an empty database from a backup"),
    ):
        commands.add_parser(name, help=text).add_argument("file", type=Path)
    return parser


async def _run(given: argparse.Namespace, settings: Settings) -> None:
    if given.command == "serve":
        await serve(settings)
    elif given.command == "rebuild":
        await rebuilding.run(settings)
    elif given.command == "wallets":
        sys.stdout.writelines(f"{address}\n" for address in wallets.addresses(settings))
    elif given.command == "backup":
        await back_up(settings.database_url, given.file)
        sys.stdout.write(f"The books are in {given.file} now. Copy it out of the Pod, and keep it.\n")
    else:
        await restore(settings.database_url, given.file)
        sys.stdout.write(f"The books are as {given.file} has them. Start the service.\n")


async def serve(settings: Settings) -> None:
    """Serve until a signal comes."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running(settings, time.time) as service, listening(application(service), settings.http) as port:
        _LOG.info("listening", extra={"port": port})
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
