"""Write the chart's dashboards again: `python -m tools.dashboards`."""

from __future__ import annotations

from pathlib import Path

from tools.dashboards.board import boards
from tools.dashboards.grafana import document

CHART = Path(__file__).resolve().parents[2] / "charts/cocoon-fleet/dashboards"


def main() -> None:
    """Write all files."""
    CHART.mkdir(exist_ok=True)
    for name, board in boards().items():
        (CHART / f"{name}.json").write_text(document(name, board))


main()
