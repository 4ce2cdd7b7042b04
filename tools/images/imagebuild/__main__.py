"""The command line: python3 -m imagebuild COMMAND (see --help)."""

import argparse
import json
import shlex
import shutil
import sys
from pathlib import Path

from imagebuild import archives, buildah, catalogue, models, paths, triton_host
from imagebuild.errors import BuildError
from imagebuild.screen import step


def main(arguments: list[str]) -> int:
    """Run one command; give its exit status."""
    options = _parser().parse_args(arguments)
    try:
        with paths.alone():
            _COMMANDS[options.command](options)
    except BuildError as error:
        print(f"imagebuild: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="imagebuild", description="Builds container images without any registry.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build images (all of them if none is named)")
    build.add_argument("names", nargs="*", metavar="NAME")
    build.add_argument("--fresh", action="store_true", help="take no layer from earlier builds: for digests to compare")
    save = commands.add_parser("save", help="write an image as a docker-archive")
    save.add_argument("name")
    save.add_argument("archive", type=Path)
    archive = commands.add_parser("archive", help="write images as OCI archives to build/images; print their digests")
    archive.add_argument("names", nargs="*", metavar="NAME")
    identity = commands.add_parser("id", help="print the id of an image")
    identity.add_argument("name")
    commands.add_parser("models", help="build the models and their archives; print names, archives and digests")
    host = commands.add_parser("triton-host", help="print how to start tritonserver on this host")
    host.add_argument("repository", type=Path)
    clean = commands.add_parser("clean", help="remove what cut-off builds left, and old layers")
    clean.add_argument("--wipe", action="store_true", help="remove the images and the whole cache too")
    return parser


def _build(options: argparse.Namespace) -> None:
    catalogue.build(options.names, fresh=options.fresh)


def _save(options: argparse.Namespace) -> None:
    with step(f"archive of {options.name}"):
        buildah.save(options.name, options.archive)


def _archive(options: argparse.Namespace) -> None:
    catalogue.build(options.names, fresh=True)
    for name, digest in archives.write(options.names or catalogue.shipped()).items():
        print(f"{name}@{digest}")


def _id(options: argparse.Namespace) -> None:
    print(buildah.identity(options.name))


def _models(_: argparse.Namespace) -> None:
    rows = [
        {"name": name, "archive": str(path), "sha256": digest} for name, (path, digest) in models.archives().items()
    ]
    print(json.dumps(rows, indent=1))


def _triton_host(options: argparse.Namespace) -> None:
    program = triton_host.program(options.repository.absolute(), triton_host.Ports(8000, 8001, 8002))
    print(shlex.join(["env", f"PATH={program.environment['PATH']}", *program.arguments]))


def _clean(options: argparse.Namespace) -> None:
    if (paths.cache() / "storage").exists():
        buildah.clean()
    buildah.unmount()
    if options.wipe:
        shutil.rmtree(paths.cache())


_COMMANDS = {
    "build": _build,
    "save": _save,
    "archive": _archive,
    "id": _id,
    "models": _models,
    "triton-host": _triton_host,
    "clean": _clean,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
