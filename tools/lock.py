"""Lock requirements with hashes: `dev` for all parts together, then each part to the same versions.

The files hold no index addresses, so that they install from whichever index the machine is configured for.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path("requirements")


def lock(extra: str, *more: str) -> None:
    """Write requirements/EXTRA.txt."""
    target = FOLDER / f"{extra}.txt"
    options = ["--extra", extra, "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    options += ["--python-version", "3.11", "--custom-compile-command", "make lock"]
    options += ["--no-emit-package", "cocoon-fleet"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *options, *more, "-o", str(target)]
    subprocess.run(command, check=True)


def main(parts: list[str]) -> None:
    """Lock everything."""
    lock("dev", "--upgrade")
    for part in parts:
        lock(part, "--constraints", str(FOLDER / "dev.txt"))


if __name__ == "__main__":
    main(sys.argv[1:])
