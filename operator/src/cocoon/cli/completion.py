"""`kubectl cocoon completion SHELL`, and `kubectl_complete-cocoon`, which kubectl itself asks for completions.

kubectl runs the program `kubectl_complete-PLUGIN` with the words typed so far, and reads one completion a line, then a
line `:DIRECTIVE` (kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins, "Using completions"; the directives are
those of github.com/spf13/cobra, ShellCompDirective: 0 the default, 4 no file names).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

from cocoon.cli import screen

VARIABLE: Final = "_KUBECTL_COCOON_COMPLETE"
_FILES, _NO_FILES = 0, 4


@click.command("completion", short_help="print the completion script of a shell")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell, for the command `kubectl-cocoon`.

    Load it with `source <(kubectl cocoon completion bash)`, or put it where your shell looks for such scripts.
    `kubectl cocoon` itself is completed by kubectl 1.26 and newer, which finds kubectl_complete-cocoon on the PATH.
    """
    kind = get_completion_class(shell)
    if kind is not None:
        screen.say(kind(context.find_root().command, {}, "kubectl-cocoon", VARIABLE).source())


def answers(group: click.Command, words: Sequence[str]) -> list[str]:
    """What kubectl is told for these words, of which the last one is being typed."""
    *before, incomplete = words or [""]
    found = ShellComplete(group, {}, "kubectl cocoon", VARIABLE).get_completions(list(before), incomplete)
    lines = [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in found if item.type == "plain"]
    files = any(item.type in ("file", "dir") for item in found)
    return [*lines, f":{_FILES if files else _NO_FILES}"]


def main() -> None:
    """The program that kubectl runs."""
    from cocoon.cli.__main__ import GROUP  # noqa: PLC0415 - the group names this module's command

    for line in answers(GROUP, sys.argv[1:]):
        screen.say(line)
