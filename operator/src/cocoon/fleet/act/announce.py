"""Kubernetes Events, on transitions only. They are for people: losing one is no failure, a flood of them is."""

from __future__ import annotations

from typing import Final

from cocoon.api.groups import API_VERSION
from cocoon.api.times import Instant, format_time
from cocoon.fleet.act.means import Means
from cocoon.fleet.plan.actions import Announce
from cocoon.fleet.ports.failures import Failure

#: The same reason for the same object is said once in this many seconds.
QUIET: Final = 300.0
#: Events that may be written in a burst, and each second after it.
BURST: Final = 50.0
RATE: Final = 5.0
_REMEMBERED: Final = 10_000


class Announcer:
    """Writes Events, not too many of them."""

    def __init__(self, reporter: str) -> None:
        self._reporter = reporter
        self._said: dict[tuple[str, str], Instant] = {}
        self._tokens = BURST
        self._filled: Instant = 0.0

    async def announce(self, action: Announce, means: Means) -> None:
        """Write the Event, unless it was just said or too much is being said."""
        now = means.clock.now()
        if not self._may_say(action, now):
            return
        try:
            await means.cluster.create(event(action, self._reporter, now))
        except Failure:
            return

    def _may_say(self, action: Announce, now: Instant) -> bool:
        topic = (action.uid, action.reason)
        if now - self._said.get(topic, 0.0) < QUIET:
            return False
        self._tokens = min(BURST, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self._said.pop(topic, None)
        self._said[topic] = now
        while len(self._said) > _REMEMBERED:
            del self._said[next(iter(self._said))]
        return True


def event(action: Announce, reporter: str, now: Instant) -> dict[str, object]:
    """A core/v1 Event; its name is the object's and the microsecond, as client-go's are."""
    namespace, name = action.key.split("/", 1)
    stamp = format_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:220]}.{int(now * 1_000_000):x}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": "v1" if action.kind == "Pod" else API_VERSION,
            "kind": action.kind,
            "namespace": namespace,
            "name": name,
            "uid": action.uid,
        },
        "type": "Warning" if action.warning else "Normal",
        "reason": action.reason[:128],
        "message": action.message[:1024],
        "source": {"component": "cocoon-fleet", "host": reporter},
        "reportingComponent": "cocoonfleet.io/operator",
        "reportingInstance": reporter,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
