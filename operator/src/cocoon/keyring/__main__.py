"""The keyring's process: settings, signals, exit codes."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from cocoon.api.logs import JsonLines
from cocoon.attest.collect import SoftwareCollector
from cocoon.keyring import settings
from cocoon.keyring.process import Keyring

_log = logging.getLogger(__name__)


async def run(chosen: settings.Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with Keyring(chosen, SoftwareCollector(role="keyring")) as keyring, asyncio.TaskGroup() as group:
        _log.info("serving", extra={"terms": keyring.replica.name, **keyring.ports})
        beginning = group.create_task(keyring.begin())
        await stopping.wait()
        beginning.cancel()


def main() -> int:
    """0 after an orderly end, 2 if the settings are wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    try:
        asyncio.run(run(_admissible(settings.from_process())))
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _admissible(chosen: settings.Settings) -> settings.Settings:
    if not chosen.test_roots:
        raise settings.SettingsError(
            "This machine has no TEE that this version knows. Development evidence needs COCOON_TEST_ROOTS=true."
        )
    return chosen


if __name__ == "__main__":
    sys.exit(main())
