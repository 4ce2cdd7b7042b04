"""What holds for every part: where images come from, how the web is reached, and what an administrator adds."""

from __future__ import annotations

from typing import Any

import pytest

from cocoon.payout import settings as payout_settings
from tests.unit.chart.conftest import Objects, Render
from tests.unit.chart.values import EXTRAS, FULL, LOCAL, REAL, SETS, changed

pytestmark = pytest.mark.helm
DIGEST = "sha256:" + "0" * 64


def pods(objects: Objects) -> dict[str, dict[str, Any]]:
    """The Pod templates of all workloads, by their component."""
    made = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    templates = [each["spec"]["template"] for each in made]
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each for each in templates}


def images(objects: Objects) -> set[str]:
    """All images that are pulled, the runner's among them."""
    found = set()
    for pod in pods(objects).values():
        for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
            found.add(container["image"])
            arguments = container.get("args", [])
            found |= {word.partition("=")[2] for word in arguments if word.startswith("--runner-image=")}
    return found


def test_every_image_comes_from_the_one_registry(render: Render) -> None:
    found = images(render(changed(SETS["local"], "global.imageRegistry", "registry.example:5000/mirror/")))
    assert found == {
        f"registry.example:5000/mirror/cocoon-fleet/{name}:0.1.0"
        for name in ("fleet", "runner", "payout", "keyring", "localton")
    }


@pytest.mark.parametrize("image", ["other.example/fleet:1", "localhost/fleet:1", f"other:5000/fleet@{DIGEST}"])
def test_an_image_that_names_its_registry_keeps_it(render: Render, image: str) -> None:
    values = {
        "global": {"imageRegistry": "registry.example"},
        "image": {"operator": image, "runner": f"fleet@{DIGEST}"},
    }
    assert images(render(values)) == {image, f"registry.example/fleet@{DIGEST}"}


@pytest.mark.parametrize("part", ["operator", "payout", "keyring"])
def test_a_part_gets_what_is_added_to_it(render: Render, part: str) -> None:
    pod = pods(render(FULL))[part]
    (container,) = pod["spec"]["containers"]
    assert EXTRAS["extraLabels"].items() <= pod["metadata"]["labels"].items()
    assert EXTRAS["extraAnnotations"].items() <= pod["metadata"]["annotations"].items()
    for given, found in (
        ("extraEnv", container["env"]),
        ("extraVolumes", pod["spec"]["volumes"]),
        ("extraVolumeMounts", container["volumeMounts"]),
    ):
        assert found[-1] == EXTRAS[given][0]
        names = [each["name"] for each in found]
        assert given == "extraVolumeMounts" or len(names) == len(set(names))
    assert pod["spec"]["affinity"] == EXTRAS["affinity"]
    spread = [each["topologyKey"] for each in pod["spec"].get("topologySpreadConstraints", [])]
    assert spread == ([] if part == "payout" else ["zone"])


@pytest.mark.parametrize("part", ["operator", "keyring"])
def test_replicas_spread_over_nodes_by_themselves(render: Render, part: str) -> None:
    pod = pods(render(SETS["keyring"]))[part]
    (spread,) = pod["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("part", ["operator", "payout", "keyring"])
def test_a_part_takes_the_proxy_and_the_authorities(render: Render, part: str) -> None:
    pod = pods(render(FULL))[part]["spec"]
    (container,) = pod["containers"]
    given = {each["name"]: each.get("value", "") for each in container["env"]}
    assert given["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert {"$(KUBERNETES_SERVICE_HOST)", ".svc", "inside.example"} <= set(given["NO_PROXY"].split(","))
    folder, _, key = given["SSL_CERT_FILE"].rpartition("/")
    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["configMap"] == {"name": "authorities", "items": [{"key": key, "path": key}]}


def test_nothing_of_it_is_there_unless_asked_for(render: Render) -> None:
    for pod in pods(render(REAL)).values():
        names = {each["name"] for each in pod["spec"]["containers"][0].get("env", [])}
        assert not names & {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"}


def test_receipts_in_a_bucket(render: Render, tmp_path: Any) -> None:
    objects = render(FULL)
    file = tmp_path / "payout.yaml"
    (made,) = [each for each in objects if "payout.yaml" in each.get("data", {})]
    file.write_text(made["data"]["payout.yaml"])
    found = payout_settings.read_settings(file)
    assert found.archive == ""
    assert found.archive_bucket is not None
    assert (found.archive_bucket.bucket, found.archive_bucket.endpoint) == (
        "receipts",
        "https://s3.inside.example:9000",
    )
    pod = pods(objects)["payout"]["spec"]
    mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["volumes"]}
    for path, key in (
        (found.archive_bucket.access_key_file, "accessKey"),
        (found.archive_bucket.secret_key_file, "secretKey"),
    ):
        folder, _, name = path.rpartition("/")
        secret = volumes[mounts[folder]]["secret"]
        assert secret["secretName"] == "payout-archive"
        assert {"key": key, "path": name} in secret["items"]
    assert found.archive_bucket.ca_file.rpartition("/")[0] in mounts


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.operator", "fleet@sha256:12"),
        ("image.runner", "fleet:1 "),
        ("global.imageRegistry", "https://registry.example"),
        ("proxy.httpsProxy", "proxy.example:3128"),
        ("proxy.httpsProxy", "http://me:secret@proxy.example:3128"),
        ("proxy.https", "http://proxy.example"),
        ("caBundle.secret", "authorities"),
        ("extraLabels", {"app.kubernetes.io/component": "payout"}),
        ("extraEnv", [{"value": "1"}]),
        ("payout.extraLabel", {}),
        ("payout.archiveBucket.endpoint", "http://s3.example"),
        ("keyring.extraVolumes", {"a": 1}),
        ("namespaces", ["Upper"]),
        ("networkPolicy.apiServer.ports", []),
        ("crds.enable", True),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(render: Render, path: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"schema(.|\n)*{path.rpartition('.')[0].replace('.', '/')}"):
        render(changed(LOCAL, path, value))
