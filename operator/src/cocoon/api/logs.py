"""The form of all our logs: one JSON object per line, the same in every part, so that one query reads them all.

What is logged is each part's own affair: transitions only, and never a key, a token, a prompt or a query of an address.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

import msgspec

#: What every record has, and what formatters, asyncio and uvicorn add to it.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """Time (RFC 3339, UTC, milliseconds), level, logger, message, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line. What JSON has no form for is written as its `str`."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD | line.keys()}
        return msgspec.json.encode(line, enc_hook=str).decode()


def to_standard_error(level: str = "INFO", formatter: logging.Formatter | None = None) -> None:
    """Send all that is logged from now on to standard error, as JSON lines if no other form is given."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter or JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
