"""NVIDIA's library for NVSwitches as far as evidence needs it."""

from __future__ import annotations

from collections.abc import Callable

from cocoon.api.evidence import SwitchEvidence


class FakeNscq:
    """Stands in for the module nscq_library."""

    class NSCQError(Exception):
        """What the library raises."""

    def __init__(self, sign: Callable[[int, bytes], SwitchEvidence], count: int = 4) -> None:
        self.sign, self.count = sign, count
        self.open, self.modes, self.broken = 0, dict.fromkeys(range(count), 3), ""
        self.asked: list[bytes] = []

    def Session(self) -> FakeSession:  # noqa: N802 - the library's name
        if self.broken == "library":
            raise self.NSCQError("libnvidia-nscq.so.2: cannot open shared object file")
        self.open += 1
        return FakeSession(self)


class FakeSession:
    """An open session; switches go by their numbers, written out."""

    def __init__(self, of: FakeNscq) -> None:
        self._of = of

    def close(self) -> None:
        self._of.open -= 1

    def switches(self) -> list[str]:
        return [str(number) for number in range(self._of.count)]

    def mode(self, switch: str) -> int:
        return self._of.modes[int(switch)]

    def report(self, switch: str, nonce: bytes) -> bytes:
        if self._of.broken == "report":
            raise self._of.NSCQError("/0/config/attestation_report: error -8")
        self._of.asked.append(nonce)
        return self._of.sign(int(switch), nonce).report

    def chain(self, switch: str) -> bytes:
        return self._of.sign(int(switch), bytes(32)).chain
