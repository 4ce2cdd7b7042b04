"""One random history: what people do, what goes wrong, what happens by itself, and the operator's rounds between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from cocoon.api.evidence import Verdict
from cocoon.api.money import Price
from cocoon.api.provider import Earnings
from cocoon.api.trust import Trust
from cocoon.fleet.plan.actions import Action
from cocoon.fleet.plan.plan import plan
from cocoon.fleet.plan.records import Earned, ForeignUse, Key, PayoutHolds, PayoutLink
from tests.unit.plan.builders import GPU, job, node, offer, provider, untrusted
from tests.unit.plan.invariants import check_money, check_plan, check_reported, check_world, full_pass
from tests.unit.plan.states import states
from tests.unit.plan.world import World

DC1, DC2 = Key("fleet/dc1"), Key("fleet/dc2")


class History:
    """A world and the dice that decide what becomes of it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.jobs = 0
        self.seen: Counter[str] = Counter()
        """In how many steps the world was in each of the states that matter."""
        self.templates = 1
        self.world = World(*self._providers(), node("n1", 2), node("n2", 1), node("n3", 3))
        self.world.has(PayoutLink(configured=random.random() < 0.6))
        self.world.accounts = {"a": 100, "b": 12}
        self.accounts_are_read()
        self._steps: list[tuple[Callable[[], None], int]] = [
            (self.submit, 12),
            (self.operate, 30),
            (self.work, 10),
            (self.finish, 12),
            (self.time_passes, 6),
            (self.meddle_with_job, 6),
            (self.administer, 3),
            (self.delete_provider, 0 if random.random() < 0.7 else 1),
            (self.trouble_server, 6),
            (self.trouble_node, 4),
            (self.lose_node, 2),
            (self.change_evidence, 2),
            (self.restart, 3),
            (self.contact_lapses, 1),
            (self.payout_goes_or_comes, 2),
            (self.accounts_are_read, 6),
            (self.somebody_pays_in, 5),
            (self.change_price, 1),
            (self.owners_are_heard_of, 2),
        ]

    def _providers(self) -> list:  # type: ignore[type-arg]  # of providers
        first = provider(
            "dc1",
            offer("minilm", concurrency=4, maximum=3, minimum=1),
            offer("tinylm", concurrency=2, gpus=2, maximum=2),
            maximum_gpus=self.random.choice([None, None, 3]),
        )
        second = provider("dc2", offer("minilm", concurrency=3, maximum=2, isolation="PerNamespace", idle_timeout=60))
        return [first, second]

    def step(self) -> None:
        """Something happens; whatever it is, nothing is given out twice."""
        (chosen,) = self.random.choices([step for step, _ in self._steps], [weight for _, weight in self._steps])
        chosen()
        check_world(self.world)
        self.seen.update(states(self.world))

    def come_to_rest(self) -> None:
        """Left alone, the fleet comes to rest, and looking again at everything finds nothing to do."""
        self.world.verdict = self.world._trusts
        self._payout(answers=True)
        for uid in sorted(self.world.unreachable):
            self.world.set_reachable(uid, reachable=True)
        self.world.settle(80)
        self.world.snapshot.touch_all()
        assert plan(self.world.snapshot, self.world.now).actions == ()
        check_reported(self.world)

    # --- what people do ---

    def submit(self) -> None:
        self.jobs += 1
        roll = self.random
        new = job(
            f"j{self.jobs}",
            model=roll.choice(["minilm", "minilm", "minilm", "tinylm", "tinylm", "nothing"]),
            namespace=roll.choice(["a", "b"]),
            parallelism=roll.choice([1, 1, 2, 3, 4]),
            priority=roll.choice([-1, 0, 1]),
            attempts=roll.choice([1, 2, 3]),
            submitted=self.world.now,
            deadline=self.world.now + 500 if roll.random() < 0.15 else None,
            budget=roll.choice([1, 5, 5, 5, None]),
            ttl=roll.choice([None, 100, 600]),
        )
        self.world.has(new)

    def meddle_with_job(self) -> None:
        if not self.world.jobs:
            return
        key = self.random.choice(sorted(self.world.jobs))
        match self.random.choice(["delete", "delete", "suspend", "resume", "priority"]):
            case "delete":
                self.world.delete_job(key)
            case "suspend":
                self.world.edit_job(key, suspended=True)
            case "resume":
                self.world.edit_job(key, suspended=False)
            case _:
                self.world.edit_job(key, priority=self.random.randint(-3, 3))

    def administer(self) -> None:
        provider = self.world.providers.get(DC1)
        if provider is None:
            return
        match self.random.choice(["template", "template", "Serve", "Serve", "Hold", "Drain", "maximum"]):
            case "template":
                self.templates += 1
                new = f"t{self.templates}"
                offers = {name: replace(each, template=new) for name, each in provider.offers.items()}
                self.world.edit_provider(DC1, offers=offers)
            case "maximum":
                most = self.random.randint(1, 3)
                offers = {name: replace(each, maximum=most) for name, each in provider.offers.items()}
                self.world.edit_provider(DC1, offers=offers)
            case operation:
                self.world.edit_provider(DC1, operation=operation)

    def delete_provider(self) -> None:
        if DC2 in self.world.providers:
            self.world.edit_provider(DC2, deleting=True)

    # --- what goes wrong ---

    def payout_goes_or_comes(self) -> None:
        self._payout(answers=self.random.random() < 0.5)

    def accounts_are_read(self) -> None:
        for namespace in self.world.accounts:
            self.world.account_read(namespace)

    def somebody_pays_in(self) -> None:
        self.world.accounts[self.random.choice(["a", "b"])] += self.random.randint(1, 20)

    def change_price(self) -> None:
        provider = self.world.providers.get(DC1)
        if provider is not None:
            price = Price(per_million_items=str(self.random.randint(1, 9) * 1_000_000))
            offers = {name: replace(each, price=price) for name, each in provider.offers.items()}
            self.world.edit_provider(DC1, offers=offers)

    def owners_are_heard_of(self) -> None:
        """The payout service says what somebody earned, or that it holds money back."""
        uids = [provider.uid for _, provider in sorted(self.world.providers.items())]
        if uids and self.random.random() < 0.5:
            self.world.has(Earned(self.random.choice(uids), Earnings(accrued=str(self.random.randint(0, 3)))))
        elif uids:
            held = {name: "Paused: by hand." for name in ["", *uids] if self.random.random() < 0.3}
            self.world.has(PayoutHolds(held, unread="403." if self.random.random() < 0.2 else ""))

    def _payout(self, *, answers: bool) -> None:
        if self.world.snapshot.payout.configured:
            self.world.has(PayoutLink(configured=True, unreachable_since=None if answers else self.world.now))

    def trouble_server(self) -> None:
        if not self.world.servers:
            return
        server = self.world.servers[self.random.choice(sorted(self.world.servers))]
        match self.random.choice(["lose", "end", "evict", "cut", "cut", "mend", "mend", "unschedulable", "reboot"]):
            case "lose":
                self.world.lose_pod(server.key)
            case "end":
                self.world._store_server(replace(server, ended="Evicted", running=False))
            case "evict":
                self.world._store_server(replace(server, deleting=True))
            case "unschedulable" if not server.running:
                self.world._store_server(replace(server, unschedulable="Insufficient GPUs"))
            case "reboot" if server.uid in self.world.views:
                self.world._change_view(server.uid, boot=f"b{self.random.random()}", attempts={}, models=())
            case what:
                self.world.set_reachable(server.uid, reachable=what == "mend")

    def trouble_node(self) -> None:
        known = self.world.snapshot.nodes[self.random.choice(["n1", "n2", "n3"])]
        match self.random.choice(["break", "mend", "mend", "cordon", "foreign"]):
            case "break":
                self.world.has(replace(known, not_ready_since=self.world.now))
            case "mend":
                self.world.has(replace(known, not_ready_since=None, cordoned=False), ForeignUse(known.name, {GPU: 0}))
            case "cordon":
                self.world.has(replace(known, cordoned=True))
            case _:
                self.world.has(ForeignUse(known.name, {GPU: 1}))

    def lose_node(self) -> None:
        """The node and the runner of a job fall silent, and stay so."""
        busy = [server for server in self.world.servers.values() if self.world.snapshot.usage.jobs_of(server.uid)]
        if not busy:
            return
        server = self.random.choice(busy)
        known = self.world.snapshot.nodes[server.node]
        self.world.has(replace(known, not_ready_since=known.not_ready_since or self.world.now))
        self.world.set_reachable(server.uid, reachable=False)
        self.world.now += 310

    def change_evidence(self) -> None:
        good = Verdict(trusted=True, trust=Trust.HARDWARE, not_after=self.world.now + 3600, evidence="e")
        bad = self.random.choice(
            [untrusted(), None, Verdict(trusted=True, trust=Trust.TEST, not_after=self.world.now + 3600, evidence="e")]
        )
        verdict = self.random.choice([good, good, bad])
        self.world.verdict = self.world._trusts if verdict is good else lambda _: verdict

    def restart(self) -> None:
        """Some runners can't be reached when the operator begins; jobs may be deleted before it does."""
        held = {each.uid for view in self.world.views.values() for each in view.attempts.values()}
        for uid in sorted(held):
            if self.random.random() < 0.5:
                self.world.delete_job(self.world.ever[uid].key)
        self.world.restart([uid for uid in sorted(self.world.views) if self.random.random() < 0.4])

    def contact_lapses(self) -> None:
        for uid in sorted(self.world.views):
            self.world._change_view(uid, lapsed=True)

    # --- what happens by itself ---

    def time_passes(self) -> None:
        self.world.now += self.random.choice([1, 6, 31, 31, 301, 700, 3700])

    def finish(self) -> None:
        held = [(uid, attempt) for uid, view in self.world.views.items() for attempt in view.attempts]
        for uid, attempt in self.random.sample(sorted(held), min(len(held), 2)):
            self.world.finish(uid, attempt, self.random.choice(["Succeeded", "Succeeded", "Failed", "Interrupted"]))

    def work(self) -> None:
        """The fleet is left in peace for a moment."""
        for _ in range(4):
            self._round(lambda _: "done")
            self.world.pods_start()
            self.world.models_load()

    def operate(self) -> None:
        """One round; some of its actions fail, or are done without the operator seeing it."""
        trouble = self.random.choice([[1, 0, 0, 0], [4, 0, 0, 1], [6, 2, 1, 2]])
        self._round(lambda _: self.random.choices(["done", "fails", "unseen", "late"], trouble)[0])

    def _inspect(self, actions: tuple[Action, ...]) -> None:
        check_plan(self.world, actions)
        check_money(self.world, actions)

    def _round(self, outcome: Callable[[Action], str]) -> None:
        expected = full_pass(self.world.snapshot, self.world.now)
        actions = self.world.round(outcome, inspect=self._inspect)
        assert actions == expected
        check_world(self.world)
