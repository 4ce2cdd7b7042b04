"""How the benchmarks' clients log in to the API server: by a bearer token, as a Pod's service account does.

With client certificates the API server verifies a chain for every request, which costs it a twelfth of its time.
"""

from __future__ import annotations

import base64
import json
import ssl
from dataclasses import dataclass
from pathlib import Path

import aiohttp

TOKEN = "bench"


@dataclass(frozen=True)
class Access:
    """The API server's address and the file of its authority's certificate."""

    url: str
    ca: str

    def arguments(self) -> list[str]:
        """For our own processes."""
        return [self.url, self.ca]

    def session(self, connections: int) -> aiohttp.ClientSession:
        """An administrator's session of at most that many connections."""
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=self.ca), limit=connections)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        return aiohttp.ClientSession(self.url, connector=connector, headers=headers, read_bufsize=1 << 22)

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig of the same administrator."""
        authority = base64.b64encode(Path(self.ca).read_bytes()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bench", "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": "bench", "user": {"token": TOKEN}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
            "current-context": "bench",
        }
        path = folder / "bench.kubeconfig"
        path.write_text(json.dumps(config))
        return path


def token_file(folder: Path) -> Path:
    """What kube-apiserver's --token-auth-file reads."""
    path = folder / "tokens.csv"
    path.write_text(f"{TOKEN},bench,bench,system:masters\n")
    return path
