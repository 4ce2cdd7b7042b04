"""How far some jobs are: a bar on a terminal, a line for each change elsewhere. Both go to standard error.

A job that waits is told of again when it waits for something else.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final, Self

import click

from cocoon.api.conditions import Condition, find
from cocoon.api.counted import counted
from cocoon.api.job import JobStatus
from cocoon.cli import screen
from cocoon.cli.amounts import in_ton
from cocoon.fleet.plan import reasons

#: Back to the line's beginning, and all of it erased.
_BLANK: Final = "\r\x1b[2K"


class Progress(ExitStack):
    """Jobs by `namespace/name` with the items that they are known to have; a job of unknown size counts as one."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self._sizes = {key: size or 1 for key, size in sizes.items()}
        self._states = dict.fromkeys(sizes, "")
        self._waits_for = dict.fromkeys(sizes, "")
        self._bar = click.progressbar(
            length=sum(self._sizes.values()), label="Waiting", file=sys.stderr, show_eta=False, show_percent=True
        )

    def __enter__(self) -> Self:
        """Begin to show."""
        if screen.is_terminal(sys.stderr):
            self.enter_context(self._bar)
        return self

    @property
    def failed(self) -> int:
        """How many jobs failed."""
        return sum(state == "Failed" for state in self._states.values())

    @property
    def unfinished(self) -> int:
        """How many jobs are not over."""
        return sum(state not in ("Succeeded", "Failed") for state in self._states.values())

    def tell(self, key: str, status: JobStatus) -> None:
        """Take note of a job's status; what is known already is not told again."""
        over, waits = status.state in ("Succeeded", "Failed"), _waits_for(status)
        reason = waits.reason if waits else ""
        if (self._states[key], self._waits_for[key]) == (status.state, reason):
            return
        self._states[key], self._waits_for[key] = status.state, reason
        if not screen.is_terminal(sys.stderr):
            screen.note(f"{key}: {sentence(status)}")
            return
        if over or waits:
            click.echo(_BLANK, nl=False, err=True)
            screen.note(f"{key}: {sentence(status)}")
        self._bar.label = self._label()
        self._bar.update(self._sizes[key] if over else 0)
        self._bar.render_progress()

    def _label(self) -> str:
        running = sum(state == "Running" for state in self._states.values())
        waiting = sum(state in ("", "Pending") for state in self._states.values())
        return f"{len(self._states) - running - waiting} done, {running} running, {waiting} waiting"


def sentence(status: JobStatus) -> str:
    """What became of a job, in one line."""
    if status.state == "Running" and status.binding:
        return f"Running on server {status.binding.server}, attempt {status.binding.attempt}."
    ended = find(status.conditions, reasons.SUCCEEDED)
    if status.state == "Failed":
        return f"Failed: {ended.reason}: {ended.message}" if ended else "Failed."
    if status.state == "Succeeded":
        usage = status.usage
        counts = f": {counted(usage.items, 'item')} answered, {usage.failed_items} failed" if usage else ""
        cost = f", for {in_ton(status.cost)} TON" if status.cost not in (None, "0") else ""
        return f"Succeeded{counts}{cost}."
    waits = _waits_for(status)
    return f"{status.state}: {waits.reason}: {waits.message}" if waits else f"{status.state}."


def _waits_for(status: JobStatus) -> Condition | None:
    """What the operator says of a job's waiting, if it has said anything."""
    bound = find(status.conditions, reasons.BOUND) if status.state in ("", "Pending") else None
    return bound if bound is not None and bound.status == "False" else None
