"""The three ways in which the world can refuse us. Adapters keep their libraries' exceptions inside.

| failure | meaning | what the loop does |
|---|---|---|
| Gone | it isn't what we thought (404, 409, 410) | reads it again and plans again at once |
| Busy | it can't answer now (429, 5xx, time-outs, no connection) | backs off |
| Refused | it will say no again (400, 401, 403, 413, 422) | says so where people look, backs off for long |
"""

from __future__ import annotations


class Failure(Exception):
    """Why the world did not do what was asked."""


class Gone(Failure):
    """What we knew of it is no longer true."""


class Busy(Failure):
    """It can't answer now; `retry_after` in seconds, if it said so."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(Failure):
    """It was understood and refused."""


def failure_of(status: int, message: str, retry_after: float = 0.0) -> Failure:
    """The failure that an HTTP status means."""
    if status in (404, 409, 410):
        return Gone(message)
    if status == 429 or status >= 500 or status == 408:
        return Busy(message, retry_after)
    return Refused(message)
