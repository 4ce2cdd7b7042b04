"""buildah, with a store of its own in the cache, that leaves no mount behind.

buildah mounts overlays and forgets some of them, all the more when a build is cut off. So each call lives in a mount
namespace of its own: the kernel takes the mounts away with the process, however that ends.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imagebuild import host, paths
from imagebuild.errors import BuildError

PREFIX = "localhost/cocoon-fleet/"
TAG = ":dev"


@dataclass(frozen=True)
class Recipe:
    """What one image is built from.

    `sources` are the files, folders and names that decide its content, beside the Dockerfile; `contexts` are further
    folders that the Dockerfile can name in --from.
    """

    name: str
    dockerfile: Path
    context: Path
    sources: tuple[str | Path, ...]
    contexts: Mapping[str, Path] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)


def image(name: str) -> str:
    """The full name of an image."""
    return f"{PREFIX}{name}{TAG}"


def build(recipe: Recipe, *, fresh: bool = False) -> None:
    """Build an image unless its sources are unchanged; unchanged layers are taken from the last build.

    A fresh build takes nothing: the configuration's history names the images that kept layers come from, so that only
    fresh builds have the same digest everywhere.
    """
    arguments = [f"{name}={value}" for name, value in recipe.arguments.items()]
    stamp = paths.cache() / f"{recipe.name}-{paths.fingerprint(recipe.dockerfile, *recipe.sources, *arguments)}"
    if fresh or not stamp.exists() or stamp.read_text() != identity(recipe.name):
        _build(recipe, *(["--no-cache"] if fresh else []))
        stamp.write_text(identity(recipe.name))
        paths.drop_others(stamp)


def _build(recipe: Recipe, *more: str) -> None:
    options = [*more, "--layers", "--pull-never", "--tag", image(recipe.name), "--file", str(recipe.dockerfile)]
    options += [f"--build-context={name}={path}" for name, path in recipe.contexts.items()]
    options += [f"--build-arg={name}={value}" for name, value in recipe.arguments.items()]
    options += [
        "--timestamp=0",
        "--identity-label=false",
    ]  # neither when nor by which buildah: the same digest everywhere
    ignored = recipe.dockerfile.with_name("Dockerfile.dockerignore")
    options += [f"--ignorefile={ignored}"] if ignored.exists() else []
    _buildah("build", *options, str(recipe.context))


def save(name: str, archive: Path, kind: Literal["docker-archive", "oci-archive"] = "docker-archive") -> None:
    """Write an image as a docker-archive, which `ctr images import` and `docker load` take, or as an OCI archive."""
    if not identity(name):
        raise BuildError(f"There is no image {name}: build it first (imagebuild build {name}).")
    archive.unlink(missing_ok=True)
    _buildah("push", "--quiet", image(name), f"{kind}:{archive.absolute()}:{image(name)}")


def identity(name: str) -> str:
    """The id of an image, or nothing where there is none."""
    return _buildah("images", "--quiet", "--no-trunc", "--filter", f"reference={image(name)}").strip()


def clean() -> None:
    """Remove working containers that cut-off builds left, and the layers that only speed up the next build."""
    _buildah("rm", "--all")
    _buildah("rmi", "--prune")


def _buildah(*arguments: str) -> str:
    if os.geteuid() != 0:
        raise BuildError("Building images needs root: run this as root.")
    host.need({"buildah": "buildah", "unshare": "util-linux"})
    stores = (f"--root={paths.cache() / 'storage'}", f"--runroot={paths.cache() / 'run'}")
    environment = {
        **os.environ,
        "STORAGE_DRIVER": os.environ.get("STORAGE_DRIVER", "overlay"),
        "BUILDAH_ISOLATION": "chroot",
    }
    command = ("unshare", "--mount", "--propagation", "private", "buildah", *stores, *arguments)
    return host.run(*command, environment=environment)


def mounts() -> list[str]:
    """What is still mounted below the cache: nothing, unless something else mounted it."""
    table = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in table if line.split()[1].startswith(f"{paths.cache()}/")]


def unmount() -> None:
    """Take away mounts below the cache, the innermost first."""
    for point in sorted(mounts(), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=True)
