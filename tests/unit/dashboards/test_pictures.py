"""The documentation's pictures of dashboards: there, small, and drawn from the panels' own queries."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from tools.dashboards.board import Board, Panel, Query, Row, boards
from tools.dashboards.grafana import placed
from tools.dashboards.pictures import picture
from tools.dashboards.scrape import Scrape, Series, shown
from tools.dashboards.units import written
from tools.reference.pages import ROOT

FOLDER = ROOT / "docs/tasks/pictures"
RED, GREEN = (224, 47, 68), (86, 166, 75)
SMALL = Board(
    "Small",
    "Two panels.",
    (
        Row(
            "Now",
            (
                Panel("Broken", "Should be 0.", (Query("broken", "broken"),), type="stat", trouble=True),
                Panel("By state", "All states.", (Query("states", "{{state}}"),), stacked=True),
            ),
        ),
    ),
)


def colours(drawn: bytes) -> set[tuple[int, ...]]:
    pixels = Image.open(io.BytesIO(drawn)).convert("RGB").getcolors(1 << 24)
    assert pixels is not None
    return {colour for _, colour in pixels if isinstance(colour, tuple)}


def near(colour: tuple[int, ...], drawn: bytes) -> bool:
    return any(max(abs(a - b) for a, b in zip(colour, found, strict=True)) < 30 for found in colours(drawn))


def scrape(broken: float) -> Scrape:
    states = tuple(Series({"state": name}, ((0.0, 1.0), (60.0, 2.0))) for name in ("Free", "Busy"))
    return Scrape(0.0, 60.0, {"broken": (Series({}, ((0.0, 0.0), (60.0, broken))),), "states": states})


@pytest.mark.parametrize("name", boards())
def test_each_dashboard_has_its_picture_and_the_page_shows_it(name: str) -> None:
    content = (FOLDER / f"{name}.png").read_bytes()
    assert len(content) <= 150_000
    assert Image.open(io.BytesIO(content)).width >= 1000
    shown_there = re.findall(r"!\[([^]]*)]\(pictures/([a-z]+)\.png\)", (ROOT / "docs/tasks/monitor.md").read_text())
    assert name in [picture for said, picture in shown_there if "not a Grafana screenshot" in said]


def test_trouble_is_red_and_its_absence_green() -> None:
    assert near(RED, picture(SMALL, scrape(broken=2)))
    assert not near(RED, picture(SMALL, scrape(broken=0)))
    assert near(GREEN, picture(SMALL, scrape(broken=0)))


def test_a_panel_without_figures_says_so_instead_of_failing() -> None:
    assert picture(SMALL, Scrape(0.0, 60.0, {})) != picture(SMALL, scrape(broken=0))


def test_panels_lie_in_pictures_as_in_grafana() -> None:
    assert [(cell.x, cell.y, cell.width, cell.height, cell.title) for cell in placed(SMALL)] == [
        (0, 0, 24, 1, "Now"),
        (0, 1, 24, 4, "Broken"),
        (0, 5, 12, 8, "By state"),
    ]


class Answering:
    def over_time(self, expression: str, start: float, end: float) -> list[dict[str, object]]:
        return [{"metric": {"state": expression}, "values": [[start, "1.5"], [end, "NaN"]]}]


def test_what_is_no_number_is_left_out() -> None:
    assert shown(Answering(), "up", 1.0, 2.0) == (Series({"state": "up"}, ((1.0, 1.5),)),)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0, "short", "0"),
        (1500, "short", "1.5 K"),
        (0.0042, "s", "4.2 ms"),
        (90, "s", "1.5 min"),
        (-7, "s", "-7 s"),
        (3 << 20, "bytes", "3 MiB"),
        (0.125, "percentunit", "12.5 %"),
        (49.55, "suffix:TON", "49.5 TON"),
        (2, "ops", "2 ops/s"),
    ],
)
def test_values_are_written_with_their_unit(value: float, unit: str, said: str) -> None:
    assert written(value, unit) == said
