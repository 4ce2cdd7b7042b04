"""Each setting of each process is either written by the chart, or named here with the reason why it is not."""

from __future__ import annotations

import inspect
import re
from typing import Final

import pytest
import yaml
from msgspec import Struct
from msgspec.structs import fields

from cocoon.fleet.settings import Settings as OperatorSettings
from cocoon.keyring import settings as keyring_settings
from cocoon.payout.archive import S3Settings
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.payout.settings import ChainSettings, HttpSettings, PolicySettings
from cocoon.payout.settings import Settings as PayoutSettings
from tests.unit.chart.conftest import Objects, Render
from tests.unit.chart.values import FULL, LOCAL, REAL, SETS, TEST_KEYRING, Values

pytestmark = pytest.mark.helm
#: Of the operator: what only `extraArgs` sets.
OPERATOR: Final = {
    "namespace": "POD_NAMESPACE says it",
    "identity": "POD_NAME says it",
    "kubeconfig": "a Pod has its service account",
    "cluster_id": "the cluster's own id is right but for a cluster that was moved",
    "earnings_seconds": "a matter of taste that nobody has had yet",
    "collateral_cache": "takes a volume: extraVolumes and extraArgs",
    "runner_collateral": "it follows from `collateral`",
    "keyring_seconds": "a matter of taste that nobody has had yet",
    "test_roots": "for development roots of one's own",
    "lease": "the Role names it",
    "lease_seconds": "fail-over within 15 seconds is promised",
    "identity_secret": "the Role names it",
    "listen": "a Pod has one address",
    "port": "the Service and the probes name it",
    "runner_port": "servers and their NetworkPolicies know it",
    "relist_seconds": "for tests",
    "foreign_seconds": "for tests",
    "concurrency": "for tests",
    "log_format": "a cluster collects JSON",
}
#: Of the payout service.
PAYOUT: Final = {
    "audience": "the operator's token is made for the default",
    "policy.collateralCache": "takes a volume: say it in values where extraVolumes gives one",
    "http.host": "a Pod has one address",
    "payments.dailyCap": "no limit unless somebody sets one",
    "payments.dailyCapPerProvider": "no limit unless somebody sets one",
    "policy.dailyCapPerProvider": "no limit unless somebody sets one",
}
#: Of the keyring.
KEYRING: Final = {
    "COCOON_KEYRING_FOUNDER": "the first replica's name says it",
    "COCOON_API_ADDRESS": "Service and NetworkPolicy name the default's port",
    "COCOON_HEALTH_ADDRESS": "probes name the default's port",
}
LOOSE: Final[Values] = {"allowPrivateAddresses": True, "namespaces": ["one"]}


def rendered(render: Render) -> Objects:
    """What any of the value sets makes, all in one list."""
    keyring = LOCAL | LOOSE | TEST_KEYRING
    return [each for values in [*SETS.values(), keyring] for each in render(values)]


def test_of_the_operator(render: Render) -> None:
    pods = [each["spec"]["template"]["spec"] for each in rendered(render) if each["kind"] == "Deployment"]
    flags = {re.split("[= ]", word)[0] for pod in pods for word in pod["containers"][0]["args"]}
    given = {flag.removeprefix("--").replace("-", "_") for flag in flags}
    assert {field.name for field in fields(OperatorSettings)} == given | set(OPERATOR)
    assert not given & set(OPERATOR), "these are written by the chart: take them off the list"


def test_of_the_keyring(render: Render) -> None:
    pods = [each["spec"]["template"]["spec"] for each in rendered(render) if "-keyring" in each["metadata"]["name"]
            and each["kind"] == "StatefulSet"]  # fmt: skip
    given = {each["name"] for pod in pods for each in pod["containers"][0]["env"] if each["name"].startswith("COCOON_")}
    known = set(re.findall(r"COCOON_[A-Z_]+", inspect.getsource(keyring_settings)))
    assert known == given | set(KEYRING)
    assert not given & set(KEYRING)


def paths(kind: type[Struct], prefix: str = "") -> set[str]:
    return {prefix + field.encode_name for field in fields(kind)}


def test_of_the_payout_service(render: Render) -> None:
    settable = paths(PayoutSettings) | paths(ChainSettings, "chain.") | paths(HttpSettings, "http.")
    settable |= paths(PolicySettings, "policy.") | paths(PaymentSettings, "payments.")
    settable |= paths(S3Settings, "archiveBucket.")
    given: set[str] = set()
    for values in (LOCAL, REAL, FULL):
        (made,) = [each for each in render(values) if "payout.yaml" in each.get("data", {})]
        written = yaml.safe_load(made["data"]["payout.yaml"])
        given |= set(written)
        given |= {f"{part}.{name}" for part, inner in written.items() if isinstance(inner, dict) for name in inner}
    assert settable == given | set(PAYOUT)
    assert not given & set(PAYOUT)
