"""Where the operator's log goes: standard error, one line per transition."""

from __future__ import annotations

import logging

from cocoon.api.logs import to_standard_error


def set_up(log_format: str, level: str) -> None:
    """Send everything to standard error in this format."""
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    to_standard_error(level, None if log_format == "json" else plain)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("kopf._cogs.clients.watching").addFilter(_is_final)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _is_final(record: logging.LogRecord) -> bool:
    """Whether a record is more than one of many tries of a watch; an outage is told once, by the Lease and the LIST."""
    return "will retry" not in record.getMessage()


def fields(**values: object) -> dict[str, object]:
    """The `extra` of a structured log line."""
    return values
