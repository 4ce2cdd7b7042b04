"""The project's pages and what stands in them, read as their readers' programs read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("charts/*/*.md"), *ROOT.glob("images/**/*.md")]
)
#: ```language … ``` at the beginning of a line or within a list.
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?<!`)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`\n]+)`")


class Block(Struct, frozen=True):
    """A fenced block: the page, its line there (from 1), its language and its text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """For messages and test ids."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages, on all pages."""
    return [block for page in PAGES for block in _blocks(page) if block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[1], found[2])


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Where its links lead, as they are written."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "``", prose(page)))


def inline_code(page: Path) -> list[str]:
    """What stands between single backquotes."""
    return _CODE.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, by GitHub's rule."""
    found: set[str] = set()
    for title in re.findall(r"^#{1,6} (.+?)#*$", prose(page), re.MULTILINE):
        slug = _slug(title.strip())
        number = next(n for n in range(100) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


def _slug(title: str) -> str:
    kept = [letter for letter in title.lower() if letter in " -_" or unicodedata.category(letter)[0] in "LN"]
    return "".join(kept).replace(" ", "-")


def rows(page: Path, heading: str = "") -> list[str]:
    """Codes in the first column of its tables: of all, or of those under a heading (its text) and the deeper ones."""
    text = prose(page)
    if heading:
        level = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
        assert level is not None, f"{page.name} has no heading {heading!r}"
        rest = text[level.end() :]
        text = re.split(rf"^#{{1,{len(level[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
