"""Where the runner's log goes: standard error, at INFO. Never a key, a prompt or a query."""

from __future__ import annotations

import logging

from cocoon.api.logs import JsonLines


def set_up() -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
