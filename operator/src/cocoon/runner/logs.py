"""Where the runner's log goes: standard error, at INFO. Never a key, a prompt or a query."""

from __future__ import annotations

import logging

from cocoon.api.logs import to_standard_error


def set_up() -> None:
    """Log to standard error from now on."""
    to_standard_error()
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
