"""kopf's memory of what it has handled, switched off: nothing here asks it what changed.

For every event kopf copies the object several times over, to compare it with what it stored of it; that is half of what
an event costs, and only change handlers, daemons and timers need it. We have none.
"""

from __future__ import annotations

from typing import Any

import kopf


class NoDiffs(kopf.DiffBaseStorage):
    """Finds nothing of an object worth comparing."""

    def build(self, **_: object) -> Any:  # noqa: ANN401 - kopf's own type is not public
        """An object's essence: none."""
        return {}

    def fetch(self, **_: object) -> None:
        """The essence that was handled last: none."""

    def store(self, **_: object) -> None:
        """Nothing is stored."""


class NoProgress(kopf.ProgressStorage):
    """Keeps no state of handlers."""

    def fetch(self, **_: object) -> None:
        """A handler's state: none."""

    def store(self, **_: object) -> None:
        """Nothing is stored."""

    def purge(self, **_: object) -> None:
        """There is nothing to remove."""

    def touch(self, **_: object) -> None:
        """No object is touched."""

    def clear(self, *, essence: Any) -> Any:  # noqa: ANN401 - kopf's own type is not public
        """The essence as it is, for nothing was added to it."""
        return essence
