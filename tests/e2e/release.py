"""The demo's release in Helm's hands: upgraded, uninstalled and installed again as an administrator does it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from demo import chart
from demo.cluster import program
from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl
from demo.programs import ask


@dataclass(frozen=True)
class Release:
    """`helm COMMAND` for the release, with the demo's values."""

    kubectl: Kubectl
    values: Json

    @classmethod
    def of(cls, kubectl: Kubectl) -> Release:
        """As it is installed now."""
        return cls(kubectl, json.loads(_helm(kubectl, "get", "values", chart.RELEASE, "--output=json")))

    def installed(self, folder: Path = chart.CHART) -> None:
        """Install it, or upgrade it, from a chart, and wait until all of it is up."""
        _helm(self.kubectl, "upgrade", "--install", chart.RELEASE, str(folder), "--values=-", stdin=self._text())
        for name in self.kubectl("get", "deployment,statefulset", "--output=name").split():
            self.kubectl("rollout", "status", name, "--timeout=120s")

    def uninstalled(self) -> None:
        """Uninstall it, and wait until its Pods are gone."""
        _helm(self.kubectl, "uninstall", chart.RELEASE)
        self.kubectl(
            "wait", "--for=delete", "pod", "--selector=app.kubernetes.io/part-of=cocoon-fleet", "--timeout=90s"
        )

    def tested(self) -> str:
        """What `helm test` printed. Raises DemoError where it fails."""
        return _helm(self.kubectl, "test", chart.RELEASE, "--logs", "--timeout=3m")

    def _text(self) -> str:
        return json.dumps(self.values)


def release_of(kubectl: Kubectl) -> Release:
    """The demo's."""
    return Release.of(kubectl.within(OPERATOR))


def under_version(version: str, folder: Path) -> Path:
    """This tree's chart as one of another version: Pods that carry it in a label are replaced."""
    copy = shutil.copytree(chart.CHART, folder / "cocoon-fleet")
    about = yaml.safe_load((copy / "Chart.yaml").read_text())
    (copy / "Chart.yaml").write_text(yaml.safe_dump(about | {"version": version, "appVersion": version}))
    return copy


def _helm(kubectl: Kubectl, *words: str, stdin: str = "") -> str:
    where = (f"--kubeconfig={kubectl.kubeconfig}", f"--namespace={kubectl.namespace}")
    return ask(program("helm", "helm"), *words, *where, stdin=stdin)
