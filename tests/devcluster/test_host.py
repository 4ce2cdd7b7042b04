import subprocess
import sys
from pathlib import Path

import pytest

from devcluster import paths

# Runs in a network namespace of its own, in which Docker seems to be: it drops what it does not know.
PROGRAM = """
import sys
from pathlib import Path
from devcluster import host
from devcluster.paths import State

def network():
    return host.run("nft", "list", "ruleset") + host.run("ip", "-o", "link") + host.run("ip", "-br", "address")

def passes():
    return host.run("nft", "list", "chain", "ip", "filter", "FORWARD").count("10.244.0.0/24 accept")

drop = "table ip filter { chain FORWARD {\\ntype filter hook forward priority 0; policy drop;\\n}\\n}\\n"
host.run("nft", "-f", "-", stdin=drop)
state = State(Path(sys.argv[1]))
state.make()
before = network()
host.claim(state)
claimed = network()
assert "devcluster0" in claimed and "10.243.0.1/32" in claimed and "masquerade" in claimed, claimed
assert passes() == 2
host.claim(state)
assert network() == claimed, "a second claim changes nothing"
host.release(state)
assert network() == before, network()
"""


@pytest.mark.e2e
def test_the_network_is_claimed_and_released_beside_a_foreign_firewall(tmp_path: Path) -> None:
    argv: list[str | Path] = ["unshare", "--net", sys.executable, "-c", PROGRAM, tmp_path / "state"]
    ran = subprocess.run(
        argv, env={"PYTHONPATH": str(paths.HERE), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=False
    )
    assert ran.returncode == 0
