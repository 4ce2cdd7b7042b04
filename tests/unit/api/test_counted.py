from __future__ import annotations

import pytest

from cocoon.api.counted import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("job",), "0 jobs"),
        (1, ("job",), "1 job"),
        (2, ("attested GPU",), "2 attested GPUs"),
        (1, ("job waits", "jobs wait"), "1 job waits"),
        (12, ("job waits", "jobs wait"), "12 jobs wait"),
    ],
)
def test_a_number_agrees_with_its_noun_and_verb(number: int, words: tuple[str, ...], said: str) -> None:
    assert counted(number, *words) == said
