"""What all observers share: reading a JSON object into a Struct, or saying in one sentence why that can't be done."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import msgspec

from cocoon.api.metadata import ObjectMeta
from cocoon.api.resources import Json
from cocoon.api.times import Instant, parse_time

Kind = TypeVar("Kind")


class Unreadable(ValueError):
    """The object can't become a record; the message says why."""


def tolerant(observe: Callable[[Json], Kind]) -> Callable[[Json], Kind]:
    """An observer that says Unreadable of whatever has another shape than its kind."""

    @functools.wraps(observe)
    def observed(body: Json) -> Kind:
        try:
            return observe(body)
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            raise Unreadable(f"it does not have the shape of its kind ({type(error).__name__}: {error})") from error

    return observed


def read(value: Json, kind: type[Kind]) -> Kind:
    """The value as a Struct. Raises Unreadable."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable(str(error)[:300]) from error


def read_or(value: Json, kind: type[Kind], otherwise: Kind) -> Kind:
    """The value as a Struct, or the other one: a status is ours and is written again."""
    try:
        return read(value, kind)
    except Unreadable:
        return otherwise


def metadata(body: Json) -> ObjectMeta:
    """An object's metadata. Raises Unreadable."""
    found = body.get("metadata") if isinstance(body, dict) else None
    return read(found, ObjectMeta)


def moment(text: str | None) -> Instant | None:
    """A time, or None if there is none or it can't be read."""
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def quantity(value: Json) -> int:
    """A whole number of an extended resource; 0 for anything else, since extended resources have no fractions."""
    text = str(value)
    return int(text) if text.isdigit() and len(text) < 10 else 0
