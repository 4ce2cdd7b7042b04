"""A runner in a process of its own, with the fake Triton inside: what it takes is the runner's alone.

python -m tests.bench.runner_alone      # settings as the real one's, but for Triton's address
"""

from __future__ import annotations

import asyncio
import logging

from cocoon.attest.collect import SoftwareCollector
from cocoon.runner import logs, settings
from cocoon.runner.process import Runner
from tests.runner.fake_triton import FakeTriton


async def run() -> None:
    """Serve until the process is ended."""
    async with Runner(settings.from_process(), FakeTriton(), SoftwareCollector()) as runner:
        logging.getLogger(__name__).info("serving", extra={"boot": runner.keys.boot, **runner.ports})
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    logs.set_up()
    asyncio.run(run())
