"""Who reaches whom: the paths that the policies open by name, and what they close, on a real enforcer.

Each part asks from within its own container. A path that is closed here is open from somewhere else, so that silence
means a policy and not that nobody is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from cocoon.fleet.observe.provider import provider as observe
from cocoon.fleet.render.network_policy import network_policy
from cocoon.fleet.render.server_pod import RunnerTerms
from demo.explain import OPERATOR
from demo.kubectl import Json, condition, until
from devcluster.host import NODE_ADDRESS
from tests.e2e.fleet import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

#: Asks all targets at once, and prints those to which a connection opens. Silence is waited for as long as this.
PROBE: Final = """
import asyncio, json, sys
async def opens(host, port):
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
async def main(targets):
    found = await asyncio.gather(*(opens(*target) for target in targets.values()))
    print(json.dumps([name for name, reached in zip(targets, found) if reached]))
asyncio.run(main(json.loads(sys.argv[1])))
"""
#: What each part is for. Everything else among the targets is closed to it.
OPEN: Final = {
    "operator": {
        "API server",
        "runner",
        "payout",
        "keyring 0",
        "keyring 1",
        "names",
        "https",
    },  # of vendors: collateral
    "payout": {"localton", "names"},
    "keyring": {"keyring 0", "keyring 1", "names"},
    "localton": set[str](),
    "runner": {"https", "keyring 0", "keyring 1", "names"},
    "triton": {"https", "keyring 0", "keyring 1", "names"},
    "monitoring": {"API server", "kubelet", "runner's figures", "https", "names"}
    | {"operator", "payout", "keyring's figures"},  # named in the demo's values
    "stranger": {"API server", "kubelet", "runner's figures", "https", "names"},
}
#: Where machines of clouds find their credentials. Nobody is there, so this shows no more than that nothing answers.
METADATA: Final = ("169.254.169.254", 80)
Targets = dict[str, tuple[str, int]]


@pytest.fixture(scope="module")
def targets(fleet: Fleet) -> Targets:
    """Ports of everything that somebody could want to reach, by what they are."""
    runner = _address(fleet, fleet.ready_server())
    keyrings = sorted(fleet.pods("keyring"), key=lambda pod: str(pod["metadata"]["name"]))
    first, second = (pod["status"]["podIP"] for pod in keyrings)
    one = {name: fleet.pod(name)["status"]["podIP"] for name in ("operator", "payout", "localton")}
    return {
        "API server": (_service(fleet, "default", "kubernetes"), 443),
        "kubelet": (NODE_ADDRESS, 10250),
        "operator": (one["operator"], 8080),
        "payout": (one["payout"], 8443),
        "localton": (one["localton"], 14500),
        "keyring 0": (first, 8443),
        "keyring 1": (second, 8443),
        "keyring's figures": (first, 9090),
        "runner": (runner, 8443),
        "runner's figures": (runner, 9090),
        "https": (_service(fleet, "devcluster", "s3"), 443),
        "names": (_service(fleet, "kube-system", "kube-dns"), 53),
        "metadata": METADATA,
    }


def _service(fleet: Fleet, namespace: str, name: str) -> str:
    found = fleet.kubectl.within(namespace).find("service", name)
    assert found is not None
    return str(found["spec"]["clusterIP"])


def _address(fleet: Fleet, name: str) -> str:
    found = fleet.kubectl.find("pod", name)
    assert found is not None
    return str(found["status"]["podIP"])


def reached(fleet: Fleet, namespace: str, pod: str, container: str, targets: Targets) -> set[str]:
    """The targets that a program in a container can open a connection to."""
    program = ("python", "-c", PROBE, json.dumps(targets))
    said = fleet.kubectl.within(namespace)("exec", pod, f"--container={container}", "--", *program)
    return set(json.loads(said))


def another(fleet: Fleet, targets: Targets) -> tuple[str, Targets]:
    """A server, and the targets with another one's addresses if there is one: a Pod may always reach itself."""
    asked = targets["runner"][0]
    others = [name for name in fleet.servers() if _address(fleet, name) != asked]
    if others:
        return others[0], targets
    (only,) = fleet.servers()
    return only, {name: at for name, at in targets.items() if not name.startswith("runner")}


@pytest.mark.parametrize("part", ["operator", "payout", "keyring", "localton"])
def test_a_part_reaches_what_it_is_for_and_nothing_else(fleet: Fleet, targets: Targets, part: str) -> None:
    pod = max(each["metadata"]["name"] for each in fleet.pods(part))
    own = _address(Fleet(fleet.kubectl.within(OPERATOR), fleet.store), pod)
    asked = {name: at for name, at in targets.items() if at[0] != own}
    assert reached(fleet, OPERATOR, pod, part, asked) == OPEN[part] & set(asked)


@pytest.mark.parametrize("container", ["runner", "triton"])
def test_a_server_reaches_https_names_and_keyrings_and_nothing_else(
    fleet: Fleet, targets: Targets, container: str
) -> None:
    server, asked = another(fleet, targets)
    assert reached(fleet, fleet.kubectl.namespace, server, container, asked) == OPEN[container]


def _probe(fleet: Fleet, namespace: str, name: str, labels: dict[str, str]) -> str:
    """Start a Pod of the operator's image that waits, with these labels; its name once it runs."""
    image = fleet.pod("operator")["spec"]["containers"][0]["image"]
    wait = ["python", "-c", "import time; time.sleep(600)"]
    container = {"name": "probe", "image": image, "imagePullPolicy": "Never", "command": wait}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False}
    there = fleet.kubectl.within(namespace)
    there.apply([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}])
    until(lambda: condition(there.find("pod", name), "Ready").get("status") == "True", f"Pod {name} running", 60)
    return name


@pytest.fixture
def outsider(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """A Pod in a namespace of this name, of which nobody has heard, with our own program in it."""
    namespace = str(request.param)
    fleet.kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}])
    _probe(fleet, namespace, "outsider", {})
    yield namespace
    fleet.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.mark.parametrize("outsider", ["stranger", "monitoring"], indirect=True)
def test_others_reach_figures_of_servers_and_those_that_the_values_let_them(
    fleet: Fleet, targets: Targets, outsider: str
) -> None:
    assert reached(fleet, outsider, "outsider", "probe", targets) - {"metadata"} == OPEN[outsider]


def test_whatever_is_closed_to_somebody_is_open_to_somebody(targets: Targets) -> None:
    assert set(targets) - set().union(*OPEN.values()) == {"metadata"}


@pytest.fixture
def strict_server(fleet: Fleet) -> Iterator[str]:
    """What the policy of a provider is where the operator allows no private address, around a Pod with its labels."""
    body = fleet.kubectl.find("cocoonprovider", "dc1") or {}
    strict: Json = network_policy(
        observe(body, allow_test_roots=True),
        RunnerTerms(image="", operator_certificates="", keyring_ports=(8443,)),
    )
    labels = strict["spec"]["podSelector"]["matchLabels"] | {"cocoonfleet.io/provider": "strict"}
    strict["metadata"] = {"name": "strict", "namespace": "default"}
    strict["spec"]["podSelector"] = {"matchLabels": labels}
    there = fleet.kubectl.within("default")
    there.apply([strict])
    yield _probe(fleet, "default", "strict", labels)
    there("delete", "pod", "strict", "--grace-period=0", "--force")
    there("delete", "networkpolicy", "strict")


def test_without_private_addresses_a_server_reaches_nothing_of_the_cluster_but_names_and_keyrings(
    fleet: Fleet, targets: Targets, strict_server: str
) -> None:
    closed = targets | {"metadata over https": (METADATA[0], 443), "a resolver outside": ("192.0.2.53", 53)}
    assert reached(fleet, "default", strict_server, "probe", closed) == {"keyring 0", "keyring 1", "names"}
