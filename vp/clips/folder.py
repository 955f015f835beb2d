"""A folder of clips, in the layout of UCF101 or flat."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vp.errors import ClipError

from .listing import MANIFEST, describe, is_video
from .source import ClipSource

MAX_DEPTH = 3  # folders below the root: room for an outer folder around the classes


@dataclass(frozen=True)
class _Folder:
    root: Path

    def fetch(self, id: str, progress: Callable[[float], object] | None = None) -> Path:
        path = self.root / id
        if not _inside(path, self.root) or not path.is_file():
            raise ClipError("This clip is gone from its folder: choose another one, or restart to list it again.")
        return path

    def version(self, id: str) -> str:
        path = self.fetch(id)
        status = path.stat()
        return f"{path} {status.st_size} {status.st_mtime_ns}"

    def beginning(self, id: str, count: int) -> None:
        return None

    def fetched(self, id: str) -> bool:
        return False


def open_folder(spec: str, folder: Path) -> ClipSource:
    """The clips of a folder that is there. Raises ClipError if they cannot be listed, or there are none."""
    root = folder.resolve()
    try:
        files = list(_walk(root, root, "", MAX_DEPTH, left := []))
        manifest = (root / MANIFEST).read_bytes() if (root / MANIFEST).is_file() else None
    except OSError as error:
        raise ClipError(f"The folder '{spec}' cannot be listed: check its permissions.") from error
    if left:
        many, lead = (f"{len(left)} links", "lead") if len(left) > 1 else ("a link", "leads")
        words = f"{many} in '{spec}' (such as {left[0]}) {lead} out of it"
        if not files:
            raise ClipError(f"There are no videos in '{spec}': {words}. Name the folder where the videos are.")
        print(f"warning: {words}, left out: name the folder where those videos are, or copy them", file=sys.stderr)
    return ClipSource(spec, describe(files, manifest), _Folder(root))


def _walk(root: Path, folder: Path, prefix: str, depth: int, left: list[str]) -> Iterator[str]:
    """Videos below a folder, relative to the root. Links to videos and folders outside the root are not followed, but
    added to `left`: what they lead to was not offered to everybody who sees the page."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not _inside(entry.path, root):
                if entry.name.isprintable() and (entry.is_dir() or (entry.is_file() and is_video(entry.name))):
                    left.append(prefix + entry.name)
                continue
            if entry.is_dir():
                if depth and entry.name.isprintable():
                    yield from _walk(root, Path(entry.path), f"{prefix}{entry.name}/", depth - 1, left)
            elif is_video(entry.name):
                yield prefix + entry.name


def _inside(path: str | os.PathLike, root: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)
