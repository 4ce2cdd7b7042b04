"""The site: Sphinx reads the pages as they are in the repository, so that links between them work in both places.

The root is the repository, for pages link to the chart's README and the changelog, but only what is included is a page.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]

project = "Cocoon Fleet"
author = "the authors of Cocoon Fleet"
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "charts/cocoon-fleet/README.md", "CHANGELOG.md", "SECURITY.md"]
exclude_patterns = [".*", "build", "images", "operator", "requirements", "tests", "tools"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # YAML with an ellipsis in place of a value

html_theme = "furo"
html_title = f"Cocoon Fleet {release}"
html_show_copyright = False
html_show_sphinx = False
html_extra_path = ["root"]

#: The side bar, which a reader of the files has no use for: titles and the pages under them, in this order.
SECTIONS = {
    "Tasks": ("/docs/tasks/get-started", "/docs/tasks/install", "/docs/tasks/*"),
    "Concepts": ("/docs/concepts/words", "/docs/architecture", "/docs/concepts/*"),
    "Reference": ("/docs/support-matrix", "/docs/reference/*", "/charts/cocoon-fleet/README", "/docs/samples/**",
                  "/docs/benchmarks", "/CHANGELOG", "/SECURITY"),
    "Runbooks": ("/docs/runbooks/*",),
    "Decisions": ("/docs/adr/*",),
}  # fmt: skip


def add_side_bar(_app: Sphinx, name: str, source: list[str]) -> None:
    """Append the tables of contents to the index."""
    if name == root_doc:
        for caption, pages in SECTIONS.items():
            source[0] += "\n".join(
                ("", "```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", "", *pages, "```", "")
            )


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", add_side_bar)
    return {"parallel_read_safe": True}
