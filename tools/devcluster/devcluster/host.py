"""What the profile `full` needs of the machine: rights, packages, kernel settings, and the node's network interface.

All that is changed here is undone by `release`; the settings' old values are kept in the cluster's state.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster.control_plane import SERVICES
from devcluster.errors import DevclusterError
from devcluster.paths import State, put
from devcluster.screen import Screen

PACKAGES = {  # a program or file of the package -> the package's name in Debian
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "nft": "nftables",
    "ip": "iproute2",
    "busybox": "busybox-static",
    "openssl": "openssl",
}
INTERFACE = "devcluster0"
NODE_ADDRESS = "10.243.0.1"
PODS = "10.244.0.0/24"
NAT_TABLE = "devcluster-nat"
_FOREIGN_CHAIN = ("ip", "filter", "FORWARD")
_MARK = "devcluster"
_SETTINGS = (  # kubelet writes all but the first, kube-proxy the last two
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
)


def require_linux() -> None:
    """Raises DevclusterError elsewhere."""
    if sys.platform != "linux":
        raise DevclusterError(f"devcluster runs on Linux only, and this is {sys.platform}: use a Linux machine or VM.")


def require_root() -> None:
    """Raises DevclusterError for another user."""
    if os.geteuid() != 0:
        raise DevclusterError(
            "The profile full runs containers: run it as root, or use --profile api, which needs none."
        )


def install_packages(screen: Screen) -> None:
    """Install from Debian what is missing."""
    missing = sorted(package for proof, package in PACKAGES.items() if shutil.which(proof) is None)
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise DevclusterError(f"These are missing, and there is no apt-get to install them: {', '.join(missing)}.")
    screen.say(f"installing {', '.join(missing)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=quiet)


def claim(state: State) -> None:
    """Make the node's interface, let packets be forwarded, and give Pods the host's address towards the world."""
    _remember_settings(state)
    if not run("ip", "link", "show", INTERFACE, check=False):
        run("ip", "link", "add", INTERFACE, "type", "bridge")  # a bridge without ports: not every kernel has "dummy"
        run("ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", INTERFACE)
        run("ip", "link", "set", INTERFACE, "up")
        # Services' addresses need some route before they are translated, also on a machine without a default one.
        run("ip", "route", "add", SERVICES, "dev", INTERFACE, "src", NODE_ADDRESS)
    _setting("net/ipv4/ip_forward").write_text("1")
    run("nft", "-f", "-", stdin=_nat())
    _pass_foreign_firewall()


def release(state: State) -> None:
    """Undo `claim`, and what Kubernetes' own programs set."""
    run("ip", "link", "delete", INTERFACE, check=False)
    run("nft", "delete", "table", "ip", NAT_TABLE, check=False)
    _unpass_foreign_firewall()
    for name, value in _remembered(state).items():
        if _setting(name).exists() and _setting(name).read_text() != value:
            _setting(name).write_text(value)
    _settings_file(state).unlink(missing_ok=True)


def is_claimed(state: State) -> bool:
    """Whether this cluster holds the machine: from the beginning of `claim` to the end of `release`."""
    return _settings_file(state).exists()


def run(*argv: str, stdin: str = "", check: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a program of the machine; returns what it printed. Raises DevclusterError when it fails and `check`."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, env=env)
    if check and done.returncode != 0:
        raise DevclusterError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def may_lower_oom_score() -> bool:
    """Whether we hold CAP_SYS_RESOURCE (bit 24), which some virtual machines withhold even from root."""
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> 24 & 1)


def resolvers() -> Path:
    """The resolv.conf that holds the machine's real name servers, not systemd-resolved's own address."""
    real = Path("/run/systemd/resolve/resolv.conf")
    return real if real.exists() else Path("/etc/resolv.conf")


def _nat() -> str:
    rule = f"ip saddr {PODS} ip daddr != {{ {PODS}, {NODE_ADDRESS} }} masquerade"
    chain = f"chain postrouting {{ type nat hook postrouting priority srcnat\n{rule}\n}}"
    return f"table ip {NAT_TABLE} {{}}\ndelete table ip {NAT_TABLE}\ntable ip {NAT_TABLE} {{\n{chain}\n}}\n"


def _pass_foreign_firewall() -> None:
    """Where Docker runs, it drops all forwarding that it does not know: let it know Pods."""
    rules = run("nft", "list", "chain", *_FOREIGN_CHAIN, check=False)
    if "policy drop" in rules and _MARK not in rules:
        for side in ("saddr", "daddr"):
            run("nft", "insert", "rule", *_FOREIGN_CHAIN, "ip", side, PODS, "accept", "comment", f'"{_MARK}"')


def _unpass_foreign_firewall() -> None:
    for line in run("nft", "--handle", "list", "chain", *_FOREIGN_CHAIN, check=False).splitlines():
        if f'comment "{_MARK}"' in line:
            run("nft", "delete", "rule", *_FOREIGN_CHAIN, "handle", line.split()[-1])


def _remember_settings(state: State) -> None:
    if not is_claimed(state):
        values = {name: _setting(name).read_text() for name in _SETTINGS if _setting(name).exists()}
        put(_settings_file(state), json.dumps(values))


def _remembered(state: State) -> dict[str, str]:
    return dict(json.loads(_settings_file(state).read_text())) if is_claimed(state) else {}


def _settings_file(state: State) -> Path:
    return state.conf / "settings.json"


def _setting(name: str) -> Path:
    return Path("/proc/sys") / name
