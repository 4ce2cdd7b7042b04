"""One line of JSON per transition. Nothing secret can get in: only named fields of known kinds are written."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, and the fields given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def set_up(log_format: str, level: str) -> None:
    """Send everything to standard error in this format."""
    handler = logging.StreamHandler()
    plain = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter(plain))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("kopf._cogs.clients.watching").addFilter(_is_final)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _is_final(record: logging.LogRecord) -> bool:
    """Whether a record is more than one of many tries of a watch; an outage is told once, by the Lease and the LIST."""
    return "will retry" not in record.getMessage()


def fields(**values: object) -> dict[str, dict[str, object]]:
    """The `extra` of a structured log line."""
    return {"fields": values}
