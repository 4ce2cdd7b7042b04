"""The command line: `python3 -m devcluster up|down|status|kubeconfig|load-image|presign|build`."""

import argparse
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from devcluster import build
from devcluster.binaries import SETS, USUAL
from devcluster.cluster import Cluster
from devcluster.containerd import Containerd
from devcluster.errors import DevclusterError
from devcluster.record import API, FULL, Record
from devcluster.s3 import ADDRESS, HOST, Store
from devcluster.screen import Screen

_FULL_PORT = 6443
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,29}[a-z0-9])?")


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status."""
    try:
        asked = _parser().parse_args(argv)
        return int(asked.do(asked, _cluster(asked.name)) or 0)
    except DevclusterError as error:
        sys.stderr.write(f"devcluster: {error}\n")
        return 1


def _cluster(name: str) -> Cluster:
    if not _NAME.fullmatch(name):
        raise DevclusterError("A cluster's --name is 1 to 31 lower-case letters, digits and dashes.")
    return Cluster(name, Screen())


def _up(asked: argparse.Namespace, cluster: Cluster) -> None:
    """What is not asked for stays as it was at the first `up`."""
    first = Record(asked.profile, api=_FULL_PORT if asked.profile == FULL else 0)
    wanted = replace(cluster.record() or first, profile=asked.profile, fsync=asked.fsync)
    if asked.port is not None:
        wanted = replace(wanted, api=asked.port)
    if asked.gpus is not None:
        wanted = replace(wanted, gpus=asked.gpus)
    if asked.kwok_nodes is not None:
        wanted = replace(wanted, simulated_nodes=asked.kwok_nodes)
    cluster.up(wanted)


def _down(asked: argparse.Namespace, cluster: Cluster) -> None:
    cluster.down(wipe=asked.wipe)


def _status(_: argparse.Namespace, cluster: Cluster) -> int:
    """Exit status 0 if all runs, 1 if something has ended, 3 if there is no cluster."""
    record = cluster.record()
    names = cluster.processes.names()
    if record is None or not names:
        sys.stdout.write("no such cluster runs: start it with `up`\n")
        return 3
    pids = {name: cluster.processes.pid(name) for name in names}
    sys.stdout.write(f"profile {record.profile}, kubeconfig {cluster.state.admin_kubeconfig}\n")
    for name, pid in pids.items():
        memory = f"{_resident(pid):5d} MiB" if pid else f"see {cluster.processes.log(name)}"
        sys.stdout.write(f"{name:26}{f'pid {pid}' if pid else 'ENDED':14}{memory}\n")
    return 0 if all(pids.values()) else 1


def _kubeconfig(asked: argparse.Namespace, cluster: Cluster) -> None:
    path = cluster.state.admin_kubeconfig
    if not path.exists():
        raise DevclusterError("There is no such cluster: start it with `up`.")
    kubectl = cluster.kubectl().parent if asked.export else None
    sys.stdout.write(f"export KUBECONFIG={path} PATH={kubectl}:$PATH\n" if kubectl else f"{path}\n")


def _load_image(asked: argparse.Namespace, cluster: Cluster) -> None:
    if not cluster.processes.alive("containerd"):
        raise DevclusterError("There is no container runtime to load it into: run `up --profile full`.")
    Containerd(cluster.state, cluster.processes).load(asked.archive.resolve())


def _presign(asked: argparse.Namespace, cluster: Cluster) -> None:
    url = Store.of(cluster.state).presigned(asked.method, asked.object, asked.expires, ADDRESS if asked.host else HOST)
    sys.stdout.write(f"{url}\n")


def _build(asked: argparse.Namespace, _: Cluster) -> None:
    for path in build.ensure(asked.sets or USUAL, Screen()).values():
        sys.stdout.write(f"{path}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devcluster", description="A real Kubernetes on one Linux machine.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="dev", help="which cluster (default: dev)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", parents=[common], help="start or repair it")
    up.add_argument("--profile", choices=[API, FULL], default=FULL, help="api: etcd and API server only, without root")
    up.add_argument("--port", type=int, help="the API server's port (default: 6443 for full; else a free one)")
    up.add_argument("--gpus", type=int, help="GPUs to simulate on each node (default: 8)")
    up.add_argument("--kwok-nodes", type=int, help="simulated nodes (default: 0)")
    up.add_argument("--fsync", action="store_true", help="let etcd wait for the disk, as in production")
    up.set_defaults(do=_up)

    down = commands.add_parser("down", parents=[common], help="end it")
    down.add_argument("--wipe", action="store_true", help="forget its data too (binaries stay in the cache)")
    down.set_defaults(do=_down)

    commands.add_parser("status", parents=[common], help="what runs").set_defaults(do=_status)

    kubeconfig = commands.add_parser("kubeconfig", parents=[common], help="print its path")
    kubeconfig.add_argument("--export", action="store_true", help="as a line for the shell, with kubectl on the PATH")
    kubeconfig.set_defaults(do=_kubeconfig)
    _add_tools(commands, common)
    return parser


def _add_tools(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    load = commands.add_parser("load-image", parents=[common], help="import a container image's archive")
    load.add_argument("archive", type=Path, metavar="ARCHIVE.tar")
    load.set_defaults(do=_load_image)

    presign = commands.add_parser("presign", parents=[common], help="print a presigned URL of the S3 server")
    presign.add_argument("method", choices=["GET", "PUT", "HEAD", "DELETE"])
    presign.add_argument("object", metavar="BUCKET/KEY")
    presign.add_argument("--expires", type=int, default=3600, metavar="SECONDS")
    presign.add_argument("--host", action="store_true", help="for use on this machine instead of in Pods")
    presign.set_defaults(do=_presign)

    builder = commands.add_parser("build", parents=[common], help="build programs and print their paths")
    builder.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS) + " (default: all that the tests use)")
    builder.set_defaults(do=_build)


def _resident(pid: int) -> int:
    """Resident memory in MiB."""
    pages = int((Path("/proc") / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
