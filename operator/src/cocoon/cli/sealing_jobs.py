"""Sealing what `submit` is about to create: a sealed job needs its name and namespace before it exists."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from cocoon.api.resources import Manifest
from cocoon.cli import screen
from cocoon.cli.failure import USAGE, Failure
from cocoon.cli.keyring_evidence import Recipient
from cocoon.cli.keyring_lookup import Provider, providers_of
from cocoon.cli.options import Reach
from cocoon.cli.sealed_job import Wish, check, seal
from cocoon.cli.sealing_options import Sealing, recipient

#: What the API server makes of generateName: no vowels, so no words.
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH: Final = 5


async def sealed(jobs: Sequence[Manifest], namespace: str, sealing: Sealing, reach: Reach) -> list[Manifest]:
    """The jobs, named and sealed; nothing is written anywhere if one of them can't be. Raises Failure."""
    named = [_named(job, namespace) for job in jobs]
    for job in named:
        _check(job)
    terms = sealing.own_terms
    known: dict[tuple[Provider, ...], Recipient] = {}
    done = []
    for job in named:
        providers = tuple(providers_of(job))
        found = known.get(providers) or await recipient(terms, sealing, providers, reach)
        known[providers] = found
        done.append(seal(job, Wish(terms, found, sealing.answers_to)))
        screen.note(f"Sealed {_called(job)} to {found.described}.")
    return done


def _named(job: Manifest, namespace: str) -> Manifest:
    """As the API server would name it."""
    meta = {name: value for name, value in job["metadata"].items() if name != "generateName"}
    stem = str(job["metadata"].get("generateName") or "")
    if stem and not meta.get("name"):
        meta["name"] = stem + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return job | {"metadata": meta | {"namespace": meta.get("namespace") or namespace}}


def _check(job: Manifest) -> None:
    check(job, _called(job))
    if "inline" not in (job["spec"].get("input") or {}):
        raise Failure(
            f"{_called(job)} has its input at an address, where it lies in the clear: seal it to a file with `kubectl "
            "cocoon seal --input FILE --to FILE.age --uri URL`, upload that, and apply what it prints.",
            USAGE,
        )


def _called(job: Manifest) -> str:
    return f"{job['metadata'].get('namespace')}/{job['metadata'].get('name')}"
