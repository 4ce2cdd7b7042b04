"""One line of the report: a check, whether it holds, and a sentence about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Answer = Literal["yes", "no", "unknown"]


class Line(Struct, frozen=True):
    """`unknown` is what could not be checked; `said` then tells why, and how to get what is missing."""

    check: str
    holds: Answer
    said: str


class Report(Struct, frozen=True):
    """All lines about one receipt. `trust` is what the evidence was found to give; empty if it gives none.

    `holds`: `no` if any line is wrong; `unknown` if none is, but form, signature or evidence could not be checked.
    """

    receipt: str
    job: str
    holds: Answer
    trust: str
    lines: tuple[Line, ...]


#: Without these nothing else says anything: everything rests on them.
CORE = ("form", "signature", "server", "evidence")


def yes(check: str, said: str) -> Line:
    """It holds."""
    return _line(check, "yes", said)


def no(check: str, said: str) -> Line:
    """It is wrong."""
    return _line(check, "no", said)


def unknown(check: str, said: str) -> Line:
    """It can't be checked."""
    return _line(check, "unknown", said)


def _line(check: str, holds: Answer, said: str) -> Line:
    """What is quoted may hold halves of characters, which no terminal and no JSON takes."""
    return Line(check, holds, said.encode(errors="replace").decode())


def judged(check: str, wrong: Sequence[str], said: str) -> Line:
    """Wrong if anything is, with all that is."""
    return no(check, " ".join(wrong)) if wrong else yes(check, said)


def verdict(lines: Sequence[Line], *, strict: bool = False) -> Answer:
    """What all lines together say; if `strict`, every line must have been checked."""
    if any(line.holds == "no" for line in lines):
        return "no"
    open_ones = {line.check for line in lines if line.holds == "unknown"}
    return "unknown" if open_ones & set(CORE) or (strict and open_ones) else "yes"
