"""`demo up`: the steps, in order. Each may be done again."""

from collections.abc import Mapping

from cocoon.api.ton_address import parse_address
from demo import (
    chain,
    chart,
    client,
    images,
    jobs,
    keyring,
    machine,
    payout,
    plaintext,
    provider,
    sealed,
    settlement,
    storage,
    story,
    table,
    tampering,
    verification,
    wallets,
)
from demo.answers import FOLDER
from demo.checks import Checks
from demo.cluster import DemoCluster
from demo.errors import DemoError
from demo.explain import advice, explain
from demo.kubectl import Json, Kubectl
from demo.screen import Screen

FUNDS = 50
"""TON for the hot wallet, where it has less than ENOUGH nanoTON."""
ENOUGH = 20 * 10**9
COMPILES = "the first time it compiles Kubernetes, about 15 minutes on 2 cores"
FETCHES = "without a registry; the first time it fetches Debian packages and wheels, about 3 minutes"


def up(cluster: DemoCluster, screen: Screen) -> int:
    """Run the demo; the exit status, 0 if everything is as expected."""
    with screen.step("this machine"):
        machine.require()
    with screen.step("a Kubernetes cluster", COMPILES):
        kubectl = cluster.up()
    try:
        return _on(cluster, kubectl, screen)
    except DemoError:
        explain(kubectl, screen)
        raise


def _on(cluster: DemoCluster, kubectl: Kubectl, screen: Screen) -> int:
    with screen.step("container images", FETCHES):
        provided = images.provide(cluster, screen)
    with screen.step("files for the storage service"):
        values = storage.fill(cluster) | {"TRITON_IMAGE": provided["triton-cpu"]}
    owner = wallets.owner(cluster).friendly()
    with screen.step("the operator, keyrings, the payout service and a local TON chain, by their Helm chart"):
        payout.prepare(cluster, kubectl)
        chart.install(kubectl, provided, payout.values(kubectl) | keyring.values())
    with screen.step("play money: the hot wallet's coins and the clients' credit"):
        _provide_money(kubectl, screen)
    with screen.step("a provider", "docs/samples/provider.yaml"):
        provider.offer(kubectl, values | {"WALLET": owner}, screen)
    with screen.step("jobs", "docs/samples"):
        jobs.send(kubectl, values)
        found = jobs.watch(kubectl, screen)
    checks = Checks(screen)
    with screen.step("what came out: answers, usage, receipts"):
        good, receipts = verification.verify(kubectl, found, cluster.store, checks)
    own = client.Client.begin(kubectl)
    with screen.step("a sealed job, which nobody else can read", "docs/concepts/sealed-jobs.md"):
        found[story.SEALED] = _keep_secret(cluster, own, values, screen, checks)
        text = sealed.sealed_answers(kubectl, found[story.SEALED])
        good[story.SEALED] = verification.check_receipt(kubectl, found[story.SEALED], text, receipts, checks)
    with screen.step("TON on the chain, read back by an independent client"):
        settled = settlement.Wanted(kubectl, parse_address(owner).raw(), receipts).check(checks)
    with screen.step("what anybody can check: `kubectl cocoon verify`, and what it says when one byte is changed"):
        tampering.verified(own, checks)
    _look_around(own, screen)
    screen.show(["", *table.render(table.HEAD, table.rows(found, good))])
    paid = settlement.last_lines(settled, owner, table.render(settlement.HEAD, settled.rows))
    return _conclude(kubectl, paid, checks, screen)


def _keep_secret(
    cluster: DemoCluster, own: client.Client, values: Mapping[str, str], screen: Screen, checks: Checks
) -> Json:
    """Have a sealed job done, and look for its input everywhere but at the client; the finished job."""
    sent = sealed.secret(values)
    job = sealed.run(own, sent, screen, checks)
    plaintext.search(cluster, own.kubectl, job, sent.sentence, checks)
    return job


def _look_around(own: client.Client, screen: Screen) -> None:
    """The fleet on one screen, and what it earned."""
    for command in ("status", "earnings"):
        with screen.step(f"`kubectl cocoon {command}`"):
            screen.show(own.ask(command, *own.there()).splitlines())


def _provide_money(kubectl: Kubectl, screen: Screen) -> None:
    """A hot wallet with enough in it, and clients whose account covers their budgets."""
    hot = settlement.hot_wallet(kubectl)
    (wallet,) = chain.accounts(kubectl, hot)
    if wallet.balance < ENOUGH:
        chain.fund(kubectl, hot, FUNDS)
        screen.say(f"the faucet gave {FUNDS} TON to the hot wallet {hot}")
    available = payout.credit(kubectl)
    screen.say(f"namespace {story.NAMESPACE} may spend {settlement.ton(available)} TON")


def _conclude(kubectl: Kubectl, paid: list[str], checks: Checks, screen: Screen) -> int:
    screen.summary()
    screen.show(["", f"{checks.passed} checks passed" + (f", {len(checks.failed)} failed" if checks.failed else "")])
    if checks.failed:
        explain(kubectl, screen)
        return 1
    around = [
        f"The answers are in {FOLDER}. The cluster stays; to look around:",
        *advice(kubectl)[:2],
        "make demo-down",
    ]
    screen.show([*around, *paid])
    return 0
