"""What the host must have: Debian packages, and Python 3.11 with its shared library."""

import shutil
import subprocess
import sys
from pathlib import Path

from imagebuild.errors import BuildError
from imagebuild.paths import REPOSITORY

PYTHON = (3, 11)
"""The Python of the images. Wheels are fetched by the host's, so it must be the same."""


def run(*command: str | Path, environment: dict[str, str] | None = None) -> str:
    """Run a program to its end; give its output. Raises BuildError with what it said last when it fails."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BuildError(f"{command[0]} is not installed.") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-3000:]
        raise BuildError(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{said}")
    return done.stdout


def need(programs: dict[str, str]) -> None:
    """Install the Debian packages ({program: package}) whose programs are not there."""
    packages = sorted({package for program, package in programs.items() if shutil.which(program) is None})
    if packages:
        install(*packages)


def install(*packages: str) -> None:
    """Install the Debian packages that are missing (as root; else say what to install)."""
    run(REPOSITORY / "tools" / "packages.sh", *packages)


def python() -> Path:
    """A Python 3.11, the system's if it has one: its shared library is what Triton's python backend loads."""
    system = Path("/usr/bin/python3.11")
    if system.exists() or shutil.which("apt-get"):
        install("python3", "python3-venv", "libpython3.11")
    if system.exists():
        return system
    if sys.version_info[:2] == PYTHON:
        return Path(sys.executable)
    raise BuildError(
        "Python 3.11 is needed here (Debian 12 has it): wheels are chosen by the Python that fetches them."
    )
