"""The cluster's processes: started in sessions of their own, known by pid file, never by name.

A pid file holds "PID STARTTIME"; the start time (field 22 of /proc/PID/stat) guards against a reused pid.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue

from devcluster.errors import DevclusterError
from devcluster.paths import State

_POLL = 0.03  # seconds


class Processes:
    """Starts, finds and stops the named processes of one cluster.

    With `die_with_us` the kernel ends them when the starting process ends, however that happens: a killed test run
    leaves nothing.
    """

    def __init__(self, state: State, *, die_with_us: bool = False) -> None:
        self._state = state
        self._leash = _leash() if die_with_us else []

    def start(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        """Start `argv` unless `name` runs already; output goes to log/NAME.log."""
        if self.alive(name):
            return
        born: SimpleQueue[int | OSError] = SimpleQueue()
        life = (self.log(name), [*self._leash, *argv], {**os.environ, **(env or {})}, born)
        threading.Thread(target=_live, args=life, daemon=True).start()
        pid = born.get()
        if isinstance(pid, OSError):
            raise DevclusterError(f"{name} can't be started: {pid}") from pid
        self._pid_file(name).write_text(f"{pid} {start_time(pid) or 'ended'}")

    def alive(self, name: str) -> bool:
        """Whether the process that was started as `name` still runs."""
        return self.pid(name) is not None

    def pid(self, name: str) -> int | None:
        """The pid while the very process that was started runs, else None."""
        try:
            pid, begun = self._pid_file(name).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == begun else None

    def names(self) -> list[str]:
        """Of all processes that were started and not stopped, running or not."""
        return sorted(path.name for path in self._state.pids.glob("*"))

    def stop(self, name: str, grace: float = 10, first: signal.Signals = signal.SIGTERM) -> None:
        """Send `first`, wait up to `grace` seconds, then kill. Returns when the process is gone."""
        for sign, seconds in ((first, grace), (signal.SIGKILL, 10)):
            pid = self.pid(name)
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):  # it may end by itself since it was looked up
                os.kill(pid, sign)
            self._wait_gone(name, seconds)
        self._pid_file(name).unlink(missing_ok=True)

    def until(self, ready: Callable[[], bool], name: str, seconds: float) -> None:
        """Wait until `ready()`; raises DevclusterError with the log's end when `name` ends or time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive(name):
                raise DevclusterError(f"{name} ended before it was ready: {self._last_words(name)}")
            if time.monotonic() > deadline:
                raise DevclusterError(f"{name} was not ready after {seconds:.0f} s: {self._last_words(name)}")
            time.sleep(_POLL)

    def log(self, name: str) -> Path:
        """Where both of its outputs go."""
        return self._state.logs / f"{name}.log"

    def _pid_file(self, name: str) -> Path:
        return self._state.pids / name

    def _wait_gone(self, name: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.alive(name) and time.monotonic() < deadline:
            time.sleep(_POLL)

    def _last_words(self, name: str) -> str:
        lines = self.log(name).read_text(errors="replace").splitlines()[-5:] if self.log(name).exists() else []
        return f"see {self.log(name)}\n" + "\n".join(lines)


def _live(log: Path, argv: list[str | Path], env: dict[str, str], born: "SimpleQueue[int | OSError]") -> None:
    """Start a process and wait for its end, so that it never stays a zombie.

    One thread for each process, because a leash (PR_SET_PDEATHSIG) is bound to the thread that started it.
    """
    try:
        with log.open("ab") as out:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd="/", start_new_session=True
            )
    except OSError as failure:
        born.put(failure)
        return
    born.put(child.pid)
    child.wait()


def start_time(pid: int) -> str | None:
    """Clock ticks between boot and the process's start; None for one that is gone.

    A killed process is a zombie before its last thread has closed its sockets; it counts as gone only after that.
    """
    process = Path("/proc") / str(pid)
    try:
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        is_gone = fields[0] == "Z" and len(list((process / "task").iterdir())) == 1
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if is_gone else fields[19]


def _leash() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
