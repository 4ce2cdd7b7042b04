"""Building the Go programs into the cache: once for each key, by one builder at a time, all or nothing."""

import fcntl
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from devcluster import paths, toolchain
from devcluster.binaries import ENVIRONMENT, SETS, BinarySet
from devcluster.errors import DevclusterError
from devcluster.screen import Screen
from devcluster.toolchain import Go

FREE_BYTES_FOR_FIRST_BUILD = 12 * 10**9
_EVERY = 5.0  # seconds between two lines of progress


def ensure(names: Iterable[str], screen: Screen) -> dict[str, Path]:
    """Build what is missing of the sets `names`; returns each binary's path by its name."""
    go = toolchain.find(screen)
    found: dict[str, Path] = {}
    for name in names:
        if name not in SETS:
            raise DevclusterError(f"There is no set {name!r} to build: choose from {', '.join(SETS)}.")
        folder = _ensure_set(SETS[name], go, screen)
        found.update({binary: folder / binary for binary in SETS[name].names})
    return found


def _ensure_set(which: BinarySet, go: Go, screen: Screen) -> Path:
    folder = _bin() / f"{which.name}-{which.key(go.version)}"
    if folder.exists():
        return folder
    _bin().mkdir(parents=True, exist_ok=True)
    with (_bin() / f".{which.name}.lock").open("w") as lock:
        _take(lock.fileno(), which, screen)
        if not folder.exists():  # another builder may have just made it
            _require_disk()
            _build(which, go, folder, screen)
            _forget_others(which, folder)
    return folder


def _build(which: BinarySet, go: Go, folder: Path, screen: Screen) -> None:
    draft = folder.with_name(f"{folder.name}.draft{os.getpid()}")
    draft.mkdir()
    try:
        begun = time.monotonic()
        target = draft / which.output if which.output else f"{draft}/"
        argv = ["build", "-v", "-ldflags", which.ldflags(), "-o", str(target), *which.packages]
        _Progress(which, go, screen).run(argv)
        draft.rename(folder)
        screen.say(f"built {', '.join(which.names)} in {time.monotonic() - begun:.0f} s")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


class _Progress:
    """Runs one `go build -v`, counting the packages that it names on standard error."""

    def __init__(self, which: BinarySet, go: Go, screen: Screen) -> None:
        self._which, self._go, self._screen = which, go, screen
        self._compiled = 0
        self._downloaded = 0
        self._last = ""
        self._complaints: list[str] = []

    def run(self, argv: list[str]) -> None:
        self._screen.say(f"building {', '.join(self._which.names)} with {self._go.version} (kept in {_bin()})")
        begun = time.monotonic()
        command = [str(self._go.program), "-C", str(self._which.folder), *argv]
        with subprocess.Popen(command, env=_environment(), stderr=subprocess.PIPE, text=True) as child:
            reader = threading.Thread(target=self._read, args=(child,))
            reader.start()
            while _still_runs(child):
                seconds = time.monotonic() - begun
                self._screen.say(f"  {self._which.name}: {self._count()}, {seconds:.0f} s")
            reader.join()
        if child.returncode != 0:
            raise DevclusterError(f"Building {self._which.name} failed:\n" + "\n".join(self._complaints[-15:]))

    def _read(self, child: subprocess.Popen[str]) -> None:
        for line in child.stderr or ():
            words = line.split()
            if line.startswith("go: downloading"):
                self._downloaded += 1
            elif len(words) == 1:
                self._compiled += 1
            else:
                self._complaints.append(line.rstrip())

    def _count(self) -> str:
        """What Go said so far; it is silent while it links, at the end."""
        counts = f"{self._downloaded} modules downloaded, {self._compiled} packages compiled"
        is_silent, self._last = counts == self._last, counts
        return f"{counts}, linking" if is_silent else counts


def _still_runs(child: subprocess.Popen[str]) -> bool:
    try:
        child.wait(_EVERY)
    except subprocess.TimeoutExpired:
        return True
    return False


def module_folder(name: str, module: str, screen: Screen) -> Path:
    """Where Go keeps the unpacked source of `module`, a requirement of the set `name`."""
    argv = ["-C", str(SETS[name].folder), "list", "-m", "-f", "{{.Dir}}", module]
    go = toolchain.find(screen)
    done = subprocess.run([go.program, *argv], env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise DevclusterError(f"Go does not find the source of {module}: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def _environment() -> dict[str, str]:
    return {**os.environ, **ENVIRONMENT}


def _bin() -> Path:
    return paths.cache_root() / "bin"


def _take(lock: int, which: BinarySet, screen: Screen) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        screen.say(f"waiting: another process is building {which.name}")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _require_disk() -> None:
    free = shutil.disk_usage(_bin()).free
    if free < FREE_BYTES_FOR_FIRST_BUILD and not any(_bin().glob("apiserver-*")):
        raise DevclusterError(
            f"The first build needs {FREE_BYTES_FOR_FIRST_BUILD // 10**9} GB free below {_bin()}, "
            f"which has {free / 10**9:.1f} GB: free some, or point XDG_CACHE_HOME (and GOCACHE, GOMODCACHE) elsewhere."
        )


def _forget_others(which: BinarySet, keep: Path) -> None:
    for folder in _bin().glob(f"{which.name}-{'?' * 16}"):
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
