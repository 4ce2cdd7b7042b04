"""The reference page of the command line (docs/reference/cli.md), made from the commands themselves.

python -m cocoon.cli.reference > docs/reference/cli.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from cocoon.cli.__main__ import GROUP
from cocoon.cli.failure import MEANINGS

_HEAD = """\
# kubectl cocoon

<!-- Made by `python -m cocoon.cli.reference`; change the commands, not this page. -->

The fleet of confidential GPUs at a prompt. It is a kubectl plugin: the program `kubectl-cocoon` anywhere on the `PATH`
is `kubectl cocoon`. `kubectl_complete-cocoon` beside it completes commands, options and names; `kubectl cocoon
completion` prints completion scripts for `kubectl-cocoon` itself.

To install it, with Python 3.11 or newer, in a copy of the repository:

```console
$ python3 -m venv ~/.cocoon
$ ~/.cocoon/bin/pip install '.[cli]'
$ export PATH=~/.cocoon/bin:$PATH
$ kubectl cocoon status
```

It finds the cluster as kubectl does, and may do what its user may do. What it prints on standard output is what was
asked for; everything else goes to standard error. Colours appear on terminals only, and not if `NO_COLOR` is set.
Amounts are TON with exact decimals in tables, and strings of nanoTON (10⁹ of them are 1 TON) in JSON, YAML and CSV.
Its option `--version` says of which release it is.
"""
#: Options that whole groups of commands have, by the title that they are described under.
_SHARED = {
    "Options of the cluster": ("kubeconfig", "context", "namespace"),
    "Options of the payout service": ("payout_url", "payout_token_file", "payout_ca_file", "payout_as"),
}


def page() -> str:
    """The page, in Markdown."""
    commands = [GROUP.commands[name] for name in sorted(GROUP.commands)]
    sections = [line for command in commands for line in _section(command)]
    return "\n".join([_HEAD, *_statuses(), *_shared(commands), *sections]).rstrip() + "\n"


def _statuses() -> Iterator[str]:
    yield from ("## Exit statuses", "", "| status | meaning |", "|---|---|")
    for status, meaning in MEANINGS.items():
        yield f"| {status} | {meaning} |"
    yield ""


def _shared(commands: Sequence[click.Command]) -> Iterator[str]:
    """Options that many commands have, once."""
    for title, names in _SHARED.items():
        command = next(each for each in commands if set(names) <= {parameter.name for parameter in each.params})
        chosen = [parameter for parameter in command.params if parameter.name in names]
        yield from (f"## {title}", "", *_table(command, chosen))


def _section(command: click.Command) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(_context(command)))
    yield from (f"## {command.name}", "", f"`kubectl cocoon {command.name} {usage}`", "")
    yield from (inspect.cleandoc(command.help or ""), "")
    shared = {name for names in _SHARED.values() for name in names}
    own = [each for each in command.params if isinstance(each, click.Option) and each.name not in shared]
    if own:
        yield from _table(command, own)
    also = [title for title, names in _SHARED.items() if set(names) <= {each.name for each in command.params}]
    if also:
        yield f"{' and '.join(_link(title) for title in also)}: see above."
        yield ""


def _table(command: click.Command, options: Iterable[click.Parameter]) -> Iterator[str]:
    yield from ("| option | meaning |", "|---|---|")
    for option in options:
        spelled, meaning = option.get_help_record(_context(command)) or ("", "")
        yield f"| `{_cell(spelled)}` | {_cell(meaning)} |"
    yield ""


def _context(command: click.Command) -> click.Context:
    return click.Context(command, info_name=f"kubectl cocoon {command.name}")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _link(title: str) -> str:
    return f"[{title}](#{title.lower().replace(' ', '-')})"


if __name__ == "__main__":
    sys.stdout.write(page())
