"""The answers of finished jobs, and whether each item has exactly one, in its place."""

import hashlib
from pathlib import Path
from typing import Any

from demo import lines
from demo.programs import REPOSITORY
from demo.story import Expected

FOLDER = REPOSITORY / "build" / "demo"
"""Where the answers are left for the reader to look at."""


def keep(job: str, text: str) -> Path:
    """Write a job's answers to where the reader finds them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{job}.jsonl"
    path.write_text(text)
    return path


def digest(text: str) -> str:
    """SHA-256 in hex, as statuses and receipts name inputs and outputs."""
    return hashlib.sha256(text.encode()).hexdigest()


def complaints(asked: str, answered: str, expected: Expected) -> list[str]:
    """What is wrong with the answers to a job's input; empty if nothing is."""
    items, answers = lines.read(asked), lines.read(answered)
    wrong = []
    if len(items) != expected.items:
        wrong.append(f"the input has {len(items)} lines instead of {expected.items}")
    if len(answers) != len(items):
        wrong.append(f"{len(answers)} lines answer {len(items)} items")
    if [lines.name(item) for item in items] != [lines.name(answer) for answer in answers]:
        wrong.append("the ids of items and answers differ, or their order does")
    refused = tuple(place for place, answer in enumerate(answers) if lines.is_error(answer))
    if refused != expected.broken:
        wrong.append(f"lines {refused} have errors instead of {expected.broken}")
    return wrong + _empty(answers)


def _empty(answers: list[dict[str, Any]]) -> list[str]:
    """Answers that are neither numbers, nor text, nor an error."""
    empty = [lines.name(answer) for answer in answers if not (lines.is_error(answer) or _holds_something(answer))]
    return [f"{len(empty)} answers are empty, the first is {empty[0]!r}"] if empty else []


def _holds_something(answer: dict[str, Any]) -> bool:
    if "outputs" in answer:
        return all(output.get("data") for output in answer["outputs"])
    body = (answer.get("response") or {}).get("body", {})
    return bool(body.get("data") or body.get("choices"))
