"""NVIDIA's library for NVSwitches (NSCQ 2.0) by ctypes, as far as evidence needs it.

Declarations after nvtrust's `nscq_attestation.h`: a session is asked about a path and answers by calling back, once for
each device, with the device, a return code (negative: an error) and the value itself, not a pointer to it. Imports the
standard library alone: this file also runs inside Triton (cocoon.runner.gpus).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

NAME = "libnvidia-nscq.so.2"
_MOUNT_DEVICES = 1


class NSCQError(Exception):
    """What the library or a switch failed at."""


class _Uuid(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_uint8 * 16),)


class _Label(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char * 64),)


class _Created(ctypes.Structure):
    _fields_ = (("rc", ctypes.c_int8), ("session", ctypes.c_void_p))


class _Report(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint32), ("content", ctypes.c_uint8 * 0x2000))


class _Chain(ctypes.Structure):
    _fields_ = (("content", ctypes.c_uint8 * 0x1400), ("size", ctypes.c_uint32))


class Session:
    """An open session. Switches go by the labels of their UUIDs. Everything raises NSCQError."""

    def __init__(self, name: str = NAME) -> None:
        try:
            self._library = _declared(ctypes.CDLL(name))
        except (OSError, AttributeError) as error:
            raise NSCQError(str(error)) from None
        created = self._library.nscq_session_create(_MOUNT_DEVICES)
        _check(created.rc, "opening a session")
        self._session = ctypes.c_void_p(created.session)

    def close(self) -> None:
        """Give the devices back."""
        self._library.nscq_session_destroy(self._session)

    def switches(self) -> list[str]:
        """The labels of all switches."""
        pointer = ctypes.POINTER(_Uuid)
        return self._observe("/drv/nvswitch/{device}/uuid", pointer, lambda value: self._label(value.contents))

    def mode(self, switch: str) -> int:
        """1 if protected PCIe is enabled, 3 if it is locked, too; 0, 2 and -1 if it is not, or not known."""
        return int(self._one(f"/{switch}/config/pcie_mode", ctypes.c_int8, int))

    def report(self, switch: str, nonce: bytes) -> bytes:
        """The switch's report about these 32 bytes."""
        given = (ctypes.c_uint8 * len(nonce)).from_buffer_copy(nonce)
        _check(self._library.nscq_session_set_input(self._session, 0, ctypes.byref(given), len(nonce)), "a nonce")
        return bytes(self._one(f"/{switch}/config/attestation_report", _Report, _content))

    def chain(self, switch: str) -> bytes:
        """The switch's certificates, PEM."""
        return bytes(self._one(f"/{switch}/config/certificate", _Chain, _content))

    def _one(self, path: str, kind: Any, read: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - a type of ctypes
        found = self._observe(path, kind, read)
        if len(found) != 1:
            raise NSCQError(f"{path} has {len(found)} answers")
        return found[0]

    def _observe(self, path: str, kind: Any, read: Callable[[Any], Any]) -> list[Any]:  # noqa: ANN401 - a type of ctypes
        answers: list[tuple[int, Any]] = []

        def answered(_device: Any, rc: int, value: Any, _data: Any) -> None:  # noqa: ANN401 - values of ctypes
            answers.append((rc, read(value) if rc >= 0 else None))  # copied: it is gone after this call

        prototype = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Uuid), ctypes.c_int8, kind, ctypes.c_void_p)
        called = prototype(answered)
        _check(self._library.nscq_session_path_observe(self._session, path.encode(), called, None, 0), path)
        for rc, _ in answers:
            _check(rc, path)
        return [value for _, value in answers]

    def _label(self, uuid: _Uuid) -> str:
        label = _Label()
        _check(self._library.nscq_uuid_to_label(ctypes.byref(uuid), ctypes.byref(label), 0), "a label")
        return bytes(label.data).decode("ascii", "replace")


def _content(value: Any) -> bytes:  # noqa: ANN401 - _Report or _Chain
    return bytes(value.content[: value.size])


def _check(rc: int, what: str) -> None:
    if rc < 0:
        raise NSCQError(f"{what}: error {rc}")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_uint32, ctypes.c_void_p
    declared = {
        "nscq_session_create": (_Created, (number,)),
        "nscq_session_destroy": (None, (pointer,)),
        "nscq_session_path_observe": (ctypes.c_int8, (pointer, ctypes.c_char_p, pointer, pointer, number)),
        "nscq_session_set_input": (ctypes.c_int8, (pointer, number, pointer, number)),
        "nscq_uuid_to_label": (ctypes.c_int8, (pointer, pointer, number)),
    }
    for name, (result, arguments) in declared.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
