"""Instants are seconds since 1970 in UTC (float) in code, RFC 3339 strings on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

#: Seconds since 1970-01-01T00:00:00Z.
Instant = float


def parse_time(text: str) -> Instant:
    """Read an RFC 3339 time. Raises ValueError if it is none or has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text[:40]!r} has no offset: end it with Z for UTC")
    return moment.timestamp()


def format_time(instant: Instant) -> str:
    """Write an instant as Kubernetes does: whole seconds, Z."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time_micro(instant: Instant) -> str:
    """Write an instant as Kubernetes' MicroTime, with six decimals."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
