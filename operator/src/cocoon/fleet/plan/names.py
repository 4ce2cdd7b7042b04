"""Names of servers: from ids alone, so that creating one twice makes one Pod.

`PROVIDER-MODEL-HASH-ORDINAL`: the hash tells apart what was cut off, providers of the same name over time and
templates; the ordinal is one more than the highest in use or used since the operator started, so that a new server
does not take over the name of one that people still see in the attempts of their jobs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

_NOT_IN_LABELS: Final = re.compile(r"[^a-z0-9-]")
_LONGEST: Final = 63
_PART: Final = 22


def prefix(provider_name: str, provider_uid: str, model: str, template: str) -> str:
    """What the names of all servers of a model's template begin with."""
    digest = sha256("\0".join((provider_uid, model, template)).encode()).hexdigest()[:8]
    readable = "-".join(_NOT_IN_LABELS.sub("-", part.lower())[:_PART].strip("-") for part in (provider_name, model))
    return f"{readable}-{digest}"


def server_name(start: str, ordinal: int) -> str:
    """The name of one server, at most 63 characters, valid as a DNS label."""
    name = f"{start}-{ordinal}"
    if len(name) > _LONGEST:
        raise ValueError(f"{name} is longer than {_LONGEST} characters")
    return name


def next_ordinal(start: str, names: Iterable[str]) -> int:
    """One more than the highest ordinal among these names that have this prefix."""
    lead = f"{start}-"
    ordinals = [int(name[len(lead) :]) for name in names if name.startswith(lead) and name[len(lead) :].isdigit()]
    return max(ordinals, default=0) + 1
