"""kubeconform on what the chart renders, with schemas of the API server that this repository builds: no network."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import ApiServer, build
from devcluster.kube import Kube
from devcluster.screen import Screen
from tests.unit.chart.conftest import Objects, Render
from tests.unit.chart.values import SETS

pytestmark = [pytest.mark.api, pytest.mark.helm]
GROUP_KIND = "x-kubernetes-group-version-kind"
#: Kinds of others' definitions, which no API server of ours has.
FOREIGN = ("ServiceMonitor", "PodMonitor", "PrometheusRule", "Certificate")


@pytest.fixture(scope="session")
def kubeconform() -> Path:
    return build.ensure(["kubeconform"], Screen())["kubeconform"]


@pytest.fixture(scope="session")
def schemas(api_cluster: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JSON schema for each kind that the API server publishes, by the name that kubeconform looks for."""
    folder = tmp_path_factory.mktemp("schemas")
    kube = api_cluster.kube()
    for path in sorted(kube.call("GET", "/openapi/v3")["paths"]):
        if path.count("/") in (1, 2) and path.startswith(("api/", "apis/")):
            write(kube, path, folder)
    return folder


def write(kube: Kube, path: str, folder: Path) -> None:
    """The kinds of one group and version. Each file holds all that they refer to."""
    found = closed(kube.call("GET", f"/openapi/v3/{path}").get("components", {}).get("schemas", {}))
    for name, schema in found.items():
        for one in schema.get(GROUP_KIND, []):
            group = f"-{one['group'].partition('.')[0]}" if one["group"] else ""
            file = folder / f"{one['kind'].lower()}{group}-{one['version']}.json"
            if f"{one['group']}/{one['version']}".strip("/") == path.partition("/")[2]:
                whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": found}}
                file.write_text(json.dumps(whole))


def closed(schema: Any) -> Any:
    """The same, with no field allowed that is not named."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(each) for name, each in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def judged(kubeconform: Path, schemas: Path, objects: Objects) -> subprocess.CompletedProcess[str]:
    where = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command: list[str | Path] = [
        kubeconform,
        "-strict",
        "-summary",
        "-skip",
        ",".join(FOREIGN),
        "-schema-location",
        where,
        "-",
    ]
    given = yaml.safe_dump_all(objects)
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SETS)
def test_all_of_it_conforms(kubeconform: Path, schemas: Path, render: Render, name: str) -> None:
    watched = SETS[name] | {"monitoring": {"enabled": True, "dashboards": {"enabled": True}}}
    objects = render(watched)
    done = judged(kubeconform, schemas, objects)
    foreign = len([each for each in objects if each["kind"] in FOREIGN])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Valid: {len(objects) - foreign}, Invalid: 0, Errors: 0, Skipped: {foreign}" in done.stdout


def test_a_field_that_there_is_not_is_noticed(kubeconform: Path, schemas: Path, render: Render) -> None:
    (policy,) = [each for each in render() if each["kind"] == "NetworkPolicy"]
    policy["spec"]["policyType"] = policy["spec"].pop("policyTypes")
    done = judged(kubeconform, schemas, [policy])
    assert done.returncode == 1
    assert "policyType" in done.stdout
