"""Every shell block parses, and what it calls exists: make targets, subcommands and options, values, files."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from cocoon.cli.__main__ import COMMANDS
from cocoon.payout import __main__ as payout
from imagebuild import __main__ as imagebuild
from tests.unit.docs.commands import script, settings, simple_commands
from tests.unit.docs.fields import knows, values
from tests.unit.docs.pages import PAGES, ROOT, Block, blocks, inline_code

SHELLS: Final = blocks("sh", "shell", "bash", "console")
TARGETS: Final = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_FOLDERS: Final = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and path.name != "build")
_SET: Final = ("--set", "--set-file", "--set-string", "--set-json")


@pytest.mark.parametrize("block", SHELLS, ids=lambda block: str(block.place))
def test_a_block_parses(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=script(block), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert script(block).strip(), "a console block shows what is typed behind `$ `"


@pytest.mark.parametrize("block", SHELLS, ids=lambda block: str(block.place))
def test_what_a_block_calls_exists(block: Block) -> None:
    assert [flaw for words in simple_commands(script(block)) for flaw in flaws(words)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_sentence_calls_exists(page: Path) -> None:
    typed = [code for code in inline_code(page) if code.startswith(("make ", "kubectl cocoon ", "helm "))]
    whole = [code for code in typed if "|" not in code and "…" not in code]
    assert [flaw for code in whole for words in simple_commands(code) for flaw in flaws(words)] == []


def flaws(words: list[str]) -> Iterator[str]:
    """What is wrong with a command, as far as it is ours to know."""
    match words:
        case ["make", *rest]:
            yield from (f"make {word}" for word in rest if "=" not in word and word not in TARGETS | {"TARGET"})
        case ["kubectl", *rest] if "cocoon" in rest[:3] and not _follows_an_option(rest):
            yield from _of_the_plugin(rest)
        case ["helm", *_]:
            keys = [text.partition("=")[0] for text in settings(words, *_SET)]
            yield from (f"value {key}" for key in keys if not knows(values(), key))
    yield from _of_programs(words)
    yield from (word for word in words if word.startswith(_FOLDERS) and not _exists(word))


def _follows_an_option(rest: list[str]) -> bool:
    """`kubectl -n cocoon get`: a namespace, not the plugin."""
    before = rest[rest.index("cocoon") - 1] if rest.index("cocoon") else ""
    return before in {"-n", "--namespace", "get", "create"}


def _of_the_plugin(rest: list[str]) -> Iterator[str]:
    at = rest.index("cocoon")
    if at:
        yield "kubectl takes no options before a plugin's name"
    command = next((each for each in COMMANDS if each.name == (rest[at + 1] if at + 1 < len(rest) else "")), None)
    if command is None:
        yield f"kubectl cocoon {' '.join(rest[at + 1 : at + 2])}"
        return
    options = {name for each in command.params if isinstance(each, click.Option) for name in each.opts}
    given = [word.partition("=")[0] for word in rest[at + 2 :] if re.match(r"--?[a-z]", word)]
    yield from (f"{command.name} {option}" for option in given if option not in options | {"--help"})


def _of_programs(words: list[str]) -> Iterator[str]:
    """Programs of ours that are called by their modules, or in their images."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "-m" and not _is_a_module(following):
            yield f"python -m {following}"
        if word == "imagebuild" and not _parses(imagebuild, words[words.index(word) + 1 :]):
            yield f"imagebuild {following}"
        if word == "/opt/cocoon/bin/component" and not _parses(payout, words[words.index(word) + 1 :]):
            yield f"component {following}"


def _parses(program: object, arguments: list[str]) -> bool:
    try:
        program._parser().parse_args(arguments)  # type: ignore[attr-defined]  # argparse has no other way to ask
    except SystemExit:
        return False
    return True


def _is_a_module(name: str) -> bool:
    return name == "pip" or importlib.util.find_spec(name) is not None


def _exists(word: str) -> bool:
    return any(letter in word for letter in "…*$") or (ROOT / word.rstrip("/")).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "make nothing",
        "kubectl cocoon nothing",
        "kubectl cocoon drain dc1 --soon",
        "kubectl -n demo cocoon status",
        "helm upgrade x charts/cocoon-fleet --set payout.nothing=1",
        "helm install x charts/nothing",
        "python3 -m imagebuild nothing",
        "/opt/cocoon/bin/component --config=x nothing",
    ],
)
def test_a_wrong_command_is_noticed(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert [flaw for words in simple_commands(wrong) for flaw in flaws(words)]
    capsys.readouterr()


def test_a_console_s_answers_are_not_typed() -> None:
    text = "$ cat > x <<'END'\nit's in it\nEND\nanswer\n$ make demo \\\n    X=1\nanother\n"
    block = Block(PAGES[0], 1, "console", text)
    assert script(block) == "cat > x <<'END'\nit's in it\nEND\nmake demo \\\n    X=1"


def test_calls_over_http_exist() -> None:
    """First parts of paths: `/v1/pause` is one of the payout service's, `/v1/challenge` one of a keyring's."""
    sources = "\n".join(file.read_text() for file in sorted((ROOT / "operator/src/cocoon").rglob("*.py")))
    known = set(re.findall(r'"/v1/([a-z-]+)', sources)) | set(re.findall(r'ROUTES\.\w+\(\s*"/([a-z.-]+)', sources))
    assert {"pause", "drift", "challenge"} <= known
    called = re.compile(r"(?<!openid)/v1/([a-z][a-z.-]*[a-z])")
    named = {(page, part) for page in PAGES for part in called.findall(page.read_text())}
    assert sorted(f"{page.name}: /v1/{part}" for page, part in named if part not in known) == []
