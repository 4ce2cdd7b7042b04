"""kopf's watches, started again whenever they end.

kopf ends for good on an ERROR in a watch other than 410 ("Too large resource version", which an API server says that
was restored or is behind its peers), or when it is refused for longer than its patience. Our process has no reason to
end with it: the Lease, what runners say and what the hardware was found to be are worth more than a watch. Meanwhile
the mirror is fed by LISTs.

    watch ──▶ ended ──▶ LIST, pause (longer each time) ──▶ watch, and LIST what was missed
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from collections.abc import Collection as AbstractCollection
from pathlib import Path
from typing import Any, Final

import kopf
from kopf._core.engines.peering import Identity as KopfIdentity  # kopf names the type nowhere else

from cocoon.fleet.handlers import handlers
from cocoon.fleet.logs import fields
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.mirror import Mirror
from cocoon.fleet.ports.clock import Clock
from cocoon.fleet.ports.login import Login
from cocoon.fleet.settings import Settings

LOG: Final = logging.getLogger(__name__)
#: Seconds before watches that ended are started again: the first time, and at most.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
_KOPF: Final = str(Path(kopf.__file__).parent)


class Watching:
    """`relist` is set whenever something may have been missed. `listen` takes the signals back, which kopf takes."""

    def __init__(self, settings: Settings, login: Login, clock: Clock, metrics: Metrics) -> None:
        self.relist = asyncio.Event()
        self._settings = settings
        self._login = login
        self._clock = clock
        self._metrics = metrics
        self._ended = False

    async def run(self, mirror: Mirror, over: asyncio.Event, listen: Callable[[], None]) -> None:
        """Watch until it is over."""
        pause = FIRST_PAUSE
        while not over.is_set():
            begun = self._clock.elapsed()
            why = await self._watch(mirror, over, listen)
            if over.is_set():
                return
            pause = FIRST_PAUSE if self._clock.elapsed() - begun > LONGEST_PAUSE else pause
            self._note(why, pause)
            await self._clock.wait(over, pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _watch(self, mirror: Mirror, over: asyncio.Event, listen: Callable[[], None]) -> str:
        """Watch until that ends; why it did."""
        watches = await kopf.spawn_tasks(
            registry=handlers(mirror, self._login),
            standalone=True,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
            identity=KopfIdentity(self._settings.identity),  # else kopf asks for the user's name: an image has none
            stop_flag=over,
        )
        listen()
        if self._ended:
            self.relist.set()
        try:
            await kopf.run_tasks(watches, ignored=NotOfKopf())
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the watches and nothing else
            return f"{type(error).__name__}: {error}"
        return "kopf gave no reason"

    def _note(self, why: str, pause: float) -> None:
        """Said the first time in a row only; the metric counts them all."""
        self._ended = True
        self._metrics.watches_ended.inc()
        self.relist.set()
        level = logging.WARNING if pause == FIRST_PAUSE else logging.DEBUG
        text = "The watches of the API server ended; they are started again, and everything is listed meanwhile"
        LOG.log(level, text, extra=fields(why=why[:1000], again_in=pause))


class NotOfKopf(AbstractCollection[Any]):
    """All tasks but kopf's own. When kopf ends it cancels every task that it is not told to leave alone: ours, too."""

    def __contains__(self, task: object) -> bool:
        code = getattr(task.get_coro(), "cr_code", None) if isinstance(task, asyncio.Task) else None
        return code is None or not code.co_filename.startswith(_KOPF)

    def __iter__(self) -> Iterator[Any]:
        return (task for task in asyncio.all_tasks() if task in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
