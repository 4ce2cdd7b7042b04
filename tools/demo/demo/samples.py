"""docs/samples as objects: read, filled in, and never applied with a hole."""

import string
from collections.abc import Mapping
from pathlib import Path

import yaml

from demo.errors import DemoError
from demo.kubectl import Json
from demo.programs import REPOSITORY

FOLDER = REPOSITORY / "docs" / "samples"


def load(name: str, values: Mapping[str, str] | None = None, folder: Path = FOLDER) -> Json:
    """The object of NAME.yaml with each `${VALUE}` filled in. Raises DemoError for one that isn't given."""
    text = (folder / f"{name}.yaml").read_text()
    try:
        filled = string.Template(text).substitute(values or {})
    except KeyError as error:
        raise DemoError(
            f"docs/samples/{name}.yaml has {error.args[0]} to fill in, and the demo doesn't know it."
        ) from None
    found = yaml.safe_load(filled)
    if not isinstance(found, dict):
        raise DemoError(f"docs/samples/{name}.yaml holds no object.")
    return found


def models() -> list[Json]:
    """The models on offer, as the provider's sample has them; what is to fill in stays as it is."""
    found = yaml.safe_load((FOLDER / "provider.yaml").read_text())
    return list(found["spec"]["models"])
