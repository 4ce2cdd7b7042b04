"""`demo up`: the steps, in order. Each may be done again."""

from demo import chart, images, jobs, machine, provider, storage, table, verification
from demo.answers import FOLDER
from demo.checks import Checks
from demo.cluster import DemoCluster
from demo.errors import DemoError
from demo.explain import advice, explain
from demo.kubectl import Kubectl
from demo.screen import Screen

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
    with screen.step("the operator, by its Helm chart"):
        chart.install(kubectl, provided)
    with screen.step("a provider", "docs/samples/provider.yaml"):
        provider.offer(kubectl, values, screen)
    with screen.step("jobs", "docs/samples"):
        jobs.send(kubectl, values)
        found = jobs.watch(kubectl, screen)
    checks = Checks(screen)
    with screen.step("what came out: answers, usage, receipts"):
        receipts = verification.verify(kubectl, found, cluster.store, checks)
    return _conclude(kubectl, table.render(table.rows(found, receipts)), checks, screen)


def _conclude(kubectl: Kubectl, rows: list[str], checks: Checks, screen: Screen) -> int:
    screen.show(["", *rows])
    screen.summary()
    screen.show(["", f"{checks.passed} checks passed" + (f", {len(checks.failed)} failed" if checks.failed else "")])
    if checks.failed:
        explain(kubectl, screen)
        return 1
    screen.show(
        [f"The answers are in {FOLDER}. The cluster stays; to look around:", *advice(kubectl)[:2], "make demo-down"]
    )
    return 0
