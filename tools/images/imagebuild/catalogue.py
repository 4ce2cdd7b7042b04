"""Which images there are, what each is built from, and in which order."""

from collections.abc import Callable, Sequence
from pathlib import Path

from imagebuild import buildah, models, paths, rootfs, wheels
from imagebuild.buildah import Recipe
from imagebuild.errors import BuildError
from imagebuild.screen import step

COMPONENTS = ("fleet", "runner", "payout", "keyring", "cli")


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
                (_build_base if name == "base" else buildah.build)(recipe)


def _build_base(recipe: Recipe) -> None:
    """Build the base image unless nothing changed: buildah would read all of the root file system to see that."""
    stamp = paths.cache() / f"base-{paths.fingerprint(recipe.dockerfile, recipe.context.name)}"
    if not stamp.exists() or stamp.read_text() != buildah.identity("base"):
        buildah.build(recipe)
        stamp.write_text(buildah.identity("base"))
        paths.drop_others(stamp)


def _base() -> Recipe:
    return Recipe("base", paths.IMAGES / "base" / "Dockerfile", rootfs.fetch(), timestamp=0)


def _triton_cpu() -> Recipe:
    models.archives()
    folder = paths.IMAGES / "triton-cpu"
    contexts = {"models": models.entries(), "wheels": wheels.fetch(models.SERVER)}
    return Recipe("triton-cpu", folder / "Dockerfile", folder, contexts, {"BASE": buildah.image("base")})


def _component(name: str) -> Recipe:
    contexts = {"wheels": wheels.fetch(_requirements(name))}
    arguments = {"BASE": buildah.image("base"), "COMPONENT": name}
    return Recipe(name, paths.IMAGES / "component" / "Dockerfile", paths.REPOSITORY, contexts, arguments)


def _requirements(component: str) -> Path:
    return paths.REPOSITORY / "requirements" / f"{component}.txt"
