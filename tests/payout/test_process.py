"""The process itself: it starts, refuses a second one, is backed up while it runs, and ends in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import msgspec
from msgspec import structs

from cocoon.payout.settings import HttpSettings
from tests.payout import kit


async def start(*arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "cocoon.payout", *arguments)
    return await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)


async def test_a_process_from_start_to_end(tmp_path: Path, database: str) -> None:
    made = kit.settings(tmp_path, "", kit.SignedBy(), http=HttpSettings("127.0.0.1", 0))
    (tmp_path / "database").write_text(database + "\n")
    config = tmp_path / "payout.yaml"
    config.write_bytes(msgspec.yaml.encode(structs.replace(made, database_file=str(tmp_path / "database"))))
    first = await start("--config", str(config), "serve")
    assert first.stderr
    port = 0
    while not port:
        line = await first.stderr.readline()
        assert line, "it ended"
        port = int(msgspec.json.decode(line).get("port", 0))
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
        assert answer.status == 200
    second = await start("--config", str(config), "serve")
    _, said = await second.communicate()
    assert (second.returncode, said.count(b"\n")) == (1, 1)
    assert b"Another payout process writes to this database" in said
    backup = await start("--config", str(config), "backup", str(tmp_path / "backup.gz"))
    assert await backup.wait() == 0
    assert first.pid
    os.kill(first.pid, signal.SIGTERM)
    assert await first.wait() == 0


async def test_a_database_that_is_out_of_reach(tmp_path: Path) -> None:
    """It ends with a sentence that says where to look, and never with the URL, which holds the password."""
    made = kit.settings(tmp_path, "", kit.SignedBy(), http=HttpSettings("127.0.0.1", 0))
    (tmp_path / "database").write_text("postgresql://payer:s3cret@127.0.0.1:1/books\n")
    config = tmp_path / "payout.yaml"
    config.write_bytes(msgspec.yaml.encode(structs.replace(made, database_file=str(tmp_path / "database"))))
    process = await start("--config", str(config), "serve")
    _, said = await process.communicate()
    last = said.decode().splitlines()[-1]
    assert process.returncode == 1
    assert last.startswith("The database can't be opened: ")
    assert "Look whether PostgreSQL runs" in last
    assert "payout.database.existingSecret" in last
    assert b"s3cret" not in said
