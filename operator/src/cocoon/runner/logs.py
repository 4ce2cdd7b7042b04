"""One JSON object per line on standard error. Only transitions are logged, and never a key, a prompt or a query."""

from __future__ import annotations

import logging
from typing import Final

import msgspec

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Time (seconds since 1970), level, logger, message and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line = {
            "time": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line | fields, enc_hook=str).decode()


def set_up() -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
