"""Why the keyring does not do what it is asked: a constant in CamelCase, a sentence, an HTTP status."""

from __future__ import annotations

from cocoon.api.runner import Problem


class Refusal(Exception):
    """A call that is answered with a problem."""

    def __init__(self, code: str, detail: str, status: int = 403) -> None:
        super().__init__(f"{code}: {detail}")
        self.problem = Problem(code, detail, status)

    @property
    def code(self) -> str:
        """The constant."""
        return self.problem.code
