"""Why a command could not do what was asked."""

from __future__ import annotations


class Failure(Exception):
    """A whole sentence for the person at the prompt: what happened, to what, why, and what to do."""
