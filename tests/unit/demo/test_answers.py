"""Answers are counted line by line."""

from __future__ import annotations

from demo import answers
from demo.story import Expected

ITEMS = '{"id":"a"}\nno JSON\n{"custom_id":"c"}\n'
GOOD = (
    '{"id":"a","outputs":[{"data":[1]}]}\n'
    '{"id":null,"error":{"code":"X"}}\n'
    '{"id":"batch_req_3","custom_id":"c","response":{"body":{"data":[1]}},"error":null}\n'
)
EXPECTED = Expected("job", items=3, broken=(1,))


def test_one_answer_for_each_item_in_its_place_is_right() -> None:
    assert answers.complaints(ITEMS, GOOD, EXPECTED) == []


def test_a_missing_answer_is_noticed() -> None:
    first, _, last = GOOD.splitlines(keepends=True)
    assert "2 lines answer 3 items" in answers.complaints(ITEMS, first + last, EXPECTED)


def test_swapped_answers_are_noticed() -> None:
    first, second, last = GOOD.splitlines(keepends=True)
    assert any("order" in each for each in answers.complaints(ITEMS, last + second + first, EXPECTED))


def test_an_error_where_an_answer_should_be_is_noticed() -> None:
    wrong = GOOD.replace('"outputs":[{"data":[1]}]', '"error":{"code":"X"}')
    assert answers.complaints(ITEMS, wrong, EXPECTED) == ["lines (0, 1) have errors instead of (1,)"]


def test_an_empty_answer_is_noticed() -> None:
    wrong = GOOD.replace('{"data":[1]}]', '{"data":[]}]')
    assert answers.complaints(ITEMS, wrong, EXPECTED) == ["1 answers are empty, the first is 'a'"]
