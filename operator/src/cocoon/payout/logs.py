"""Where the payout service's log goes: standard error. Never a token, a key or a database's URL."""

from __future__ import annotations

import logging

from cocoon.api.logs import to_standard_error


def set_up(level: str) -> None:
    """Log to standard error from now on."""
    to_standard_error(level)
    for noisy in ("sqlalchemy", "alembic", "aiosqlite", "asyncio", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
