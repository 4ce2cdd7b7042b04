"""`@scenario` runs an async test in a world of its own, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.scenario.virtual_time import VirtualLoop
from tests.scenario.world import World


def scenario(story: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    """The story as a plain test: an empty world without an operator is made for it, and ended after it."""

    async def play() -> None:
        broken: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: broken.append(context))
        world = World()
        try:
            await story(world)
        finally:
            await world.ends()
        assert broken == []

    def test() -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(play())

    test.__name__, test.__doc__, test.__module__ = story.__name__, story.__doc__, story.__module__
    return test
