"""What is to come out: the samples' jobs, and what a reader of docs/samples/README.md expects of each."""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Expected:
    """One job that is to succeed. `broken` are the places (from 0) of lines that get an error instead of an answer."""

    job: str
    items: int
    broken: tuple[int, ...] = field(default=())
    tokens: bool = False

    @property
    def answered(self) -> int:
        """Items that are answered, and billed."""
        return self.items - len(self.broken)


NAMESPACE: Final = "cocoon-demo"
PROVIDER: Final = "dc1"
SUCCEEDING: Final = (
    Expected("embeddings", items=1200),
    Expected("generation", items=6, tokens=True),
    Expected("openai-batch", items=12),
    Expected("broken-lines", items=7, broken=(1, 2, 4, 5)),
)
#: Asks for less than anybody's price: it waits, and says for what.
WAITING: Final = "too-cheap"
#: Goes to nobody in the clear; it is sent after the others (demo.sealed).
SEALED: Final = "sealed"
JOBS: Final = (*(each.job for each in SUCCEEDING), WAITING)
