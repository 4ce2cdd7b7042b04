"""Options that many commands share, each group as one Struct."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import click
from msgspec import Struct

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Function = Callable[..., Any]


class _Seconds(click.FloatRange):
    """A time to wait, which ends."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        """Seconds, from 0 on."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found


SECONDS: Final = _Seconds(min=0)
EXISTING_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class Reach(Struct, frozen=True):
    """Which cluster, as whom and in which namespace; None is what the kubeconfig says."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None


def packed(kind: type[Struct], into: str, *options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """A decorator that adds options and hands them over as one argument `into` of this kind."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def run(**given: Any) -> Any:  # noqa: ANN401 - click decides what a command is given
            values = {name: given.pop(name) for name in kind.__struct_fields__}
            return function(**given, **{into: kind(**values)})

        decorated: Function = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


on_cluster: Final = packed(
    Reach,
    "reach",
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig to use; default: $KUBECONFIG or ~/.kube/config."),
    click.option("--context", metavar="NAME", help="The kubeconfig's context to use; default: its current one."),
    click.option("-n", "--namespace", metavar="NAME", help="The namespace; default: the context's."),
)


def output_format(*formats: str) -> Callable[[Function], Function]:
    """`-o`: what to print instead of a table."""
    told = [
        "wide adds columns to the table." if "wide" in formats else "",
        "json and yaml have all that is known" + (", csv the table" if "csv" in formats else "") + ";",
        "amounts are TON in tables, nanoTON in all else.",
    ]
    return click.option("-o", "--output", type=click.Choice(formats), help=" ".join(filter(None, told)))
