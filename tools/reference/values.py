"""The chart's page: every value with its default and the comment that stands above it in values.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tools.reference.tables import code, table

_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):(?P<rest>.*)$")


def page(chart: Path) -> str:
    """The chart's README, as Markdown: what it is, how it is installed, and its values."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    parts = [
        f"# {about['name']}",
        "<!-- Written by `make reference` from Chart.yaml and the comments in values.yaml. -->",
        about["description"].strip(),
        f"Version {about['version']}, for Kubernetes {about.get('kubeVersion', 'any version')}.",
        "```console\nhelm install cocoon-fleet charts/cocoon-fleet --namespace cocoon-system --create-namespace\n```",
        "`values.schema.json` refuses a key that does not exist, so a typo is found before anything is installed.",
        "## Values",
        table(("Value", "Default", "Meaning"), _rows((chart / "values.yaml").read_text())),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    defaults = yaml.safe_load(text)
    for path, comment in _commented(text):
        default = _at(defaults, path)
        if comment or not isinstance(default, dict) or not default:
            yield code(".".join(path)), "" if isinstance(default, dict) and default else code(_plain(default)), comment


def _commented(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each key's path and the comment above it, or at its end."""
    stack: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above.append(stripped.lstrip("#").strip())
        elif not (found := _KEY.match(line)):
            above = []
        else:
            indent = len(found["indent"])
            stack = [(depth, key) for depth, key in stack if depth < indent] + [(indent, found["key"])]
            beside = found["rest"].partition(" #")[2].strip()
            yield tuple(key for _, key in stack), " ".join([*above, beside]).strip()
            above = []


def _at(defaults: object, path: tuple[str, ...]) -> object:
    for key in path:
        defaults = defaults[key] if isinstance(defaults, dict) else None
    return defaults


def _plain(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
