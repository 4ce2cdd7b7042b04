"""The samples keep what docs/samples/README.md and the demo promise of them."""

from __future__ import annotations

import pytest
import yaml

from demo import lines, samples, story
from demo.errors import DemoError
from demo.story import Expected

INLINE = [each for each in story.SUCCEEDING if each.job != "embeddings"]


def inline(job: str) -> str:
    return str(samples.load(job)["spec"]["input"]["inline"])


@pytest.mark.parametrize("expected", INLINE, ids=lambda each: each.job)
def test_a_job_has_as_many_items_as_the_demo_expects(expected: Expected) -> None:
    assert len(lines.read(inline(expected.job))) == expected.items


@pytest.mark.parametrize("expected", story.SUCCEEDING, ids=lambda each: each.job)
def test_items_have_names_of_their_own(expected: Expected) -> None:
    text = lines.embedding_items() if expected.job == "embeddings" else inline(expected.job)
    names = [name for line in lines.read(text) if (name := lines.name(line))]
    assert len(set(names)) == len(names)


def test_the_embeddings_are_of_a_thousand_sentences_or_more() -> None:
    expected = next(each for each in story.SUCCEEDING if each.job == "embeddings")
    assert len(lines.read(lines.embedding_items())) == expected.items >= 1000


def test_the_job_that_waits_offers_less_than_the_price() -> None:
    job = samples.load(story.WAITING)["spec"]
    price = next(model["price"] for model in samples.models() if model["name"] == job["model"])
    assert int(job["maximumPrice"]["perMillionItems"]) < int(price["perMillionItems"])


@pytest.mark.parametrize("job", story.JOBS)
def test_every_job_has_a_budget_that_covers_it(job: str) -> None:
    """Where work is paid, a job without one is never bound."""
    found = yaml.safe_load((samples.FOLDER / f"{job}.yaml").read_text())["spec"]
    assert int(found["budget"]) > 0
    if job == "embeddings":
        price = next(model["price"] for model in samples.models() if model["name"] == found["model"])
        assert int(found["budget"]) >= 1200 * int(price["perMillionItems"]) // 1_000_000


def test_a_hole_that_nobody_fills_is_an_error() -> None:
    with pytest.raises(DemoError, match="EMBEDDINGS_INPUT_URI"):
        samples.load("embeddings")
