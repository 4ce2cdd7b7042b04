"""Lock requirements with hashes: `dev` for all parts together, each part to the same versions, and the Triton image's.

The files hold no index addresses, so that they install from whichever index the machine is configured for.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path("requirements")
#: Locked from the .in files beside them. They keep their versions while those allow them, for others can change the
#: models' digests. Without a header, since the cache goes by the files' content.
TRITON = (Path("images/triton-cpu/requirements.txt"), Path("images/triton-cpu/requirements-models.txt"))


def lock(extra: str, *more: str) -> None:
    """Write requirements/EXTRA.txt."""
    options = ["--extra", extra, "--custom-compile-command", "make lock", "--no-emit-package", "cocoon-fleet"]
    compile_to(FOLDER / f"{extra}.txt", Path("pyproject.toml"), *options, *more)


def lock_triton(target: Path) -> None:
    """Write what is installed as it is listed, whatever its packages name themselves."""
    compile_to(target, target.with_suffix(".in"), "--no-deps", "--no-header", "--no-annotate")


def compile_to(target: Path, source: Path, *more: str) -> None:
    """Have uv write `target`, which keeps its versions unless `more` says otherwise."""
    options = ["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    options += ["--python-version", "3.11", *more]
    command = [sys.executable, "-m", "uv", "pip", "compile", str(source), *options, "-o", str(target)]
    subprocess.run(command, check=True)


def main(parts: list[str]) -> None:
    """Lock everything."""
    lock("dev", "--upgrade")
    for part in parts:
        lock(part, "--constraints", str(FOLDER / "dev.txt"))
    for target in TRITON:
        lock_triton(target)


if __name__ == "__main__":
    main(sys.argv[1:])
