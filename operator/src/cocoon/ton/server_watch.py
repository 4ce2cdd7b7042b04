"""What is known of one lite-server, and when it is asked again after it failed."""

from __future__ import annotations

from typing import Final

from cocoon.ton.chain import ChainError, Lagging, Lying, ServerHealth, ServerState

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0


class ServerWatch:
    """Health of one server. Times are of a monotonic clock, in seconds."""

    def __init__(self, name: str) -> None:
        self.name, self.seqno, self.reason = name, 0, ""
        self.state, self.failures, self.pause_until = ServerState.UNTRIED, 0, 0.0

    def succeeded(self, seqno: int = 0) -> None:
        """It answered, with proof."""
        self.state, self.failures, self.pause_until, self.reason = ServerState.HEALTHY, 0, 0.0, ""
        self.seqno = max(self.seqno, seqno)

    def failed(self, error: ChainError, now: float) -> None:
        """It did not: leave it alone for a growing while."""
        self.failures += 1
        self.reason = str(error)
        self.state = _state_of(error)
        pause = _FIRST_PAUSE_SECONDS * 2 ** min(self.failures - 1, 10)
        self.pause_until = now + min(pause, _LONGEST_PAUSE_SECONDS)

    def health(self) -> ServerHealth:
        """As the port tells it."""
        return ServerHealth(self.name, self.state, self.seqno, self.failures, self.reason)


def _state_of(error: ChainError) -> ServerState:
    if isinstance(error, Lying):
        return ServerState.LYING
    return ServerState.LAGGING if isinstance(error, Lagging) else ServerState.UNREACHABLE
