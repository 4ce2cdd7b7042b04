"""helm, built from its pinned source, and the chart as it renders."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import build
from devcluster.screen import Screen

CHART = Path(__file__).parents[3] / "charts" / "cocoon-fleet"
Objects = list[dict[str, Any]]
Render = Callable[..., Objects]


@pytest.fixture(scope="session")
def helm() -> Path:
    return build.ensure(["helm"], Screen())["helm"]


@pytest.fixture
def render(helm: Path) -> Render:
    def render(values: dict[str, Any] | None = None) -> Objects:
        command: list[str | Path] = [
            helm,
            "template",
            "cocoon-fleet",
            CHART,
            "--namespace=cocoon-system",
            "--kube-version=1.35.0",
        ]
        done = subprocess.run(
            [*command, "--values=-"], input=json.dumps(values or {}), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ValueError(done.stderr)
        return [found for found in yaml.safe_load_all(done.stdout) if found]

    return render
