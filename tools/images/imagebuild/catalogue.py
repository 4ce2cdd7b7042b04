"""Which images there are, what each is built from, and in which order."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from imagebuild import buildah, models, paths, rootfs, wheels
from imagebuild.buildah import Recipe
from imagebuild.errors import BuildError
from imagebuild.screen import step

COMPONENTS = ("fleet", "runner", "payout", "localton", "keyring", "cli")
#: Of what an image runs, where that is not our licence alone.
LICENSES = dict.fromkeys(("payout", "localton"), "Apache-2.0 AND GPL-3.0-only AND LGPL-2.1-or-later")
REMARK = ". It holds pytonlib, a component under GPL-3.0"


def names() -> list[str]:
    """All images that can be built now, in order: a component counts once its locked requirements are there."""
    return ["base", "triton-cpu", *(name for name in COMPONENTS if _requirements(name).exists())]


def shipped() -> list[str]:
    """All images but the base, which is in each of them."""
    return [name for name in names() if name != "base"]


def build(wanted: Sequence[str], *, fresh: bool = False) -> None:
    """Build the images (all of them if none is named) and the base they stand on; `fresh` as buildah.build has it."""
    if unknown := set(wanted) - set(names()):
        raise BuildError(f"There is no image {', '.join(sorted(unknown))}. There are: {', '.join(names())}.")
    recipes: dict[str, Callable[[], Recipe]] = {"base": _base, "triton-cpu": _triton_cpu}
    for name in names():
        if name == "base" or not wanted or name in wanted:
            recipe = recipes[name]() if name in recipes else _component(name)
            with step(f"image {buildah.image(name)}"):
                buildah.build(recipe, fresh=fresh and name != "base")


def _base() -> Recipe:
    folder = rootfs.fetch()
    return Recipe("base", paths.IMAGES / "base" / "Dockerfile", folder, (folder.name,))


def _triton_cpu() -> Recipe:
    models.archives()
    folder = paths.IMAGES / "triton-cpu"
    contexts = {"models": models.entries(), "wheels": wheels.fetch(models.SERVER)}
    sources = (models.entries().name, models.SERVER, buildah.identity("base"))
    return Recipe("triton-cpu", folder / "Dockerfile", folder, sources, contexts, {"BASE": buildah.image("base")})


def _component(name: str) -> Recipe:
    folder = paths.IMAGES / "component"
    requirements, package = _requirements(name), paths.REPOSITORY / "operator/src/cocoon"
    texts = (paths.REPOSITORY / "LICENSE", paths.REPOSITORY / "NOTICE")
    sources = (requirements, package, *texts, buildah.identity("base"))
    contexts = {"wheels": wheels.fetch(requirements)}
    arguments = {
        "BASE": buildah.image("base"),
        "COMPONENT": name,
        "VERSION": _version(),
        "LICENSES": LICENSES.get(name, "Apache-2.0"),
        "REMARK": REMARK if name in LICENSES else "",
    }
    return Recipe(name, folder / "Dockerfile", paths.REPOSITORY, sources, contexts, arguments)


def _version() -> str:
    project = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def _requirements(component: str) -> Path:
    return paths.REPOSITORY / "requirements" / f"{component}.txt"
