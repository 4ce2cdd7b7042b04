"""How a keyring gets its identity when it starts: from another one that has it, or, if all have lost it, by making one.

Losing the identity is loud (jobs sealed to it must be sealed again); having two is quiet and confusing. So only the
founder may make one, and only once every peer has said for itself that it has none, or has been silent for as long as
`patience`. All others wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from cocoon.attest.channel import Channel, Denied, Distrusted, Unreachable
from cocoon.keyring.handover import join
from cocoon.keyring.refusals import Refusal
from cocoon.keyring.replica import Replica

PAUSE: Final = 2.0
#: joined: has it now; empty: the peer has none either; silent: nothing is known of it; refused: it, or we, would not.
Outcome = Literal["joined", "empty", "silent", "refused"]
_log: Final = logging.getLogger(__name__)


class Beginning(Struct, frozen=True, kw_only=True):
    """Who the peers are (https addresses), whether this one may make an identity, after how many seconds of silence."""

    peers: tuple[str, ...]
    founder: bool
    patience: float
    pause: float = PAUSE


async def begin(replica: Replica, terms: Beginning) -> None:
    """Return once the replica has an identity."""
    since = asyncio.get_running_loop().time()
    told: tuple[Outcome, ...] = ()
    while True:
        outcomes = await _ask_all(replica, terms.peers)
        if "joined" in outcomes:
            return
        waited = asyncio.get_running_loop().time() - since
        if terms.founder and may_found(outcomes, waited, terms.patience):
            epoch = replica.identities.begin().epoch
            _log.warning("began a new epoch", extra={"epoch": epoch, "peers": outcomes})
            return
        if outcomes != told:
            told = outcomes
            _log.info("waiting for an identity", extra={"peers": outcomes, "founder": terms.founder})
        await asyncio.sleep(terms.pause)


def may_found(outcomes: Sequence[Outcome], waited: float, patience: float) -> bool:
    """Whether it is safe to say that no peer holds an identity. A peer that refused us holds one."""
    if "refused" in outcomes or "joined" in outcomes:
        return False
    return "silent" not in outcomes or waited >= patience


async def _ask_all(replica: Replica, peers: Sequence[str]) -> tuple[Outcome, ...]:
    """One after the other, until one has handed the identity over."""
    outcomes: list[Outcome] = []
    for peer in peers:
        outcomes.append(await _ask(replica, peer))
        if outcomes[-1] == "joined":
            break
    return tuple(outcomes)


async def _ask(replica: Replica, peer: str) -> Outcome:
    try:
        async with Channel(peer, replica.judge) as channel:
            identity = await join(replica, channel)
    except Unreachable:
        return "silent"
    except Denied as error:
        if error.problem.code == "NotReady":
            return "empty"
        _log.warning("not admitted", extra={"peer": peer, "reason": str(error)})
        return "refused"
    except (Distrusted, Refusal) as error:
        _log.warning("holder not trusted", extra={"peer": peer, "reason": str(error)})
        return "refused"
    _log.info("joined", extra={"peer": peer, "epoch": identity.epoch})
    return "joined"
