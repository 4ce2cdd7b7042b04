"""Every relative link of every page leads to something, and its anchor is a heading there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.unit.docs.pages import PAGES, ROOT, anchors, inline_code, links

_OUTSIDE: Final = ("https://", "http://", "mailto:")
#: Folders whose files pages may name.
_FOLDERS: Final = ("charts/", "crds/", "docs/", "images/", "operator/", "requirements/", "tests/", "tools/")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [
        link for link in links(page) if not link.startswith(_OUTSIDE) and (why := _broken(page, link)) and why
    ] == []


def _broken(page: Path, link: str) -> str:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return "no such file"
    if anchor and anchor not in anchors(target):
        return "no such heading"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    named = [code.rstrip("/") for code in inline_code(page) if code.startswith(_FOLDERS) and _is_a_path(code)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def _is_a_path(code: str) -> bool:
    return not any(letter in code for letter in " *…$<{")


def test_pages_are_reached_from_the_index() -> None:
    """Nobody looks into folders: what the index and its pages don't link to is not read."""
    reached: set[Path] = set()
    waiting = [ROOT / "docs/index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if ":" not in link]
    missed = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - reached
    assert sorted(str(page.relative_to(ROOT)) for page in missed) == []


def test_broken_links_are_noticed() -> None:
    page = ROOT / "docs/architecture.md"
    assert _broken(page, "nowhere.md")
    assert _broken(page, "concepts/words.md#nowhere")
    assert not _broken(page, "concepts/words.md#words")


def test_pages_that_the_programs_name_exist() -> None:
    """Messages, comments and values that send a reader to a page."""
    folders = [ROOT / "operator/src", ROOT / "charts", ROOT / "crds", ROOT / "tools"]
    files = [
        file for folder in folders for file in folder.rglob("*") if file.suffix in {".py", ".yaml", ".tpl", ".txt"}
    ]
    named = {(file, name) for file in files for name in re.findall(r"\bdocs/[a-z0-9/-]+\.md", file.read_text())}
    assert named
    assert sorted(f"{file.relative_to(ROOT)}: {name}" for file, name in named if not (ROOT / name).exists()) == []
