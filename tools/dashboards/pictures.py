"""Draw the dashboards without a Grafana: the same rows, panels and queries, from the figures of a real scrape.

`python -m tools.dashboards.pictures build/dashboards/scrape.json docs/tasks/pictures`
"""

from __future__ import annotations

import io
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from tools.dashboards.board import Board, Panel, boards
from tools.dashboards.grafana import COLUMNS, Cell, placed
from tools.dashboards.scrape import Scrape, Series
from tools.dashboards.units import written

#: Stands in each picture.
CAPTION: Final = "Drawn by tools/dashboards from what a Prometheus scraped off {}. Not a Grafana screenshot."
_UNIT, _WIDTH, _HEAD, _FOOT = 0.3, 13.0, 0.5, 0.35
"""Inches: a row of the grid, the picture's width, the room for its title and for its caption."""
_MARGINS: Final = (0.66, 0.12, 0.26, 0.48)
"""Inches around a graph within its cell: left, right, above (the title) and below (the legend)."""
_COLOURS: Final = ("#3274d9", "#56a64b", "#e0b400", "#e02f44", "#8f3bb8", "#ff780a", "#37872d", "#1f60c4", "#96d98d")
_RED, _GREEN, _GREY = "#e02f44", "#56a64b", "#666666"
_MOST_NAMES: Final = 8
Line = tuple[str, Series]


def main() -> None:
    """Draw all of them from the figures in the first argument's file into the second one's folder."""
    source, folder = map(Path, sys.argv[1:])
    scrape = msgspec.json.decode(source.read_bytes(), type=Scrape)
    folder.mkdir(parents=True, exist_ok=True)
    for name, board in boards().items():
        (folder / f"{name}.png").write_bytes(picture(board, scrape))


def picture(board: Board, scrape: Scrape) -> bytes:
    """One dashboard as a PNG of 64 colours."""
    cells = list(placed(board))
    height = _HEAD + _FOOT + _UNIT * max(cell.y + cell.height for cell in cells)
    with mpl.rc_context({"font.size": 7.0, "axes.edgecolor": "#bbbbbb", "text.color": "#222222"}):
        figure = Figure(figsize=(_WIDTH, height), dpi=90, facecolor="white")
        figure.text(0.01, 1 - _HEAD / 2 / height, board.title, size=13, weight="bold", va="center")
        figure.text(0.01, _FOOT / 2 / height, CAPTION.format(scrape.source), size=7.5, color=_GREY, va="center")
        for cell in cells:
            _fill(figure, cell, scrape)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
    small = io.BytesIO()
    few = Image.open(drawn).convert("RGB").quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()


def _fill(figure: Figure, cell: Cell, scrape: Scrape) -> None:
    height = figure.get_figheight()
    left, top = cell.x * _WIDTH / COLUMNS, height - _HEAD - cell.y * _UNIT
    if cell.panel is None:
        figure.text(0.01, (top - _UNIT / 2) / height, cell.title, size=9, weight="bold", va="center")
        return
    lines = list(_lines(cell.panel, scrape))
    is_stat = cell.panel.type == "stat"
    west, east, north, south = (0.12, 0.12, 0.26, 0.1) if is_stat else _MARGINS
    wide, high = cell.width * _WIDTH / COLUMNS - west - east, cell.height * _UNIT - north - south
    axes = figure.add_axes(((left + west) / _WIDTH, (top - north - high) / height, wide / _WIDTH, high / height))
    axes.set_title(cell.panel.title, size=7.5, weight="bold", loc="left", pad=4)
    if is_stat:
        _stat(axes, cell.panel, lines)
    else:
        _graph(axes, cell.panel, lines, scrape)


def _lines(panel: Panel, scrape: Scrape) -> Iterator[Line]:
    """Each line and its name, as the legend has it."""
    for query in panel.queries:
        for series in scrape.series.get(query.expr, ()):
            if series.points:
                yield _named(query.legend, series.labels), series


def _named(legend: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{([a-z_]+)\}\}", lambda found: labels.get(found[1], ""), legend).strip() or "none"


def _stat(axes: Axes, panel: Panel, lines: Sequence[Line]) -> None:
    """The newest value, and how it came about."""
    axes.set_xticks([])
    axes.set_yticks([])
    value = lines[0][1].numbers[-1] if lines else None
    colour = _RED if panel.trouble and value else _GREEN
    for _, series in lines:
        axes.fill_between([at for at, _ in series.points], series.numbers, color=colour, alpha=0.15, linewidth=0)
    text = "No data" if value is None else written(value, panel.unit)
    axes.text(0.5, 0.5, text, size=17, color=colour, weight="bold", ha="center", va="center", transform=axes.transAxes)


def _graph(axes: Axes, panel: Panel, lines: Sequence[Line], scrape: Scrape) -> None:
    below: dict[float, float] = {}
    drawn = []
    for number, (_, series) in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        times = [(at - scrape.start) / 60 for at, _ in series.points]
        floor = [below.get(at, 0.0) if panel.stacked else 0.0 for at, _ in series.points]
        values = [value + least for value, least in zip(series.numbers, floor, strict=True)]
        drawn += axes.plot(times, values, color=colour, linewidth=0.9)
        if panel.stacked:
            axes.fill_between(times, floor, values, color=colour, alpha=0.25, linewidth=0)
            below |= {at: value for (at, _), value in zip(series.points, values, strict=True)}
    axes.set_xlim(0, (scrape.end - scrape.start) / 60)
    names = [textwrap.shorten(name, 30) for name, _ in lines]
    axes.legend(
        drawn[:_MOST_NAMES], names[:_MOST_NAMES], fontsize=6, frameon=False, ncols=4, loc="upper left",
        bbox_to_anchor=(-0.09, -0.09), borderaxespad=0, handlelength=1.2, columnspacing=1.2, labelspacing=0.2,
    )  # fmt: skip
    _dress(axes, panel)


def _dress(axes: Axes, panel: Panel) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, panel.unit)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} min"))
    axes.grid(color="#eeeeee", linewidth=0.6)
    axes.tick_params(length=0, labelsize=6, colors=_GREY)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    main()
