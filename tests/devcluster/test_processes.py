import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devcluster import paths
from devcluster.errors import DevclusterError
from devcluster.paths import State
from devcluster.processes import Processes, start_time

SLEEP = ["sleep", "1000000"]


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "cluster")
    state.make()
    return state


def test_a_started_process_is_found_by_another_and_stopped(state: State) -> None:
    Processes(state).start("sleeper", SLEEP)
    later = Processes(state)
    assert later.names() == ["sleeper"]
    pid = later.pid("sleeper")
    assert pid is not None
    assert os.getsid(pid) == pid, "a session of its own: the terminal's end is not its end"
    later.start("sleeper", SLEEP)
    assert later.pid("sleeper") == pid, "what runs is left alone"

    Processes(state).stop("sleeper")
    assert not later.alive("sleeper")
    assert later.names() == []


def test_a_process_that_ignores_the_request_is_killed(state: State) -> None:
    processes = Processes(state)
    ready = state.root / "ready"
    processes.start("deaf", ["sh", "-c", f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done"])
    processes.until(ready.exists, "deaf", 10)
    processes.stop("deaf", grace=0.2)
    assert not processes.alive("deaf")


def test_a_process_that_ends_just_before_it_is_stopped_is_stopped(state: State) -> None:
    class Late(Processes):
        """Its answer is old news: the process is gone when the asker hears of it."""

        def pid(self, name: str) -> int | None:
            pid = super().pid(name)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                while Path(f"/proc/{pid}").exists():
                    os.sched_yield()
            return pid

    Processes(state).start("fleeting", SLEEP)
    Late(state).stop("fleeting")
    assert Processes(state).names() == []


@pytest.mark.parametrize("content", ["{pid} 1", "{pid} ", "{pid}", "", "4194304 77"])
def test_a_reused_or_broken_pid_file_is_nobodys(state: State, content: str) -> None:
    (state.pids / "other").write_text(content.format(pid=os.getpid()))
    processes = Processes(state)
    assert not processes.alive("other")
    processes.stop("other")
    assert start_time(os.getpid()), "and this test still runs"


def test_waiting_for_what_has_ended_shows_its_last_words(state: State) -> None:
    processes = Processes(state)
    processes.start("brief", ["sh", "-c", "echo no disk >&2; exit 1"])
    with pytest.raises(DevclusterError, match=r"(?s)brief ended before it was ready: see .*brief\.log\nno disk"):
        processes.until(lambda: False, "brief", 10)


def test_all_end_with_a_killed_test_run(state: State) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from devcluster.paths import State
from devcluster.processes import Processes
processes = Processes(State(Path(sys.argv[1])), die_with_us=True)
processes.start("child", ["sleep", "1000000"])
name = Path(f"/proc/{processes.pid('child')}/comm")
processes.until(lambda: name.read_text() == "sleep\\n", "child", 10)  # the leash is on before this name is
print("running", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    argv: list[str | Path] = [sys.executable, "-c", program, state.root]
    search = {**os.environ, "PYTHONPATH": str(paths.HERE)}
    ran = subprocess.run(argv, env=search, capture_output=True, text=True, check=False)
    processes = Processes(state)
    with pytest.raises(DevclusterError, match="child ended"):
        processes.until(lambda: False, "child", 10)
    assert ran.stdout == "running\n", ran.stderr


def test_a_leash_outlives_the_thread_that_asked(state: State) -> None:
    processes = Processes(state, die_with_us=True)
    asking = threading.Thread(target=processes.start, args=("sleeper", SLEEP))
    asking.start()
    asking.join()
    assert processes.alive("sleeper")
    processes.stop("sleeper")


def test_a_program_that_is_not_there_is_a_clear_error(state: State) -> None:
    with pytest.raises(DevclusterError, match=r"ghost can't be started: .*No such file"):
        Processes(state).start("ghost", ["/nowhere/ghost"])
