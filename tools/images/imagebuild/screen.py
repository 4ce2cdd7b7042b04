"""Progress, one line a step, with the seconds it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show `title` when the step begins (on a terminal) and the seconds when it has ended."""
    start = time.monotonic()
    if sys.stderr.isatty():
        print(f"   …     {title}", end="\r", file=sys.stderr, flush=True)
    yield
    print(f"{time.monotonic() - start:6.1f} s  {title}", file=sys.stderr, flush=True)
