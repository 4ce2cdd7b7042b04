"""The commands that blocks and inline code show, taken apart as a shell does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tests.unit.docs.pages import Block

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_JOINTS = set("|;&()")


def script(block: Block) -> str:
    """What would be typed: of a console only what follows its prompts, with lines that go on."""
    if block.language != "console" or not re.search(r"^ *\$ ", block.text, re.MULTILINE):
        return block.text
    typed: list[str] = []
    command = ""
    for line in block.text.splitlines():
        prompt = re.match(r" *\$ (.*)", line)
        if not _goes_on(command):
            command = ""
        if command or prompt:
            words = line if command or not prompt else prompt[1]
            command += f"{words}\n"
            typed.append(words)
    return "\n".join(typed)


def _goes_on(command: str) -> bool:
    """Whether a shell would wait for more: for the end of a here-document, after a backslash, or within quotes."""
    here = re.search(r"<<'?(\w+)'?", command)
    if here:
        return not command.endswith(f"\n{here[1]}\n")
    return command.endswith("\\\n") or command.count("'") % 2 == 1


def simple_commands(text: str) -> Iterator[list[str]]:
    """Each command's words, without what is assigned before it; quotes are gone, nothing is expanded."""
    for line in text.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*_words(line), ";"]:
            if set(word) <= _JOINTS:
                yield from [words] if words else []
                words = []
            elif words or not _ASSIGNMENT.fullmatch(word):
                words.append(word)


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&()")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quotation that goes on in the next line: bash -n has judged the block as a whole
        return []


def settings(words: list[str], *options: str) -> Iterator[str]:
    """Values of options that are given as `--option VALUE` or `--option=VALUE`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in options:
            yield value if equals else following
