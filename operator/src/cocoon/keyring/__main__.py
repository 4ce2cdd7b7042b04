"""The keyring's process: settings, signals, exit codes."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time

from cocoon.api.environment import SettingsError
from cocoon.api.logs import to_standard_error
from cocoon.attest.hardware import choose
from cocoon.attest.opening import open_library
from cocoon.attest.tsm import TeeFailure
from cocoon.keyring import settings
from cocoon.keyring.process import Keyring

_log = logging.getLogger(__name__)


async def run(chosen: settings.Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    collector = await choose(chosen.collector, test_roots=chosen.test_roots, role="keyring")
    _log.info("attesting", extra={"tee": collector.tee, "trust": collector.trust})
    async with (
        open_library(chosen.collateral, "", time.time) as library,
        Keyring(chosen, collector, time.time, library) as keyring,
        asyncio.TaskGroup() as group,
    ):
        _log.info("serving", extra={"terms": keyring.replica.name, **keyring.ports})
        beginning = group.create_task(keyring.begin())
        await stopping.wait()
        beginning.cancel()


def main() -> int:
    """0 after an orderly end, 2 if the settings are wrong or there is no TEE that they allow."""
    to_standard_error()
    try:
        asyncio.run(run(settings.from_process()))
    except (SettingsError, TeeFailure) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
