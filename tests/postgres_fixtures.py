"""A real PostgreSQL for tests: one server for the whole run, on a loopback port; a database for each test.

It runs as an unprivileged user (PostgreSQL refuses root), with fsync on: durability is part of what is tested.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS = 60.0
USER = "cocoon"
PASSWORD = "not-to-be-logged-7f3a"


def _binary(name: str) -> Path:
    """From Debian's packages, or wherever the machine has it. Fails the test if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = found[-1] if found else Path(shutil.which(name) or "")
    assert path.is_file(), "PostgreSQL is not installed: apt-get install postgresql"
    return path


def _user() -> str | None:
    """Whom it runs as: not root."""
    return "nobody" if os.geteuid() == 0 else None


@dataclass
class Postgres:
    """A running server; tests may kill it and start it again."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Return when it takes connections."""
        log = (self.folder / "log").open("ab")
        command: list[str | Path] = [
            _binary("postgres"),
            "-D",
            self.folder / "data",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-k",
            "",
        ]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, user=_user())
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while subprocess.call(
            [_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL
        ):
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "PostgreSQL does not start"
            time.sleep(0.02)  # another process's start: there is nothing to wait on but its port

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT ends all sessions and shuts down; SIGQUIT is as a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(START_SECONDS)
            self.process = None

    def url(self, database: str) -> str:
        """Of a database on it, with the password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """A new database; its URL."""
        name = f"payout_{uuid.uuid4().hex[:12]}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, database: str, statement: str) -> str:
        """Run a statement as the administrator; what psql prints."""
        command: list[str | Path] = [
            _binary("psql"),
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database),
            "-c",
            statement,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def new_postgres(folder: Path) -> Postgres:
    """A server over a new cluster in this folder, not started yet."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    command: list[str | Path] = [
        _binary("initdb"),
        "-D",
        folder / "data",
        "-U",
        USER,
        "-A",
        "scram-sha-256",
        f"--pwfile={password}",
    ]
    command += ["--no-sync", "-E", "UTF8", "--locale=C"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, user=_user())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return Postgres(folder, port)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests: make databases on it, don't stop it."""
    with tempfile.TemporaryDirectory(prefix="cocoon-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = new_postgres(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test may take away."""
    with tempfile.TemporaryDirectory(prefix="cocoon-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = new_postgres(Path(folder))
        server.start()
        yield server
        server.stop(signal.SIGQUIT)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'books.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes new databases, of each kind."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / uuid.uuid4().hex}.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create
