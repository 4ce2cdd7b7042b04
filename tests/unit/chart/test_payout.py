"""What the chart makes of a payout service and of the local chain."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from msgspec.structs import fields

from cocoon.api.trust import Trust
from cocoon.fleet import settings as fleet_settings
from cocoon.payout import settings as payout_settings
from cocoon.payout.sending.settings import PaymentSettings
from cocoon.payout.settings import Settings
from cocoon.ton.localton.faucet import BALANCE, FAUCET
from cocoon.ton.localton.local_chain import LocalChain
from cocoon.ton.localton.records import Genesis
from tests.unit.chart.conftest import CHART, Objects, Render
from tests.unit.chart.values import CLUSTER, LOCAL, OPERATOR, REAL, Values, changed

pytestmark = pytest.mark.helm


def named(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def container(objects: Objects, kind: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    pod = named(objects, kind, name)["spec"]["template"]["spec"]
    (only,) = pod["containers"]
    return pod, only


def settings(objects: Objects, folder: Path) -> Settings:
    """The settings as the very service reads them."""
    file = folder / "payout.yaml"
    file.write_text(named(objects, "ConfigMap", "cocoon-fleet-payout")["data"]["payout.yaml"])
    return payout_settings.read_settings(file)


def test_nothing_of_it_is_there_unless_asked_for(render: Render) -> None:
    objects = render()
    assert "StatefulSet" not in [each["kind"] for each in objects]
    _, operator = container(objects, "Deployment", "cocoon-fleet")
    assert fleet_settings.read_settings(operator["args"], {}).payout_url == ""


@pytest.mark.parametrize("values", [LOCAL, REAL])
def test_the_service_understands_its_settings(render: Render, tmp_path: Path, values: Values) -> None:
    found = settings(render(values), tmp_path)
    (cluster,) = found.clusters
    assert (cluster.id, cluster.issuer) == (CLUSTER["id"], CLUSTER["issuer"])
    assert [(caller.subject, caller.rights) for caller in cluster.callers] == [(OPERATOR, ("report", "read"))]
    assert found.policy.trust is (Trust.TEST if values is LOCAL else Trust.HARDWARE)
    assert found.payments is not None
    assert found.payments.minimum_payout == "10000000000"


def test_the_chart_knows_every_setting_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["payout"]["properties"]
    settable = {field.encode_name for field in fields(payout_settings.PolicySettings)}
    assert set(schema["policy"]["properties"]) == settable
    settable = {field.encode_name for field in fields(PaymentSettings)} - {"keyFile"}
    assert set(schema["payments"]["properties"]) == settable


def test_what_is_left_empty_is_no_cap_of_nothing(render: Render, tmp_path: Path) -> None:
    found = settings(render(REAL), tmp_path)
    assert found.policy.daily_cap == "5000000000000"
    assert found.policy.daily_cap_per_provider == payout_settings.PolicySettings().daily_cap_per_provider
    assert settings(render(changed(REAL, "payout.wallet.pay", value=False)), tmp_path).payments is None


@pytest.mark.parametrize("values", [LOCAL, REAL])
def test_every_file_of_the_settings_is_mounted(render: Render, tmp_path: Path, values: Values) -> None:
    objects = render(values)
    found = settings(objects, tmp_path)
    assert found.payments is not None
    files = [found.archive, found.chain.global_config, found.clusters[0].keys.file, found.payments.key_file]
    files += [found.http.certificate_file, found.http.key_file]
    files.append(found.database_file or found.database.removeprefix("sqlite:///"))
    pod, payout = container(objects, "StatefulSet", "cocoon-fleet-payout")
    mounts = {mount["mountPath"]: mount for mount in payout["volumeMounts"]}
    for file in files:
        assert any(file.startswith(f"{path}/") for path in mounts), f"{file} is on no volume"
    claims = named(objects, "StatefulSet", "cocoon-fleet-payout")["spec"]["volumeClaimTemplates"]
    there = {each["name"] for each in pod["volumes"]} | {each["metadata"]["name"] for each in claims}
    assert {mount["name"] for mount in mounts.values()} <= there


def test_the_operator_shows_a_token_of_the_right_audience_and_knows_the_authority(render: Render) -> None:
    pod, operator = container(render(LOCAL), "Deployment", "cocoon-fleet")
    found = fleet_settings.read_settings(operator["args"], {})
    assert found.payout_url == "https://cocoon-fleet-payout.cocoon-system.svc"
    (mount,) = [each for each in operator["volumeMounts"] if each["name"] == "payout"]
    assert {found.payout_token_file, found.payout_ca_file} == {
        f"{mount['mountPath']}/token",
        f"{mount['mountPath']}/ca.crt",
    }
    (volume,) = [each for each in pod["volumes"] if each["name"] == "payout"]
    token, authority = volume["projected"]["sources"]
    assert (
        token["serviceAccountToken"]["audience"]
        == Settings(archive="", chain=payout_settings.ChainSettings("")).audience
    )
    assert authority["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}], "and never the service's key"


def test_a_service_elsewhere(render: Render) -> None:
    values = {"payout": {"external": {"url": "https://payout.example", "caBundle": "PEM"}}}
    _, operator = container(render(values), "Deployment", "cocoon-fleet")
    found = fleet_settings.read_settings(operator["args"], {})
    assert (found.payout_url, found.payout_ca_file) == (
        "https://payout.example",
        "/var/run/secrets/cocoon-payout/ca.crt",
    )
    _, operator = container(render(changed(values, "payout.external.caBundle", "")), "Deployment", "cocoon-fleet")
    assert fleet_settings.read_settings(operator["args"], {}).payout_ca_file == ""


def test_the_certificate_is_signed_by_the_authority_and_has_the_services_names(render: Render) -> None:
    secret = named(render(LOCAL), "Secret", "cocoon-fleet-payout-tls")["data"]
    made = x509.load_pem_x509_certificate(base64.b64decode(secret["tls.crt"]))
    authority = x509.load_pem_x509_certificate(base64.b64decode(secret["ca.crt"]))
    made.verify_directly_issued_by(authority)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert "cocoon-fleet-payout.cocoon-system.svc" in names
    assert "tls.key" in secret
    assert "ca.key" not in secret


def test_cert_manager_or_a_secret_of_ones_own_instead(render: Render) -> None:
    values = changed(LOCAL, "payout.tls", {"certManager": {"issuerRef": {"name": "ca", "kind": "ClusterIssuer"}}})
    made = named(render(values), "Certificate", "cocoon-fleet-payout-tls")["spec"]
    assert (made["issuerRef"]["name"], made["secretName"]) == ("ca", "cocoon-fleet-payout-tls")
    kinds = [each["kind"] for each in render(REAL)]
    assert "Secret" not in kinds
    assert "Certificate" not in kinds


def test_no_key_of_a_wallet_is_ever_made(render: Render) -> None:
    secrets = [each["metadata"]["name"] for each in render(LOCAL) if each["kind"] == "Secret"]
    assert secrets == ["cocoon-fleet-payout-tls"]


def test_nobody_but_the_operator_and_the_charts_test_may_call(render: Render) -> None:
    policy = named(render(REAL), "NetworkPolicy", "cocoon-fleet-payout")["spec"]
    (rule,) = policy["ingress"]
    caller, test = rule["from"]
    operator = named(render(REAL), "Deployment", "cocoon-fleet")["spec"]["selector"]["matchLabels"]
    assert caller["podSelector"]["matchLabels"] == operator
    assert test["podSelector"]["matchLabels"] == operator | {"app.kubernetes.io/component": "test"}
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}


def test_more_callers_by_name(render: Render) -> None:
    scraper = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    objects = render(changed(REAL, "networkPolicy.payoutCallers", [scraper]))
    (rule,) = named(objects, "NetworkPolicy", "cocoon-fleet-payout")["spec"]["ingress"]
    assert scraper in rule["from"]


def test_it_reaches_its_lite_servers_its_database_and_the_vendors_and_nothing_else(render: Render) -> None:
    rules = named(render(REAL), "NetworkPolicy", "cocoon-fleet-payout")["spec"]["egress"]
    first, second, database, vendors, names = rules
    assert vendors == {"ports": [{"protocol": "TCP", "port": 443}]}
    assert first == {"ports": [{"protocol": "TCP", "port": 19949}], "to": [{"ipBlock": {"cidr": "5.9.10.47/32"}}]}
    assert second == {
        "ports": [{"protocol": "TCP", "port": 13206}],
        "to": [{"ipBlock": {"cidr": "135.181.140.212/32"}}],
    }
    assert (database["ports"][0]["port"], database["to"]) == (5432, REAL["payout"]["database"]["peers"])
    assert {each["port"] for each in names["ports"]} == {53}
    objects = render(LOCAL)
    chain = named(objects, "StatefulSet", "cocoon-fleet-localton")["spec"]["selector"]["matchLabels"]
    assert (
        named(objects, "NetworkPolicy", "cocoon-fleet-payout")["spec"]["egress"][0]["to"][0]["podSelector"][
            "matchLabels"
        ]
        == chain
    )


def test_collateral_from_a_folder_takes_no_network(render: Render) -> None:
    local = REAL | {"payout": REAL["payout"] | {"policy": {"collateral": ["/collateral"]}}}
    rules = named(render(local), "NetworkPolicy", "cocoon-fleet-payout")["spec"]["egress"]
    assert not [rule for rule in rules if {"protocol": "TCP", "port": 443} in rule["ports"]]


def test_keys_that_change_restart_nothing_but_settings_do(render: Render) -> None:
    def template(values: Values) -> object:
        return named(render(values), "StatefulSet", "cocoon-fleet-payout")["spec"]["template"]

    other_keys = {"keys": [{"kty": "RSA", "kid": "two", "n": "AQAB", "e": "AQAB"}]}
    rotated = changed(REAL, "payout.clusters", [CLUSTER | {"keys": other_keys}])
    assert template(rotated) == template(REAL)
    data = named(render(rotated), "ConfigMap", "cocoon-fleet-payout-clusters")["data"]
    assert json.loads(data[f"{CLUSTER['id']}.json"]) == other_keys
    assert template(changed(REAL, "payout.policy.feeBasisPoints", 100)) != template(REAL)


def test_what_a_statefulset_can_not_change_does_not_change_with_the_chart(render: Render) -> None:
    """A label with the chart's version in a volumeClaimTemplate would make every upgrade fail."""
    for values in (LOCAL, REAL):
        spec = named(render(values), "StatefulSet", "cocoon-fleet-payout")["spec"]
        assert "helm.sh/chart" not in yaml.safe_dump([spec["volumeClaimTemplates"], spec["selector"]])


def test_the_local_chain_is_the_one_whose_zero_state_is_listed(render: Render, tmp_path: Path) -> None:
    objects = render(LOCAL)
    _, localton = container(objects, "StatefulSet", "cocoon-fleet-localton")
    (begun,) = [word.partition("=")[2] for word in localton["args"] if word.startswith("--genesis-time=")]
    chain = LocalChain(Genesis({FAUCET.address.hash: BALANCE}, int(begun)))
    assert settings(objects, tmp_path).chain.development == (chain.zero_state.ids.masterchain.root_hash.hex(),)
    pod, _ = container(objects, "StatefulSet", "cocoon-fleet-payout")
    assert f"--genesis-time {begun}" in pod["initContainers"][0]["args"][0]


def test_volumes_of_ones_own(render: Render) -> None:
    objects = render(changed(REAL, "payout.persistence.existingClaim", "books"))
    pod, _ = container(objects, "StatefulSet", "cocoon-fleet-payout")
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "books"}} in pod["volumes"]
    assert "volumeClaimTemplates" not in named(objects, "StatefulSet", "cocoon-fleet-payout")["spec"]
    pod, _ = container(
        render(changed(LOCAL, "payout.persistence.enabled", value=False)), "StatefulSet", "cocoon-fleet-payout"
    )
    assert {"name": "data", "emptyDir": {}} in pod["volumes"]


@pytest.mark.parametrize(
    ("values", "path", "value", "said"),
    [
        (LOCAL, "development", False, "localton.enabled: a local chain"),
        (REAL, "payout.policy.trust", "Test", "payout.policy.trust: anybody can sign"),
        (REAL, "payout.persistence.enabled", False, "payout.persistence.enabled: without a volume"),
        (REAL, "payout.chain.globalConfig", "", "payout.chain.globalConfig: give the TON network's"),
        (LOCAL, "payout.chain.globalConfig", "{}", "payout.chain.globalConfig: localton.enabled makes its own"),
        (REAL, "payout.wallet.existingSecret", "", "payout.wallet.existingSecret: name the Secret"),
        (REAL, "payout.clusters", [], "payout.clusters: nobody could call"),
        (REAL, "payout.external.url", "https://payout.example", "payout.external.url: payout.enabled runs"),
    ],
)
def test_what_can_not_work_is_refused_with_a_sentence(
    render: Render, values: Values, path: str, value: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        render(changed(values, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("payouts", {}),
        ("payout.enable", True),
        ("payout.policy.dailycap", "1"),
        ("payout.policy.dailyCap", 5),
        ("payout.policy.feeBasisPoints", 10_001),
        ("payout.policy.priceCaps", {"m": {"perItem": "1"}}),
        ("payout.payments.minimumPayout", "1.5"),
        ("payout.wallet.seed", "00"),
        ("payout.external.url", "http://payout.example"),
        ("payout.chain.development", ["main"]),
        ("payout.clusters", [CLUSTER | {"callers": [{"subject": "system:masters", "rights": ["administer"]}]}]),
        ("payout.clusters", [CLUSTER | {"callers": [{"subject": OPERATOR, "rights": ["all"]}]}]),
        ("payout.clusters", [CLUSTER | {"keys": {"keys": []}}]),
        ("localton.persistence.storageClass", "x"),
        ("networkPolicy.egress", []),
    ],
)
def test_a_wrong_value_is_refused_by_the_schema(render: Render, path: str, value: object) -> None:
    with pytest.raises(ValueError, match="schema"):
        render(changed(REAL, path, value))
