"""A real Prometheus, on a port and in a folder of its own, and what it is asked."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

Json = dict[str, Any]
#: What Grafana would put in the place of $__rate_interval, for a scrape each second.
RATE = "10s"


@dataclass(frozen=True)
class Running:
    """One that scrapes; `address` is HOST:PORT."""

    address: str
    log: Path


class Prometheus:
    """Asks it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def query(self, expression: str) -> list[Json]:
        """The series that an expression has now. Raises ValueError if it is none."""
        return await self._result("query", query=_of_grafana(expression))

    async def over_time(self, expression: str, start: float, end: float, step: int = 1) -> list[Json]:
        """The series that an expression had, a value each `step` seconds. Raises ValueError if it is none."""
        text = {"start": str(start), "end": str(end), "step": str(step)}
        return await self._result("query_range", query=_of_grafana(expression), **text)

    async def rules(self) -> list[Json]:
        """All rules as they were evaluated last."""
        return [rule for group in (await self._get("rules"))["data"]["groups"] for rule in group["rules"]]

    async def targets(self) -> list[Json]:
        """What is scraped, and how the newest scrape went."""
        return list((await self._get("targets"))["data"]["activeTargets"])

    async def _result(self, path: str, **parameters: str) -> list[Json]:
        answer = await self._get(path, **parameters)
        if answer["status"] != "success":
            raise ValueError(f"{parameters['query']}: {answer['error']}")
        return list(answer["data"]["result"])

    async def _get(self, path: str, **parameters: str) -> Json:
        async with self._session.get(f"/api/v1/{path}", params=parameters) as answer:
            found: Json = await answer.json()
            return found


def _of_grafana(expression: str) -> str:
    return expression.replace("$__rate_interval", RATE)


def fixed(targets: Mapping[str, str]) -> list[Json]:
    """Scrape configurations for these addresses, by Pod name."""
    return [
        {"job_name": pod, "static_configs": [{"targets": [address], "labels": {"pod": pod}}]}
        for pod, address in targets.items()
    ]


@contextmanager
def prometheus(program: str, folder: Path, scrapes: list[Json], rules: Path) -> Iterator[Running]:
    """One that scrapes each second, once it answers. It ends with the block."""
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": [str(rules)], "scrape_configs": scrapes}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    running = Running(f"127.0.0.1:{free_port()}", folder / "prometheus.log")
    command = [program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/tsdb"]
    command += [f"--web.listen-address={running.address}", "--log.level=warn"]
    with running.log.open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            _await_answer(process, running)
            yield running
        finally:
            process.terminate()


def _await_answer(process: subprocess.Popen[bytes], running: Running) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if _is_ready(running.address):
            return
        time.sleep(0.1)
    raise AssertionError(f"Prometheus does not answer: {running.log.read_text()}")


def _is_ready(address: str) -> bool:
    asked = http.client.HTTPConnection(address, timeout=5)
    try:
        asked.request("GET", "/-/ready")
        return asked.getresponse().status == 200
    except OSError:
        return False
    finally:
        asked.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
