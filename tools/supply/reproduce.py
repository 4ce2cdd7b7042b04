"""Build images a second time, in a cache of their own, and compare: `python -m tools.supply.reproduce [NAME…]`.

The second build takes nothing from the first but what was fetched from package registries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from imagebuild import catalogue, paths

#: What is fetched, not built.
_FETCHED = ("rootfs-*", "wheels", "fetcher", "triton-*", "models-*")


def main(names: list[str]) -> int:
    """0 if all are the same, else 1."""
    with tempfile.TemporaryDirectory(prefix="cocoon-images-") as folder:
        return max(_compare(name, Path(folder)) for name in names or catalogue.shipped())


def _compare(name: str, second: Path) -> int:
    digests = {_built(name, paths.cache().parents[1]), _built(name, second)}
    print(f"{name}: {'the same' if len(digests) == 1 else 'DIFFERENT'}: {', '.join(sorted(digests))}")
    return len(digests) - 1


def _built(name: str, home: Path) -> str:
    """The id of the image, which the digests of its layers and its configuration decide, built in this cache."""
    _bring_fetched(home)
    environment = {**os.environ, "XDG_CACHE_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1] / "images")}
    for words in (("build", "--fresh", name), ("id", name)):
        command = [sys.executable, "-m", "imagebuild", *words]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _bring_fetched(home: Path) -> None:
    source, target = paths.cache(), home / paths.cache().relative_to(paths.cache().parents[1])
    target.mkdir(parents=True, exist_ok=True)
    for path in (path for pattern in _FETCHED for path in source.glob(pattern)):
        new = target / path.name
        if not new.exists() and not path.name.endswith(".unfinished"):
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, new)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
