"""Kubernetes Events, on transitions only. They are for people: losing one is no failure, a flood of them is."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import Final

from cocoon.api.groups import API_VERSION
from cocoon.api.times import Instant, format_time
from cocoon.fleet.act.means import Means
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.plan.announcements import Announcement, Announcements
from cocoon.fleet.ports.failures import Failure

#: The same reason for the same object is said once in this many seconds.
QUIET: Final = 300.0
#: Events that may be written in a burst, and each second after it.
BURST: Final = 50.0
RATE: Final = 5.0
_REMEMBERED: Final = 10_000
#: The query of an address is a credential if it is presigned; Events are read by more people than jobs are.
_QUERY: Final = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']*")


class Announcer:
    """Writes Events one after the other and not too many of them, beside the loop: nothing ever waits for one."""

    def __init__(self, reporter: str, metrics: Metrics) -> None:
        self._reporter = reporter
        self._metrics = metrics
        self._said: dict[tuple[str, str, str], Instant] = {}
        self._tokens = BURST
        self._filled: Instant = 0.0
        self._waiting: deque[Announcement] = deque()
        self._some = asyncio.Event()

    def say(self, announcements: Announcements, now: Instant) -> None:
        """Have Events written, but for those that were just said or are too many."""
        for each in announcements:
            if self._may_say(each, now):
                self._waiting.append(each)
                self._some.set()

    def forget(self) -> None:
        """Say nothing of what was not said yet: somebody else leads."""
        self._metrics.announcements.labels("Forgotten").inc(len(self._waiting))
        self._waiting.clear()

    async def run(self, means: Means) -> None:
        """Write for ever. One that is not taken is lost: statuses say the same."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                await self._write(self._waiting.popleft(), means)

    async def _write(self, announcement: Announcement, means: Means) -> None:
        try:
            await means.cluster.create(event(announcement, self._reporter, means.clock.now()))
        except Failure:
            self._metrics.announcements.labels("Failed").inc()
        else:
            self._metrics.announcements.labels("Written").inc()

    def _may_say(self, announcement: Announcement, now: Instant) -> bool:
        topic = (announcement.uid, announcement.reason, announcement.about)
        if now - self._said.get(topic, 0.0) < QUIET:
            self._metrics.announcements.labels("SaidBefore").inc()
            return False
        self._tokens = min(BURST, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1:
            self._metrics.announcements.labels("TooMany").inc()
            return False
        self._tokens -= 1
        self._said.pop(topic, None)
        self._said[topic] = now
        while len(self._said) > _REMEMBERED:
            del self._said[next(iter(self._said))]
        return True


def event(announcement: Announcement, reporter: str, now: Instant) -> dict[str, object]:
    """A core/v1 Event; its name is the object's and the microsecond, as client-go's are."""
    namespace, name = announcement.key.split("/", 1)
    stamp = format_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:220]}.{int(now * 1_000_000):x}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": "v1" if announcement.kind == "Pod" else API_VERSION,
            "kind": announcement.kind,
            "namespace": namespace,
            "name": name,
            "uid": announcement.uid,
        },
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.reason[:128],
        "message": _QUERY.sub(r"\1", announcement.message)[:1024],
        "source": {"component": "cocoon-fleet", "host": reporter},
        "reportingComponent": "cocoonfleet.io/operator",
        "reportingInstance": reporter,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
