"""How processes are told by their environment: every variable is read once, and every mistake is a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from msgspec import Struct

_T = TypeVar("_T")
_FLAGS: Final = {"": False, "0": False, "false": False, "1": True, "true": True}


class SettingsError(ValueError):
    """The environment is not what it must be; the message has one line per mistake."""


class Address(Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int


class Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.mistakes: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The variable itself; without a default it is required."""
        value = self._environment.get(name, default)
        if value is None or (value == "" and default is None):
            self.mistakes.append(f"{name} is required and not set.")
        return value or ""

    def get(self, name: str, parse: Callable[[str], _T], default: str) -> _T:
        """The variable as `parse` reads it; what it says in a ValueError is noted, and the default taken."""
        try:
            return parse(self._environment.get(name, default))
        except ValueError as error:
            self.mistakes.append(f"{name}: {str(error).removesuffix('.')}.")
            return parse(default)

    def check(self) -> None:
        """Raises SettingsError with all mistakes, one a line, if there are any."""
        if self.mistakes:
            raise SettingsError("\n".join(self.mistakes))


def flag(text: str) -> bool:
    """Nothing, 0 and false are False; 1 and true are True. Raises ValueError."""
    if text.lower() not in _FLAGS:
        raise ValueError(f"{text!r} is neither true nor false")
    return _FLAGS[text.lower()]


def address(text: str) -> Address:
    """HOST:PORT, an IPv6 host in brackets or not. Raises ValueError."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or not int(port) < 65_536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return Address(host.strip("[]"), int(port))
