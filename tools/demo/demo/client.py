"""The client of a sealed job: its own machine, where the key and the plain text stay, and `kubectl cocoon` on it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo import samples
from demo.answers import FOLDER
from demo.errors import DemoError
from demo.kubectl import Kubectl

#: The client's own: whom it trusts with an input.
TERMS = samples.FOLDER / "sealing-terms.yaml"


@dataclass(frozen=True)
class Said:
    """What a command came to: its exit status, and what it wrote."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Client:
    """A folder for what is the client's alone, and the command line."""

    kubectl: Kubectl
    folder: Path

    @classmethod
    def begin(cls, kubectl: Kubectl) -> "Client":
        """In an empty folder, which stays for the reader to look at."""
        folder = FOLDER / "client"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        return cls(kubectl, folder)

    @property
    def key(self) -> Path:
        """The client's own key, as `age-keygen` would make it; `seal` makes it the first time."""
        return self.folder / "key.txt"

    def run(self, *words: str | Path) -> Said:
        """`kubectl cocoon WORDS`; where it needs kubectl itself, it takes the demo's."""
        command = [sys.executable, "-m", "cocoon.cli", *words]
        environment = {**os.environ, "KUBECTL": str(self.kubectl.program)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, env=environment)
        return Said(done.returncode, done.stdout, done.stderr)

    def ask(self, *words: str | Path) -> str:
        """What it printed. Raises DemoError when it fails."""
        said = self.run(*words)
        if said.status:
            raise DemoError(f"`kubectl cocoon {words[0]}` failed: {(said.err or said.out).strip()[-1500:]}")
        return said.out

    def there(self) -> tuple[str, ...]:
        """The options that lead to the jobs' namespace of the demo's cluster."""
        return (f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.kubectl.namespace}")
