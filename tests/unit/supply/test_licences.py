"""Which licences there are, and that no part holds one that does not fit ours."""

from __future__ import annotations

from email import message_from_string

import pytest
from tools.reference import licences as page
from tools.reference.pages import ROOT
from tools.supply.licences import ALLOWED, DECLARED, EXCEPTIONS, UnknownLicence, fits, licence_of, may_ship

LOCKED = page.locked(ROOT)


@pytest.mark.parametrize("one", [one for one in LOCKED if one.parts], ids=lambda one: one.name)
def test_every_part_may_ship_what_it_holds(one: page.Locked) -> None:
    for part in one.parts:
        assert may_ship(one.name, one.licence, part), f"{part} holds {one.name}, which is under {one.licence}"


def test_the_exceptions_are_needed_and_stay_with_the_chain() -> None:
    held = {one.name: set(one.parts) for one in LOCKED if not fits(one.licence)}
    shipped = {name: parts for name, parts in held.items() if parts}
    assert shipped == {"pytonlib": {"payout", "localton"}, "crc32c": {"payout", "localton"}}
    assert {name: set(parts) for name, parts in EXCEPTIONS.items()} == shipped
    notice = " ".join((ROOT / "NOTICE").read_text().split())
    assert all(name in notice for name in EXCEPTIONS)


def test_nothing_is_declared_that_is_not_locked() -> None:
    assert set(DECLARED) <= {one.name for one in LOCKED}


@pytest.mark.parametrize(
    ("expression", "fit"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MPL-2.0 AND (Apache-2.0 OR GPL-2.0-only)", True),
        ("LGPL-2.1-or-later", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_what_fits(expression: str, *, fit: bool) -> None:
    assert fits(expression) is fit
    assert not fits(expression, frozenset().__contains__)


def test_pytonlib_is_for_the_chain_alone() -> None:
    assert may_ship("pytonlib", "GPL-3.0-only", "payout")
    assert not may_ship("pytonlib", "GPL-3.0-only", "runner")
    assert not may_ship("another", "GPL-3.0-only", "payout")


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ("License-Expression: BSD-3-Clause", "BSD-3-Clause"),
        ("License: ISC", "ISC"),
        ("License: see the file\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
    ],
)
def test_metadata_say_it_in_several_ways(headers: str, licence: str) -> None:
    assert licence_of("some", message_from_string(headers)) == licence


@pytest.mark.parametrize("headers", ["", "License: BSD", "License: The MIT License\n  Copyright someone@some.where"])
def test_what_nobody_says_is_not_guessed(headers: str) -> None:
    with pytest.raises(UnknownLicence, match="some: its metadata name no licence"):
        licence_of("some", message_from_string(headers))
    with pytest.raises(UnknownLicence):
        licence_of("some", None)


def test_what_is_allowed_asks_for_nothing_of_others() -> None:
    assert not [name for name in ALLOWED if "GPL" in name]
