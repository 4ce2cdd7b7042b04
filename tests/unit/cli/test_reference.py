"""The reference page is what the commands say."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cocoon.cli.__main__ import COMMANDS
from cocoon.cli.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run python -m cocoon.cli.reference > docs/reference/cli.md"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_everything_is_described(command: click.Command) -> None:
    assert command.help
    assert command.short_help
    assert not command.short_help.endswith(".")
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, f"{parameter.name} has no help"
