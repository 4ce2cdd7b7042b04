"""Images as OCI archives in build/images, with the digests that they have in every registry that they are copied to."""

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from imagebuild import buildah, paths
from imagebuild.screen import step

DIGESTS = "digests.json"


def write(names: Sequence[str]) -> dict[str, str]:
    """Write NAME.tar of each image; give {name: digest of its manifest}. `digests.json` beside them keeps all."""
    paths.BUILT_IMAGES.mkdir(parents=True, exist_ok=True)
    note = paths.BUILT_IMAGES / DIGESTS
    known: dict[str, str] = json.loads(note.read_text()) if note.exists() else {}
    digests = {name: _write(name, paths.BUILT_IMAGES / f"{name}.tar") for name in names}
    note.write_text(json.dumps(known | digests, indent=1, sort_keys=True) + "\n")
    return digests


def _write(name: str, archive: Path) -> str:
    with step(f"archive {archive.relative_to(paths.REPOSITORY)}"):
        buildah.save(name, archive, kind="oci-archive")
    return digest(archive)


def digest(archive: Path) -> str:
    """The digest of the manifest of an OCI archive (image-spec, image-layout.md), which holds one image."""
    with tarfile.open(archive) as files:
        index = files.extractfile("index.json")
        return str(json.load(index)["manifests"][0]["digest"]) if index else ""
