"""Reading what others wrote, bounded, and with one kind of error: nothing that is handed in may end in a traceback."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Final

import msgspec
import yaml

#: The largest file that is read whole; a job with its input takes about 40 kB.
MOST_BYTES: Final = 16 << 20
_CHUNK: Final = 1 << 20


class Unreadable(ValueError):
    """What was handed in can't be read; the message is a part of a sentence."""


class _Plain(yaml.SafeLoader):
    """YAML without aliases, which can stand for more than any memory holds."""

    def compose_node(self, parent: yaml.nodes.Node | None, index: int) -> yaml.nodes.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it uses aliases (*name), which are not read here")
        return super().compose_node(parent, index)


def tree(raw: bytes) -> object:
    """JSON or YAML as plain values. Raises Unreadable."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    try:
        return yaml.load(raw.decode(), _Plain)  # noqa: S506 - _Plain is a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"it is neither JSON nor YAML ({_short(error)})") from None
    except (LookupError, AttributeError, TypeError, OverflowError) as error:
        raise Unreadable(f"its YAML has a value that is none ({type(error).__name__})") from None  # PyYAML's own slips


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def whole(path: Path) -> bytes:
    """The content of a file, or of standard input for `-`. Raises Unreadable."""
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{path} can't be read: {error.strerror}") from None
    if len(raw) > MOST_BYTES:
        raise Unreadable(f"{path} has more than {MOST_BYTES} bytes")
    return raw


def digest(path: Path) -> str:
    """SHA-256 of a file of any size, in hex. Raises Unreadable."""
    hashed = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                hashed.update(chunk)
    except OSError as error:
        raise Unreadable(f"{path} can't be read: {error.strerror}") from None
    return hashed.hexdigest()
