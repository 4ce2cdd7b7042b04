"""Which images there are, what each is built from, and in which order."""

from collections.abc import Callable, Sequence
from pathlib import Path

from imagebuild import buildah, models, paths, rootfs, wheels
from imagebuild.buildah import Recipe
from imagebuild.errors import BuildError
from imagebuild.screen import step

COMPONENTS = ("fleet", "runner", "payout", "localton", "keyring", "cli")
#: Of all that an image holds, where that is not our licence alone: pytonlib is GPL-3.0.
LICENSES = dict.fromkeys(("payout", "localton"), "Apache-2.0 AND GPL-3.0-only")


def names() -> list[str]:
    """All images that can be built now, in order: a component counts once its locked requirements are there."""
    return ["base", "triton-cpu", *(name for name in COMPONENTS if _requirements(name).exists())]


def build(wanted: Sequence[str]) -> None:
    """Build the images (all of them if none is named), and the base image they stand on."""
    if unknown := set(wanted) - set(names()):
        raise BuildError(f"There is no image {', '.join(sorted(unknown))}. There are: {', '.join(names())}.")
    recipes: dict[str, Callable[[], Recipe]] = {"base": _base, "triton-cpu": _triton_cpu}
    for name in names():
        if name == "base" or not wanted or name in wanted:
            recipe = recipes[name]() if name in recipes else _component(name)
            with step(f"image {buildah.image(name)}"):
                buildah.build(recipe)


def _base() -> Recipe:
    folder = rootfs.fetch()
    return Recipe("base", paths.IMAGES / "base" / "Dockerfile", folder, (folder.name,), timestamp=0)


def _triton_cpu() -> Recipe:
    models.archives()
    folder = paths.IMAGES / "triton-cpu"
    contexts = {"models": models.entries(), "wheels": wheels.fetch(models.SERVER)}
    sources = (models.entries().name, models.SERVER, buildah.identity("base"))
    return Recipe("triton-cpu", folder / "Dockerfile", folder, sources, contexts, {"BASE": buildah.image("base")})


def _component(name: str) -> Recipe:
    folder = paths.IMAGES / "component"
    requirements, package = _requirements(name), paths.REPOSITORY / "operator/src/cocoon"
    sources = (requirements, package, paths.REPOSITORY / "LICENSE", buildah.identity("base"))
    contexts = {"wheels": wheels.fetch(requirements)}
    arguments = {"BASE": buildah.image("base"), "COMPONENT": name, "LICENSES": LICENSES.get(name, "Apache-2.0")}
    return Recipe(name, folder / "Dockerfile", paths.REPOSITORY, sources, contexts, arguments)


def _requirements(component: str) -> Path:
    return paths.REPOSITORY / "requirements" / f"{component}.txt"
