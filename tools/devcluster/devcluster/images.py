"""Container images without a builder and without a registry: one layer in a docker-archive that containerd imports."""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

_FOLDERS = ("bin", "etc", "tmp", "var", "var/run", "proc", "sys", "dev")
_PASSWD = b"root:x:0:0::/:/bin/sh\nnonroot:x:65532:65532::/tmp:/bin/sh\n"
_GROUP = b"root:x:0:\nnonroot:x:65532:\n"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    """`reference` is NAME:TAG; `files` maps paths in the image to files here, `links` symlinks to their targets."""

    reference: str
    entrypoint: tuple[str, ...]
    files: dict[str, Path]
    links: dict[str, str] = field(default_factory=dict)
    user: str = ""

    def key(self) -> str:
        """Changes when the image's content does; cheap, because sizes and times stand for the files' content."""
        stats = [(target, path.stat().st_size, path.stat().st_mtime_ns) for target, path in self.files.items()]
        return hashlib.sha256(
            repr((self.reference, self.entrypoint, stats, self.links, self.user)).encode()
        ).hexdigest()

    def write(self, archive: Path) -> None:
        """Write the docker-archive (https://github.com/moby/docker-image-spec, version 1.2)."""
        layer = self._layer()
        layer_id = hashlib.sha256(layer).hexdigest()
        config = json.dumps(self._config(layer_id)).encode()
        config_id = hashlib.sha256(config).hexdigest()
        manifest = [{"Config": f"{config_id}.json", "RepoTags": [self.reference], "Layers": [f"{layer_id}.tar"]}]
        with tarfile.open(archive, "w") as tar:
            _add(tar, f"{layer_id}.tar", layer)
            _add(tar, f"{config_id}.json", config)
            _add(tar, "manifest.json", json.dumps(manifest).encode())

    def _layer(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name in _FOLDERS:
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
                tar.addfile(folder)
            _add(tar, "etc/passwd", _PASSWD)
            _add(tar, "etc/group", _GROUP)
            for target, path in self.files.items():
                _add(tar, target, path.read_bytes(), mode=0o755)
            for name, target in self.links.items():
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
        return buffer.getvalue()

    def _config(self, layer_id: str) -> dict[str, object]:
        process = {"Entrypoint": list(self.entrypoint), "Env": ["PATH=/bin"], "User": self.user}
        return {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": process,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_id}"]},
            "history": [{"created_by": "devcluster"}],
        }


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
