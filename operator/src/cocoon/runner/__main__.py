"""The runner's process: settings, signals, exit codes."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from cocoon.api.environment import SettingsError
from cocoon.attest.hardware import choose
from cocoon.attest.tsm import TeeFailure
from cocoon.runner import logs, settings
from cocoon.runner.gpus import through_triton
from cocoon.runner.process import Runner
from cocoon.runner.triton_grpc import GrpcTriton

_log = logging.getLogger(__name__)


async def run(chosen: settings.Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what runs."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    collector = await choose(chosen.collector, test_roots=chosen.test_roots)
    _log.info("attesting", extra={"tee": collector.tee, "trust": collector.trust})
    async with (
        GrpcTriton(chosen.triton_grpc, chosen.triton_control_key) as triton,
        Runner(chosen, triton, through_triton(collector, triton, chosen.models, chosen.gpus)) as runner,
    ):
        _log.info("serving", extra={"boot": runner.keys.boot, **runner.ports})
        await stopping.wait()
        await runner.drain()


def main() -> int:
    """0 after an orderly end, 2 if the settings are wrong or there is no TEE that they allow."""
    logs.set_up()
    try:
        asyncio.run(run(settings.from_process()))
    except (SettingsError, TeeFailure) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
