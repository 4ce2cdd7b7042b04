"""`python -m cocoon.fleet`: the operator.

It runs on uvloop: asyncio keeps 256 KiB of buffer for each TLS connection, and a server takes several.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from typing import Final

import uvloop

from cocoon.fleet.logs import set_up
from cocoon.fleet.ports.failures import Refused
from cocoon.fleet.run import run
from cocoon.fleet.settings import read_settings

#: The mirror is large, lives for ever and holds no cycles; by default a twelfth of all time went into looking for some.
GARBAGE: Final = (20_000, 20, 50)


def main() -> int:
    """Run until a signal comes; the exit status."""
    gc.set_threshold(*GARBAGE)
    settings = read_settings(sys.argv[1:], os.environ)
    set_up(settings.log_format, settings.log_level)
    try:
        uvloop.run(run(settings))
    except Refused as refused:
        logging.getLogger(__name__).error("%s", refused)  # noqa: TRY400 - the sentence is all there is to say
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
