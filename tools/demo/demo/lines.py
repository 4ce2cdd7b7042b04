"""Input and output files, line by line: an item is one line, and so is its answer."""

import json
from pathlib import Path
from typing import Any

from demo.programs import REPOSITORY

SENTENCES = REPOSITORY / "docs" / "samples" / "data" / "sentences.txt"


def embedding_items(sentences: Path = SENTENCES) -> str:
    """An embeddings job's input: one KServe v2 request per sentence, numbered from s0001."""
    texts = sentences.read_text().splitlines()
    return "".join(_item(number, text) for number, text in enumerate(texts, start=1))


def _item(number: int, text: str) -> str:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}
    return json.dumps({"id": f"s{number:04}", "inputs": [tensor]}, separators=(",", ":")) + "\n"


def read(text: str) -> list[dict[str, Any]]:
    """The objects of JSON Lines; a line that is no object is one without anything in it."""
    return [_object(line) for line in text.splitlines()]


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def name(line: dict[str, Any]) -> str:
    """What an item or its answer is called, in either protocol."""
    return str(line.get("custom_id") or line.get("id") or "")


def is_error(line: dict[str, Any]) -> bool:
    """Whether an answer says why there is none."""
    return line.get("error") is not None
