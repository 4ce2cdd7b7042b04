"""A real Prometheus over the processes of a test, on a port and in a folder of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml


class Prometheus:
    """Asks it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now. Raises ValueError if it is none."""
        answer = await self._get("/api/v1/query", query=expression)
        if answer["status"] != "success":
            raise ValueError(f"{expression}: {answer['error']}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    async def rules(self) -> list[dict[str, Any]]:
        """All rules as they were evaluated last."""
        return [rule for group in (await self._get("/api/v1/rules"))["data"]["groups"] for rule in group["rules"]]

    async def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            async with self._session.get("/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        async with self._session.get(path, params=parameters) as answer:
            found: dict[str, Any] = await answer.json()
            return found


@asynccontextmanager
async def prometheus(program: str, folder: Path, targets: Mapping[str, str], rules: Path) -> AsyncIterator[Prometheus]:
    """One that scrapes these addresses, by Pod name, each second. It ends with the block."""
    jobs = [
        {"job_name": pod, "static_configs": [{"targets": [address], "labels": {"pod": pod}}]}
        for pod, address in targets.items()
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    command = [program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/tsdb"]
    with (folder / "prometheus.log").open("wb") as log:
        command += [f"--web.listen-address={address}", "--log.level=warn"]
        process = await asyncio.create_subprocess_exec(*command, stderr=log)
        try:
            async with aiohttp.ClientSession(f"http://{address}") as session:
                asked = Prometheus(session)
                async with asyncio.timeout(60):
                    while not await asked.is_ready():
                        assert process.returncode is None, (folder / "prometheus.log").read_text()
                        await asyncio.sleep(0.1)
                yield asked
        finally:
            process.terminate()
            await process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
