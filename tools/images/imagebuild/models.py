"""The two models of the development server: their repository entries, and the archives that a client would publish."""

import importlib.util
from pathlib import Path
from types import ModuleType

from imagebuild import host, paths, wheels
from imagebuild.errors import BuildError
from imagebuild.screen import step

SOURCES = paths.IMAGES / "triton-cpu"
SERVER = SOURCES / "requirements.txt"
BUILDER = SOURCES / "requirements-models.txt"
NAMES = ("minilm", "tinylm")


def environment() -> Path:
    """The virtual environment that builds the models and, on the host, serves them."""
    return wheels.environment("triton", SERVER, BUILDER)


def entries() -> Path:
    """The folder that holds the built entries, one folder each, made again when their sources change."""
    folder = _entries_path()
    if not folder.exists():
        python = environment() / "bin" / "python"
        with step("models minilm and tinylm"):
            paths.kept(folder, lambda path: _make(python, path))
        paths.drop_others(folder)
    return folder


def ready() -> bool:
    """Whether all of the above is there already, so that it can be used without building."""
    return (
        wheels.environment_path("triton", SERVER, BUILDER).joinpath(".complete").exists() and _entries_path().is_dir()
    )


def archives() -> dict[str, tuple[Path, str]]:
    """{name: (archive, its SHA-256 in hex)} of each model, written to build/models unless they are there already.

    Beside NAME.tar lies NAME.tar.sha256, in the form that `sha256sum --check` reads.
    """
    source = entries()
    return {name: _archive(source / name) for name in NAMES}


def _entries_path() -> Path:
    sources = [SOURCES / name for name in ("build_models.py", "minilm_graph.py", "models")]
    return paths.cache() / f"models-{paths.fingerprint(*sources, SERVER, BUILDER)}"


def _archive(entry: Path) -> tuple[Path, str]:
    archive = paths.BUILT_MODELS / f"{entry.name}.tar"
    note = archive.with_name(archive.name + ".sha256")
    digest = _model_archive().digest_model_directory(entry)
    with paths.making(note):
        if not (archive.exists() and note.exists() and note.read_text().startswith(digest)):
            with step(f"archive {entry.name}"):
                archive.unlink(missing_ok=True)
                paths.kept(archive, lambda path: _write(entry, path))
            note.write_text(f"{digest}  {archive.name}\n")
    return archive, digest


def _write(entry: Path, archive: Path) -> None:
    with archive.open("wb") as out:
        _model_archive().write_model_archive(entry, out)


def _make(python: Path, folder: Path) -> None:
    folder.mkdir(mode=0o755)
    host.run(python, SOURCES / "build_models.py", folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _model_archive() -> ModuleType:
    """The recipe of model archives, which is the product's; loaded as a file, for its package is not installed here."""
    path = paths.REPOSITORY / "operator/src/cocoon/api/model_archive.py"
    spec = importlib.util.spec_from_file_location("model_archive", path)
    if spec is None or spec.loader is None:
        raise BuildError(f"{path} can't be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
