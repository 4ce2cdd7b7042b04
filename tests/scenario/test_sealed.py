"""Sealed jobs, as the operator sees them: it sends them where a keyring answers, and tells runners whom to ask."""

from __future__ import annotations

from cocoon.api.sealing import KeyringPlace
from cocoon.fleet.plan.records import Keyring, Keyrings
from tests.scenario.builders import gpu_node, job, provider
from tests.scenario.story import scenario
from tests.scenario.world import World, job_is

HERE = Keyring("https://keyring-0:8443", "e1", "age1first", "d1", answers=True)
SILENT = Keyring("https://keyring-old:8443")
SEALED = {"input": {"inline": "-----BEGIN AGE ENCRYPTED FILE-----\n", "sealed": True}, "modelSHA256": "a" * 64}


@scenario
async def test_a_sealed_job_goes_where_it_can_be_opened(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("sealed", "minilm", **SEALED), job("plain", "minilm"))
    mirror = world.starts().means.mirror
    await world.until(job_is("plain", "Succeeded"))
    assert world.condition("sealed", "Bound")["reason"] == "NoKeyring"
    mirror.know(Keyrings((HERE, SILENT), ("m",)))
    await world.until(job_is("sealed", "Succeeded"))
    (runner,) = world.runners.values()
    assigned = {each.name: each.keyrings for each in runner.assigned.values()}
    assert assigned == {
        "plain": (),
        "sealed": (KeyringPlace(HERE.address, "e1", ("m",)), KeyringPlace(SILENT.address, "", ("m",))),
    }


@scenario
async def test_a_lost_key_ends_the_job_with_that_reason(world: World) -> None:
    world.has(provider("dc1", ["minilm"]), gpu_node("n1"), job("first", "minilm"))
    world.starts().means.mirror.know(Keyrings((HERE,)))
    await world.until(job_is("first", "Succeeded"))
    (runner,) = world.runners.values()
    runner.fails = ("SealedToLostKey", "Seal the input again.")
    world.has(job("sealed", "minilm", **SEALED))
    await world.until(job_is("sealed", "Failed"))
    told = world.condition("sealed", "Succeeded")
    assert (told["reason"], told["message"]) == ("SealedToLostKey", "Seal the input again.")
