"""Running other programs: quietly for their answer, or in full view where they take long."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.errors import DemoError

REPOSITORY = Path(__file__).resolve().parents[3]
_TOOLS = os.pathsep.join(str(REPOSITORY / "tools" / name) for name in ("devcluster", "images", "demo"))


def ask(*command: str | Path, stdin: str = "", check: bool = True) -> str:
    """What the program printed. Raises DemoError with its last words when it fails and `check`."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise DemoError(f"`{_words(command)}` failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def watch(*command: str | Path) -> None:
    """Run a program whose progress the reader sees. Raises DemoError when it fails."""
    sys.stdout.flush()
    if subprocess.run(command, check=False, env=_environment(), stdout=sys.stderr).returncode != 0:
        raise DemoError(f"`{_words(command)}` failed; what it said stands above.")


def tool(*arguments: str | Path) -> tuple[str | Path, ...]:
    """How one of this repository's own tools is started, such as imagebuild with its arguments."""
    return (sys.executable, "-m", *arguments)


def ask_tool(*arguments: str | Path) -> str:
    """What one of this repository's own tools printed; its progress goes to the screen."""
    command = tool(*arguments)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=_environment())
    if done.returncode != 0:
        raise DemoError(f"`{_words(command)}` failed; what it said stands above.")
    return done.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": _TOOLS}


def _words(command: Sequence[str | Path]) -> str:
    return " ".join(str(word) for word in command)
