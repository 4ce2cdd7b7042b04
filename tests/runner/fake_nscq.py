"""Four NVSwitches that answer with what they were asked; runs inside Triton, so it imports nothing of ours."""

#: Changed in a copy of this file.
MODE = 3


class NSCQError(Exception):
    """What the library raises."""


class Session:
    """An open session."""

    def close(self) -> None:
        """Nothing."""

    def switches(self) -> list[str]:
        """Four."""
        return ["0", "1", "2", "3"]

    def mode(self, switch: str) -> int:
        """Locked, if MODE is."""
        return MODE

    def report(self, switch: str, nonce: bytes) -> bytes:
        """Its number and the nonce."""
        return switch.encode() + nonce

    def chain(self, switch: str) -> bytes:
        """Its number."""
        return b"chain" + switch.encode()
