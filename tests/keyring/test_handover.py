"""The identity between keyrings: how it moves, how it does not, and what is left when all have lost it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from cocoon.api.sealing import Challenge, Handover, HandoverRequest
from cocoon.attest import bundle as bundles
from cocoon.attest import sealing
from cocoon.attest.age import keys as age_keys
from cocoon.attest.channel import Channel, Denied, Distrusted
from cocoon.attest.collect import SoftwareCollector
from cocoon.keyring import handover
from cocoon.keyring.beginning import Outcome, may_found
from cocoon.keyring.process import Keyring
from cocoon.keyring.refusals import Refusal
from tests.keyring import kit


def joining(folder: Path, *peers: Keyring | str, terms: dict[str, Any] | None = None, **changes: str) -> Any:
    addresses = [peer if isinstance(peer, str) else kit.address(peer) for peer in peers]
    return kit.settings(folder, terms, COCOON_KEYRING_PEERS=",".join(addresses), **changes)


async def test_a_second_replica_gets_the_identity(keyring: Keyring, tmp_path: Path) -> None:
    async with kit.keyring(joining(tmp_path, keyring, COCOON_KEYRING_FOUNDER="")) as second:
        assert second.replica.identities.current.epoch == keyring.replica.identities.current.epoch
        runner, client = kit.Runner(second), kit.Client(keyring)
        assert await runner.ask(client.header())


async def test_a_founder_that_comes_back_joins_rather_than_founds(keyring: Keyring, tmp_path: Path) -> None:
    async with kit.keyring(joining(tmp_path, kit.NOWHERE, keyring, COCOON_KEYRING_PATIENCE="0s")) as again:
        assert again.replica.identities.current.epoch == keyring.replica.identities.current.epoch


async def test_all_lost_begins_another_epoch(keyring: Keyring, client: kit.Client, tmp_path: Path) -> None:
    async with kit.keyring(joining(tmp_path, kit.NOWHERE)) as fresh:
        assert fresh.replica.identities.current.epoch != keyring.replica.identities.current.epoch
        runner = kit.Runner(fresh)
        with pytest.raises(Denied, match="lost or retired") as caught:
            await runner.ask(client.header())
        assert caught.value.problem.code == "EpochUnknown"


async def test_a_replica_that_is_no_founder_waits(tmp_path: Path) -> None:
    chosen = joining(tmp_path, kit.NOWHERE, COCOON_KEYRING_FOUNDER="", COCOON_KEYRING_PATIENCE="0s")
    async with kit.keyring(chosen, begun=False) as waiting:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.begin(pause=0.01), 0.3)
        runner = kit.Runner(waiting)
        with pytest.raises(Denied, match="NotReady"):
            await runner.challenge()


async def test_two_that_start_together_agree(tmp_path: Path) -> None:
    async with kit.keyring(kit.settings(tmp_path), begun=False) as founder:
        chosen = joining(tmp_path, founder, COCOON_KEYRING_FOUNDER="")
        async with kit.keyring(chosen, begun=False) as other:
            founder.settings = structs.replace(founder.settings, peers=(kit.address(other),))
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                group.create_task(other.begin(pause=0.01))
                group.create_task(founder.begin(pause=0.01))
            assert other.replica.identities.current.epoch == founder.replica.identities.current.epoch


@pytest.mark.parametrize(
    ("outcomes", "waited", "expected"),
    [
        ((), 0, True),
        (("empty", "empty"), 0, True),
        (("empty", "silent"), 9, False),
        (("empty", "silent"), 10, True),
        (("refused", "empty"), 1_000, False),
        (("joined",), 1_000, False),
    ],
)
def test_when_an_epoch_may_be_begun(outcomes: tuple[Outcome, ...], waited: float, expected: bool) -> None:
    assert may_found(outcomes, waited, 10) is expected


@pytest.mark.parametrize(
    "terms",
    [
        {"runners": kit.TEST | {"maximum_age": 9}, "keyrings": kit.TEST},
        {"runners": kit.TEST, "keyrings": kit.TEST | {"maximum_age": 9}},
    ],
)
async def test_other_terms_get_no_identity(keyring: Keyring, tmp_path: Path, terms: dict[str, Any]) -> None:
    """Whoever starts a keyring with laxer rules can't have the identity of the stricter one, nor plant its own."""
    async with kit.keyring(joining(tmp_path, keyring, terms=terms), begun=False) as laxer:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(laxer.begin(pause=0.01), 0.3)
        assert not laxer.replica.identities.ready


async def test_another_version_gets_no_identity(tmp_path: Path) -> None:
    terms = {"runners": kit.TEST, "keyrings": kit.TEST | {"measurements": ["v1"]}}
    v1, v2 = (SoftwareCollector(role="keyring", measurement=name) for name in ("v1", "v2"))
    async with kit.keyring(kit.settings(tmp_path, terms), collector=v1) as old:
        async with kit.keyring(joining(tmp_path, old, terms=terms), collector=v1) as same:
            assert same.replica.identities.current.epoch == old.replica.identities.current.epoch
        async with kit.keyring(joining(tmp_path, old, terms=terms), collector=v2, begun=False) as new:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(new.begin(pause=0.01), 0.3)


async def ask(keyring: Keyring, joiner: Keyring, key: X25519PrivateKey, nonce: bytes | None = None) -> HandoverRequest:
    """A request that `joiner` would make with this key."""
    async with Channel(kit.address(keyring), keyring.replica.judge) as channel:
        asked = nonce or (await channel.ask("/v1/challenge", None, Challenge)).nonce
        evidence = await joiner.replica.evidence(asked, key.public_key().public_bytes_raw())
        own = os.urandom(32)
        message = sealing.join_message(asked, own, channel.spki)
        return HandoverRequest(evidence, own, joiner.replica.signer.sign(message))


async def refused(keyring: Keyring, request: HandoverRequest) -> str:
    try:
        await handover.admit(keyring.replica, request)
    except Refusal as error:
        return error.code
    return ""


async def test_requests_that_hand_nothing_over(keyring: Keyring, tmp_path: Path) -> None:
    async with kit.keyring(kit.settings(tmp_path), begun=False) as joiner:
        key = X25519PrivateKey.generate()
        good = await ask(keyring, joiner, key)
        assert await refused(keyring, good) == ""
        assert await refused(keyring, good) == "NonceRefused"
        assert await refused(keyring, await ask(keyring, joiner, key, bytes(32))) == "NonceRefused"
        forged = structs.replace(await ask(keyring, joiner, key), nonce=bytes(32))
        assert await refused(keyring, forged) == "SignatureRefused"
        assert await refused(keyring, structs.replace(good, nonce=b"")) == "InvalidNonce"
        assert await refused(keyring, structs.replace(good, evidence=b"{}")) == "EvidenceRefused"
        assert await refused(joiner, good) == "NotReady"


async def test_a_runner_is_handed_nothing(keyring: Keyring, tmp_path: Path) -> None:
    runner = SoftwareCollector(role="runner")
    async with kit.keyring(kit.settings(tmp_path), collector=runner, begun=False) as disguised:
        request = await ask(keyring, disguised, X25519PrivateKey.generate())
        assert await refused(keyring, request) == "EvidenceRefused"


async def test_a_relayed_handover_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    """Somebody between two keyrings shows his own certificate."""
    async with kit.keyring(kit.settings(tmp_path), begun=False) as joiner:
        request = await ask(keyring, joiner, X25519PrivateKey.generate())
        nonce = bundles.decode(request.evidence).nonce
        elsewhere = sealing.join_message(nonce, request.nonce, kit.certificate().spki)
        relayed = structs.replace(request, signature=joiner.replica.signer.sign(elsewhere))
        assert await refused(keyring, relayed) == "SignatureRefused"


class Planting(Channel):
    """A holder's channel whose answer is replaced on the way."""

    def __init__(self, keyring: Keyring, change: Any) -> None:
        super().__init__(kit.address(keyring), keyring.replica.judge)
        self.change = change

    async def ask(self, path: str, body: object, kind: type[Any]) -> Any:
        answer = await super().ask(path, body, kind)
        return self.change(answer) if isinstance(answer, Handover) else answer


async def test_an_identity_that_somebody_plants(keyring: Keyring, tmp_path: Path) -> None:
    """The operator answers in the holder's place: with its own identity, or with another's evidence."""
    known = X25519PrivateKey.generate()

    def plant(answer: Handover) -> Handover:
        head, sealer = sealing.begin_output(known.public_key().public_bytes_raw())
        sealed = head + sealer.push(msgspec.json.encode(["AGE-SECRET-KEY-1"])) + sealer.finish()
        return structs.replace(answer, sealed=sealed)

    async with kit.keyring(kit.settings(tmp_path), begun=False) as joiner:
        async with kit.keyring(kit.settings(tmp_path)) as another:
            other = await another.replica.evidence(bytes(32), another.replica.identities.current.public)
        attacks: list[tuple[Any, type[Exception]]] = [
            (plant, Refusal),
            (lambda answer: structs.replace(answer, evidence=other), Refusal),
            (lambda answer: structs.replace(answer, signature=bytes(64)), Refusal),
        ]
        for change, error in attacks:
            async with Planting(keyring, change) as channel:
                with pytest.raises(error):
                    await handover.join(joiner.replica, channel)
        assert not joiner.replica.identities.ready


async def test_a_holders_evidence_over_another_connection(keyring: Keyring, tmp_path: Path) -> None:
    """The holder has not noticed who stands between; the joiner does."""
    async with kit.keyring(kit.settings(tmp_path), begun=False) as joiner, Planting(keyring, None) as channel:

        def swap(answer: Handover) -> Handover:
            channel._pin.spki = kit.certificate().spki
            return answer

        channel.change = swap
        with pytest.raises(Distrusted, match="belongs to another TEE"):
            await handover.join(joiner.replica, channel)
        assert not joiner.replica.identities.ready


OTHER = msgspec.json.encode((age_keys.identity_text(X25519PrivateKey.generate()), ()))


@pytest.mark.parametrize(("packed", "said"), [(b'["broken",[]]', "can't be opened"), (OTHER, "not the one")])
async def test_a_holder_that_lies(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bytes, said: str
) -> None:
    """A keyring of the right measurement never does this; if one does, it is not believed."""
    monkeypatch.setattr(keyring.replica.identities, "pack", lambda _counts: packed)
    async with (
        kit.keyring(kit.settings(tmp_path), begun=False) as joiner,
        Channel(kit.address(keyring), joiner.replica.judge) as channel,
    ):
        with pytest.raises(Distrusted, match=said):
            await handover.join(joiner.replica, channel)
    assert not joiner.replica.identities.ready
