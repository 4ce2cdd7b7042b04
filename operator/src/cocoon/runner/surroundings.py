"""What all attempts of one runner share."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from cocoon.runner.contact import Contact
from cocoon.runner.events import Events
from cocoon.runner.keyrings import Keyrings
from cocoon.runner.metrics import Metrics
from cocoon.runner.models import Models
from cocoon.runner.settings import Settings
from cocoon.runner.signing import Signer
from cocoon.runner.triton import Triton
from cocoon.runner.web import Web


class Surroundings(Struct, frozen=True, kw_only=True):
    """The parts, each with a life of its own. `now` gives seconds since 1970."""

    settings: Settings
    triton: Triton
    models: Models
    web: Web
    events: Events
    signer: Signer
    keyrings: Keyrings
    contact: Contact
    metrics: Metrics
    now: Callable[[], float]
