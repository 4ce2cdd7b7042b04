"""Trust: which roots a piece of evidence leads to. It is carried everywhere and never upgraded."""

from __future__ import annotations

from enum import StrEnum


class Trust(StrEnum):
    """`Hardware` leads to a vendor's root, `Test` to a development root that anybody can hold."""

    HARDWARE = "Hardware"
    TEST = "Test"

    def satisfies(self, minimum: Trust) -> bool:
        """Whether work that asks for `minimum` may run under this trust."""
        return self is Trust.HARDWARE or minimum is Trust.TEST
