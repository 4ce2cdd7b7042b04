"""Where things lie: binaries shared by all clusters in the cache, and one folder for each cluster's state.

~/.cache/cocoon-fleet/bin/SET-KEY/BINARY       kept by `down --wipe`
~/.local/state/cocoon-fleet/NAME/...           all that one cluster writes
"""

import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
MODULES = HERE / "modules"
IMAGES = HERE / "images"
MANIFESTS = HERE / "manifests"


def cache_root() -> Path:
    """What is kept between clusters."""
    return _xdg("XDG_CACHE_HOME", ".cache") / "cocoon-fleet"


def state_root() -> Path:
    """The folder of all clusters' folders."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "cocoon-fleet"


def _xdg(variable: str, fallback: str) -> Path:
    stated = os.environ.get(variable, "")
    return Path(stated) if stated.startswith("/") else Path.home() / fallback


@dataclass(frozen=True)
class State:
    """One cluster's folder. Nothing outside `root` holds its state."""

    root: Path

    def make(self) -> None:
        """Create the folders, readable by their owner only."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.pki, self.kubeconfigs, self.logs, self.pids, self.conf):
            folder.mkdir(exist_ok=True, mode=0o700)

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """One file for each user."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.root / "log"

    @property
    def pids(self) -> Path:
        """One file for each process."""
        return self.root / "pid"

    @property
    def conf(self) -> Path:
        """The processes' configuration."""
        return self.root / "conf"

    @property
    def admin_kubeconfig(self) -> Path:
        """Of a cluster administrator."""
        return self.kubeconfigs / "admin.kubeconfig"


def put(path: Path, text: str) -> None:
    """Write only what differs: kube-proxy ends itself when its file is rewritten, even with the same text."""
    if path.exists() and path.read_text() == text:
        return
    draft = path.with_name(path.name + ".new")
    draft.write_text(text)
    draft.replace(path)
