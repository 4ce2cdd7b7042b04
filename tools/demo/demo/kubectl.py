"""kubectl: the demo does nothing that a reader couldn't do at a prompt."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import DemoError
from demo.programs import ask

Json = dict[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """kubectl with this kubeconfig, in this namespace."""

    program: Path
    kubeconfig: Path
    namespace: str

    def __call__(self, *arguments: str | Path, stdin: str = "", check: bool = True) -> str:
        """What it printed. Raises DemoError when it fails and `check`."""
        base = (self.program, f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}")
        return ask(*base, *arguments, stdin=stdin, check=check)

    def within(self, namespace: str) -> "Kubectl":
        """The same in another namespace."""
        return Kubectl(self.program, self.kubeconfig, namespace)

    def apply(self, objects: list[Json]) -> None:
        """Server-side apply; misspelt fields are errors."""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-", stdin=listed)

    def find(self, kind: str, name: str) -> Json | None:
        """The object, if there is one."""
        text = self("get", kind, name, "--ignore-not-found", "--output=json")
        return dict(json.loads(text)) if text.strip() else None

    def every(self, kind: str, selector: str = "") -> list[Json]:
        """All objects of that kind, by name."""
        return list(json.loads(self("get", kind, f"--selector={selector}", "--output=json"))["items"])

    def raw(self, path: str) -> str | None:
        """A GET of the API server, which also leads to Pods' own ports; None where there is no answer."""
        return self("get", "--raw", path, check=False) or None


def until(met: Callable[[], bool], what: str, seconds: float, *advice: str) -> None:
    """Wait for something that the cluster does. Raises DemoError when it takes too long."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            raise DemoError(f"{what} did not happen within {seconds:.0f} s.", *advice)
        time.sleep(0.5)


def condition(thing: Json | None, kind: str) -> Json:
    """That condition of the object; an empty one where there is none."""
    conditions = (thing or {}).get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})
