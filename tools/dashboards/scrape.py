"""What a Prometheus had to say to each panel's queries over some time: kept, so that pictures can be drawn from it."""

from __future__ import annotations

import math
from typing import Any, Protocol

from msgspec import Struct


class Series(Struct, frozen=True):
    """One line of a panel: its labels, and (seconds since 1970, value) where there was one."""

    labels: dict[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """Its values alone."""
        return tuple(value for _, value in self.points)


class Scrape(Struct, frozen=True):
    """From `start` to `end`, in seconds since 1970: the series of each expression. `source`: what was scraped."""

    start: float
    end: float
    series: dict[str, tuple[Series, ...]]
    source: str = "the demo"


class Asked(Protocol):
    """A Prometheus."""

    def over_time(self, expression: str, start: float, end: float) -> list[dict[str, Any]]:
        """Series as its API has them (`query_range`)."""


def shown(asked: Asked, expression: str, start: float, end: float) -> tuple[Series, ...]:
    """The series of an expression. What is no number, such as the ratio of nothing to nothing, is left out."""
    found = asked.over_time(expression, start, end)
    return tuple(Series(each["metric"], _points(each["values"])) for each in found)


def _points(values: list[list[Any]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(text)) for at, text in values if math.isfinite(float(text)))
