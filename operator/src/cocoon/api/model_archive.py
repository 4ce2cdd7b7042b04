"""A model as bytes: the one tar that a Triton model repository entry makes, whoever makes it.

A model is named by the SHA-256 of this tar, so the same files must give the same bytes everywhere. The recipe, in the
ustar format (POSIX.1-1988): the entry, and every file and folder in it, sorted by the bytes of their names; names are
relative to the entry's parent (`minilm`, `minilm/1`, …), no leading `./`; time 0; owner and group 0 and nameless;
mode 0644 for files and 0755 for folders; no link, no special file. GNU tar makes the same, from the parent:

    find minilm -print0 | LC_ALL=C sort -z | tar --create --null --no-recursion --files-from=- --format=ustar \
        --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX

(where no file is executable). ustar bounds a file to 8 GiB and a name to 255 bytes; the writer refuses what exceeds
them. Reading takes any plain tar but is strict about what it would write, for it writes beside other models.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Protocol

_BLOCK, _RECORD, _CHUNK = 512, 10240, 1 << 20
_LARGEST_FILE = 8**11 - 1


class ArchiveError(ValueError):
    """Why these files can't be a model archive, or why this archive can't be unpacked: a whole sentence."""


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


def write_model_archive(root: Path, out: BinaryIO) -> str:
    """Write the archive of the repository entry `root` to `out`; give the SHA-256 of what was written, in hex.

    Raises ArchiveError for links, special files, names and sizes that the format can't hold, and for a file that
    changes while it is read.
    """
    sink = _HashingSink(out)
    _write(root, sink)
    return sink.digest.hexdigest()


def digest_model_directory(path: Path) -> str:
    """Give the SHA-256, in hex, of the archive that `path` would make, unwritten. Raises as the writer does."""
    digest = hashlib.sha256()
    _write(path, _DigestSink(digest))
    return digest.hexdigest()


def unpack_model_archive(src: IO[bytes], into: Path, *, most_entries: int = 10_000, most_bytes: int = 1 << 40) -> str:
    """Unpack a plain tar that holds exactly one model folder into the folder `into`; give the model folder's name.

    Check the digest first. `src` is read forward only, to its end. Files get mode 0644 and folders 0755, whatever the
    archive says. Raises ArchiveError for absolute names, `..`, links, devices, doubles, a second top folder, an entry
    that is there already, and anything over the limits; what was written until then is left to the caller to remove.
    """
    try:
        with tarfile.open(fileobj=src, mode="r|") as archive:
            name = _unpack(archive, into, most_entries, most_bytes)
    except tarfile.TarError as error:
        raise ArchiveError(f"This is not a tar archive, or it is cut off: {error}.") from error
    while src.read(_CHUNK):  # padding behind the end mark belongs to the digest that the caller computes of src
        pass
    return name


# Writing


class _DigestSink:
    def __init__(self, digest: "hashlib._Hash") -> None:
        self.digest = digest

    def write(self, data: bytes, /) -> None:
        self.digest.update(data)


class _HashingSink:
    def __init__(self, out: BinaryIO) -> None:
        self.out, self.digest = out, hashlib.sha256()

    def write(self, data: bytes, /) -> None:
        self.digest.update(data)
        self.out.write(data)


def _write(root: Path, sink: _Sink) -> None:
    root = Path(os.path.normpath(root.absolute()))
    written = 0
    for name, path in sorted(_entries(root)):
        written += _write_entry(name, path, sink)
    sink.write(bytes(-(written + 2 * _BLOCK) % _RECORD + 2 * _BLOCK))


def _entries(root: Path) -> Iterator[tuple[bytes, Path]]:
    """The entry and all below it: (name in the archive, path). Symbolic links are given as such, never followed."""
    yield os.fsencode(root.name), root
    if stat.S_ISDIR(root.lstat().st_mode):
        for folder, folders, files in os.walk(root):
            for path in (Path(folder, name) for name in folders + files):
                yield os.fsencode(path.relative_to(root.parent)), path


def _write_entry(name: bytes, path: Path, sink: _Sink) -> int:
    kind = path.lstat()
    if stat.S_ISDIR(kind.st_mode):
        sink.write(_header(name + b"/", 0o755, 0, b"5"))
        return _BLOCK
    if not stat.S_ISREG(kind.st_mode):
        raise ArchiveError(f"{path} is neither a file nor a folder: a model holds nothing else, so put a copy there.")
    if kind.st_size > _LARGEST_FILE:
        raise ArchiveError(f"{path} has {kind.st_size} bytes, more than the 8 GiB a file may have: split its weights.")
    sink.write(_header(name, 0o644, kind.st_size, b"0"))
    with path.open("rb") as file:
        size = _copy(file, sink, kind.st_size)
    if size != kind.st_size or path.lstat().st_size != size:
        raise ArchiveError(f"{path} changed while it was read.")
    sink.write(bytes(-size % _BLOCK))
    return _BLOCK + size + -size % _BLOCK


def _copy(file: IO[bytes], sink: _Sink, most: int) -> int:
    """Copy up to `most` bytes; give how many there were."""
    copied = 0
    while chunk := file.read(min(_CHUNK, most - copied)):
        sink.write(chunk)
        copied += len(chunk)
    return copied


def _header(name: bytes, mode: int, size: int, kind: bytes) -> bytes:
    """One ustar header block of 512 bytes; the widths of its fields are those of POSIX.1-1988, section 10.1.1."""
    prefix, suffix = _split(name)
    start = suffix.ljust(100, b"\0") + b"%07o\0" % mode + b"0000000\0" * 2 + b"%011o\0" % size + b"%011o\0" % 0
    end = kind + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + prefix.ljust(155, b"\0") + bytes(12)
    checksum = sum(start) + sum(end) + 8 * ord(" ")
    return start + b"%06o\0 " % checksum + end


def _split(name: bytes) -> tuple[bytes, bytes]:
    """(prefix, name): the longest prefix of at most 155 bytes, at a slash, where the name has more than 100 bytes."""
    if len(name) <= 100:
        return b"", name
    cut = name.rfind(b"/", 0, min(156, len(name) - 1))
    if cut <= 0 or len(name) - cut - 1 > 100:
        raise ArchiveError(f"The name {os.fsdecode(name)} is too long for a model archive: shorten its folders' names.")
    return name[:cut], name[cut + 1 :]


# Reading


def _unpack(archive: tarfile.TarFile, into: Path, most_entries: int, most_bytes: int) -> str:
    seen: set[PurePosixPath] = set()
    left = most_bytes
    for number, entry in enumerate(archive, start=1):
        if number > most_entries:
            raise ArchiveError(f"The archive holds more than {most_entries} entries.")
        name = _checked_name(entry, seen)
        if number == 1 and (into / name.parts[0]).exists():
            raise ArchiveError(f"There is a {name.parts[0]} already.")
        if (left := left - entry.size) < 0:
            raise ArchiveError(f"The archive's files have more than {most_bytes} bytes together.")
        _unpack_entry(archive, entry, into / name)
    if not seen:
        raise ArchiveError("The archive is empty.")
    return next(iter(seen)).parts[0]


def _checked_name(entry: tarfile.TarInfo, seen: set[PurePosixPath]) -> PurePosixPath:
    parts = entry.name.rstrip("/").split("/")
    name = PurePosixPath(*parts)
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise ArchiveError(f"The entry {entry.name!r} is not a plain relative name.")
    if name in seen:
        raise ArchiveError(f"The archive holds {name} twice.")
    if seen and parts[0] != next(iter(seen)).parts[0]:
        raise ArchiveError(f"The archive holds {name} beside its model folder: it must hold one model.")
    if not (entry.isdir() or (entry.isreg() and len(parts) > 1)) or entry.issparse():
        raise ArchiveError(f"The entry {name} is neither a file below the model's folder nor a folder.")
    seen.add(name)
    return name


def _unpack_entry(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    try:
        if entry.isdir():
            path.mkdir(parents=True)
            path.chmod(0o755)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file, _content(archive, entry) as content:
            copied = _copy(content, file, entry.size)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveError(f"{entry.name} can't be written: something is there already.") from error
    if copied != entry.size:
        raise ArchiveError(f"The archive ends within {entry.name}.")
    path.chmod(0o644)


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(entry)
    if content is None:
        raise ArchiveError(f"The entry {entry.name} has no content.")
    return content
