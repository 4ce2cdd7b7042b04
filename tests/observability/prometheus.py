"""A real Prometheus, on a port and in a folder of its own, and what it is asked."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

Json = dict[str, Any]
#: What Grafana would put in the place of $__rate_interval, for a scrape each second.
RATE = "10s"


@dataclass(frozen=True)
class Prometheus:
    """One that scrapes; `address` is HOST:PORT."""

    address: str

    def query(self, expression: str) -> list[Json]:
        """The series that an expression has now. Raises ValueError if it is none."""
        return self._result("query", query=of_grafana(expression))

    def over_time(self, expression: str, start: float, end: float, step: float = 1) -> list[Json]:
        """The series that an expression had, a value each `step` seconds. Raises ValueError if it is none."""
        times = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        return self._result("query_range", query=of_grafana(expression), **times)

    def rules(self) -> list[Json]:
        """All rules as they were evaluated last."""
        return [rule for group in self._get("rules")["data"]["groups"] for rule in group["rules"]]

    def targets(self) -> list[Json]:
        """What is scraped, and how the newest scrape went."""
        return list(self._get("targets")["data"]["activeTargets"])

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._ask("/-/ready")[0] == 200
        except OSError:
            return False

    def _result(self, path: str, **parameters: str) -> list[Json]:
        answer = self._get(path, **parameters)
        if answer["status"] != "success":
            raise ValueError(f"{parameters['query']}: {answer['error']}")
        return list(answer["data"]["result"])

    def _get(self, path: str, **parameters: str) -> Json:
        found: Json = json.loads(self._ask(f"/api/v1/{path}?{urlencode(parameters)}")[1])
        return found

    def _ask(self, path: str) -> tuple[int, bytes]:
        asked = http.client.HTTPConnection(self.address, timeout=30)
        try:
            asked.request("GET", path)
            answer = asked.getresponse()
            return answer.status, answer.read()
        finally:
            asked.close()


def of_grafana(expression: str) -> str:
    """With what Grafana would fill in."""
    return expression.replace("$__rate_interval", RATE)


def fixed(targets: Mapping[str, str]) -> list[Json]:
    """Scrape configurations for these addresses, by Pod name."""
    return [
        {"job_name": pod, "static_configs": [{"targets": [address], "labels": {"pod": pod}}]}
        for pod, address in targets.items()
    ]


@contextmanager
def prometheus(program: str, folder: Path, scrapes: list[Json], rules: Path) -> Iterator[Prometheus]:
    """One that scrapes each second, once it answers. It ends with the block."""
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": [str(rules)], "scrape_configs": scrapes}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    asked, said = Prometheus(f"127.0.0.1:{free_port()}"), folder / "prometheus.log"
    command = [program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/tsdb"]
    command += [f"--web.listen-address={asked.address}", "--log.level=warn"]
    with said.open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            deadline = time.monotonic() + 60
            while not asked.is_ready():
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.1)
            yield asked
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
