"""Where things lie: the repository, and the cache (override it with XDG_CACHE_HOME)."""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
IMAGES = REPOSITORY / "images"
BUILT_IMAGES = REPOSITORY / "build" / "images"
BUILT_MODELS = REPOSITORY / "build" / "models"


def cache() -> Path:
    """The folder that holds all that this package keeps between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "cocoon-fleet" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fingerprint(*parts: str | Path) -> str:
    """16 hex digits that change when a text, a file or anything in a folder does."""
    digest = hashlib.sha256()
    for content in _contents(parts):
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:16]


def kept(path: Path, make: Callable[[Path], None]) -> Path:
    """Give `path`, made by `make` (a file or a folder) unless it is there; never leave it half made."""
    if not path.exists():
        with making(path):
            if not path.exists():  # another process may have made it while we waited
                _make(path, make)
    return path


def _make(path: Path, make: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    _remove(unfinished)
    make(unfinished)
    unfinished.rename(path)


@contextmanager
def making(path: Path) -> Iterator[None]:
    """One process at a time makes this; the others wait, and look again. A thread that has it must not ask again."""
    locks = cache() / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / path.name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def drop_others(path: Path) -> None:
    """Remove what earlier versions left beside `path`: the same name, another fingerprint, made over a week ago.

    Younger ones stay, for another checkout of the repository may use them.
    """
    limit = time.time() - 7 * 86400
    for other in path.parent.glob(path.name.rpartition("-")[0] + "-" + "[0-9a-f]" * 16):
        if other != path and other.stat().st_mtime < limit:
            _remove(other)


@contextmanager
def alone() -> Iterator[None]:
    """One builder at a time: the store and the cache have one writer."""
    with (cache().parent / "images.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build is running; waiting for it.", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _contents(parts: Iterable[str | Path]) -> Iterable[bytes]:
    for part in parts:
        if isinstance(part, str):
            yield part.encode()
        elif part.is_dir():
            for path in sorted(part.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield str(path.relative_to(part)).encode()
                    yield path.read_bytes()
        else:
            yield part.read_bytes()
