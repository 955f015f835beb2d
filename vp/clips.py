"""Where clips come from: the bundled ones, a folder (UCF101's layout or flat), or a dataset on the Hugging Face Hub.

A source lists names only, so that thirteen thousand clips cost a moment; a clip is opened, downloaded or probed when
somebody picks it. Clips are asked for by an id from the listing, which is looked up and never used as a path.
"""

import atexit
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from vp import hub, ucf101, video
from vp.errors import ClipError, VideoError
from vp.limits import MAX_UPLOAD_BYTES, VIDEO_SUFFIXES
from vp.replacing import replacing

BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "clips"
MANIFEST = "clips.json"  # optional, in the root: titles, labels, kinds of motion
MAX_DEPTH = 3  # folders below the root: room for an outer folder around the classes
WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # ApplyLipstick -> Apply Lipstick

# UCF101 as single files; it holds a part of the clips.
UCF101 = "hf://datasets/bitmind/UCF101-Videos@b6cdcff7436de912f7fb8d8d21105ba4167b71a3"
FORMS = (
    "Clips are given as `bundled`, `ucf101`, a folder, or `hf://datasets/owner/name`, with or without `@revision`, or "
    "the address of its page."
)

# Bytes of a clip on the Hub that its thumbnail takes: header and first picture, or if that will not do a short clip.
HEADS = (1 << 16, 1 << 22)
THUMBNAIL_WIDTH = 160
THUMBNAIL_MAX_HEIGHT = 240
THUMBNAIL_VERSION = 1  # raise it when thumbnails should be made anew


@dataclass(frozen=True)
class Clip:
    """One clip of a source."""

    id: str  # its path in the source, as a key only
    label: str  # class name, "" if it has none
    name: str  # for people
    group: int | None = None  # of UCF101: clips of one group are cut from one video
    motion: tuple[str, ...] = ()  # kinds of motion, for example ("translation",)
    about: str = ""


class Place(Protocol):
    """Where the files of a source lie. Ids are those of its listing."""

    def fetch(self, id: str, progress: Callable[[float], object] | None) -> Path:
        """The clip as a local file; raises ClipError."""

    def version(self, id: str) -> str:
        """A text that changes whenever the content of the clip does."""

    def beginning(self, id: str, count: int) -> bytes | None:
        """The first `count` bytes of a clip that is not here yet, None for one that is; raises ClipError."""

    def fetched(self, id: str) -> bool:
        """Whether the clip was downloaded from elsewhere before and is here."""


class ClipSource:
    """A searchable list of clips. Made by `open_clips`.

    Args:
        spec: what was opened, as the user wrote it.
        clips: the clips in the order of listing.
        place: where their files are.
    """

    def __init__(self, spec: str, clips: Iterable[Clip], place: Place) -> None:
        self.spec = spec
        self._clips = {clip.id: clip for clip in clips}
        self._place = place
        self._text = {clip.id: _searchable(clip) for clip in self._clips.values()}
        if not self._clips:
            raise ClipError(f"There are no videos in '{spec}': name a folder or a dataset that holds video files.")

    def __len__(self) -> int:
        return len(self._clips)

    @property
    def labels(self) -> dict[str, int]:
        """Class names in alphabetical order, each with its number of clips."""
        counts = Counter(clip.label for clip in self._clips.values() if clip.label)
        return dict(sorted(counts.items()))

    def search(self, text: str = "", label: str | None = None, limit: int = 24, offset: int = 0) -> list[Clip]:
        """Clips that contain every word of `text` in class, name or description, whatever their case.

        Args:
            text: words or parts of them, in any order: "apply lip" finds ApplyLipstick. Empty finds all.
            label: only this class.
            limit: how many at most.
            offset: how many to leave out first, for further pages.
        """
        words = text.lower().split()
        matches = [
            clip
            for clip in self._clips.values()
            if (not label or clip.label == label) and all(word in self._text[clip.id] for word in words)
        ]
        offset = max(0, offset)
        return matches[offset : offset + max(0, limit)]

    def get(self, id: str) -> Clip:
        """The clip of an id from the listing, or ClipError."""
        clip = self._clips.get(id)
        if clip is None:
            raise ClipError("There is no such clip in this list: choose one from the gallery.")
        return clip

    def path(self, id: str, progress: Callable[[float], object] | None = None) -> Path:
        """The clip as a local file, downloaded if need be. progress: told the share that has arrived, in [0, 1].

        Raises:
            ClipError: unknown id, or the file is gone or cannot be downloaded.
        """
        return self._place.fetch(self.get(id).id, progress)

    def fetched(self) -> list[Clip]:
        """The clips that were downloaded before; none of a folder, which has them all without that."""
        return [clip for clip in self._clips.values() if self._place.fetched(clip.id)]

    def version(self, id: str) -> str:
        """A text that changes whenever the content of the clip does. Raises ClipError."""
        return self._place.version(self.get(id).id)

    def thumbnail(self, id: str) -> Path | None:
        """A small JPEG of the clip, made once: of its middle, or of its beginning where it is not downloaded yet.

        A clip that cannot be shown gets a grey picture, one that is not to be had at the moment None.

        Raises:
            ClipError: unknown id.
        """
        clip = self.get(id)
        try:
            return _thumbnail(self._place, clip.id)
        except (ClipError, OSError):  # the latter where there is no room for it
            return None


def open_clips(spec: str) -> ClipSource:
    """List the clips of a source.

    Args:
        spec: `bundled`; `ucf101`, which stands for `UCF101`; a folder, flat or with a folder for each class, or one
            that contains such folders; or `hf://datasets/owner/name`, with `@revision` (a branch, tag or commit) or
            without, or the address of its page.

    Raises:
        ClipError: the source cannot be found or reached, or holds no videos.
    """
    if spec == "bundled":
        return _open_folder(spec, BUNDLED)
    address = hub_address(spec)
    return _open_hub(address) if address else _open_folder(spec, Path(spec).expanduser())


def ucf101_name(stem: str) -> tuple[str, int] | None:
    """Class and group of a name such as `v_YoYo_g01_c02`, None for another name."""
    ucf = ucf101.NAME.fullmatch(stem)
    return (ucf["label"], int(ucf["group"])) if ucf else None


def hub_address(spec: str) -> hub.Address | None:
    """The dataset on the Hub that a source of clips is, None for a folder. Raises ClipError for a damaged address."""
    spec = UCF101 if spec == "ucf101" else spec.strip()
    if not hub.is_address(spec):
        return None
    try:
        return hub.parse_address(spec, "dataset")
    except ValueError as error:
        raise ClipError(f"{error} {FORMS}") from None


def cache_folder() -> Path:
    """Where thumbnails and listings are kept: VP_CACHE, or else the user's cache folder of this system."""
    try:
        if chosen := os.environ.get("VP_CACHE"):
            folder = Path(chosen).expanduser()
        elif sys.platform == "win32":
            folder = Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "lvln-explorer"
        elif sys.platform == "darwin":
            folder = Path.home() / "Library" / "Caches" / "lvln-explorer"
        else:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lvln-explorer"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder.resolve()
    except (OSError, RuntimeError):  # the latter where nobody has a home, as in some containers
        pass
    return _temporary_folder()


@cache
def _temporary_folder() -> Path:
    """For homes that cannot be written, as in many containers: what is kept lasts for this run."""
    folder = Path(tempfile.mkdtemp(prefix="lvln-explorer-cache-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


# Listings -----------------------------------------------------------------------------------------------------


def _describe(files: Iterable[str], manifest: bytes | None) -> list[Clip]:
    """Clips from relative POSIX paths, those of the manifest first and in its order."""
    entries = _parse_manifest(manifest) if manifest is not None else {}
    clips = {}
    for file in files:
        entry = entries.get(file, {})
        folder, stem = _parts(file)
        ucf = ucf101.NAME.fullmatch(stem)
        # Folders may be called train and test; those of classes write some names in another case than their clips.
        label = ucf["label"] if ucf and ucf["label"].lower() != folder.lower() else folder
        name = f"{WORD_START.sub(' ', ucf['label'])} g{ucf['group']} c{ucf['clip']}" if ucf else stem
        clips[file] = Clip(
            id=file,
            label=entry.get("label", label),
            name=entry.get("title", name),
            group=int(ucf["group"]) if ucf else None,
            motion=tuple(entry.get("motion", ())),
            about=entry.get("about", ""),
        )
    first = [clips.pop(file) for file in entries if file in clips]
    return first + [clips[file] for file in sorted(clips)]


def _parse_manifest(content: bytes) -> dict[str, dict]:
    try:
        return {entry["file"]: entry for entry in json.loads(content)["clips"]}
    except (ValueError, TypeError, KeyError) as error:
        raise ClipError(
            f'{MANIFEST} cannot be understood: it should read {{"clips": [{{"file": "name.mp4", "title": "…"}}]}}.'
        ) from error


def _parts(file: str) -> tuple[str, str]:
    """("Class", "name") of "outer/Class/name.avi"; pathlib would take most of the time of a listing."""
    folders, _, name = file.rpartition("/")
    return folders.rpartition("/")[2], name.rpartition(".")[0] or name


def _searchable(clip: Clip) -> str:
    _, stem = _parts(clip.id)  # without folders: every "lip" would find a folder called clips
    return " ".join((clip.label, WORD_START.sub(" ", clip.label), stem, clip.name, *clip.motion, clip.about)).lower()


def _is_video(name: str) -> bool:
    return name.lower().endswith(VIDEO_SUFFIXES) and not name.startswith(".") and name.isprintable()


# A folder -----------------------------------------------------------------------------------------------------


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


def _open_folder(spec: str, folder: Path) -> ClipSource:
    if not folder.is_dir():
        raise ClipError(f"There is no folder '{spec}'. {FORMS}")
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
    return ClipSource(spec, _describe(files, manifest), _Folder(root))


def _walk(root: Path, folder: Path, prefix: str, depth: int, left: list[str]) -> Iterator[str]:
    """Videos below a folder, relative to the root. Links to videos and folders outside the root are not followed, but
    added to `left`: what they lead to was not offered to everybody who sees the page."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not _inside(entry.path, root):
                if entry.name.isprintable() and (entry.is_dir() or (entry.is_file() and _is_video(entry.name))):
                    left.append(prefix + entry.name)
                continue
            if entry.is_dir():
                if depth and entry.name.isprintable():
                    yield from _walk(root, Path(entry.path), f"{prefix}{entry.name}/", depth - 1, left)
            elif _is_video(entry.name):
                yield prefix + entry.name


def _inside(path: str | os.PathLike, root: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


# The Hub ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dataset:
    repository: hub.Repository

    def fetch(self, id: str, progress: Callable[[float], object] | None = None) -> Path:
        return self.repository.fetch(id, limit=MAX_UPLOAD_BYTES, progress=progress)

    def version(self, id: str) -> str:
        return f"{self.repository.address.repo} {self.repository.commit} {id}"

    def beginning(self, id: str, count: int) -> bytes | None:
        return None if self.repository.cached(id) else self.repository.head(id, count)

    def fetched(self, id: str) -> bool:
        return self.repository.cached(id) is not None


def _open_hub(address: hub.Address) -> ClipSource:
    repository = hub.open_repository(address)
    manifest = repository.fetch(MANIFEST).read_bytes() if MANIFEST in repository.files else None
    videos = [file for file in repository.files if _is_video(file.rpartition("/")[2])]
    return ClipSource(str(address), _describe(videos, manifest), _Dataset(repository))


# Thumbnails ---------------------------------------------------------------------------------------------------


def _thumbnail(place: Place, id: str) -> Path | None:
    """The kept thumbnail of a clip, made if missing. Raises ClipError if the clip cannot be reached."""
    folder = cache_folder() / "thumbnails"
    path = folder / f"{_digest(f'{THUMBNAIL_VERSION} {place.version(id)}')}.jpg"
    if path.exists():
        return path
    for count in HEADS:
        if (beginning := place.beginning(id, count)) is None:
            image = _picture(place.fetch(id, None), _middle) or _grey()
        else:
            with _written(beginning, Path(id).suffix) as part:
                image = _picture(part, _first)
        if image:
            break
    else:
        return None
    folder.mkdir(exist_ok=True)
    with replacing(path) as part:
        image.save(part, "JPEG", quality=85)
    return path


def _picture(path: Path, choose: Callable[[Path], np.ndarray]) -> Image.Image | None:
    try:
        return Image.fromarray(choose(path))
    except VideoError:
        return None


@contextmanager
def _written(content: bytes, suffix: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        path.write_bytes(content)
        yield path


def _size(info: video.VideoInfo) -> tuple[int, int]:
    """Height and width of a thumbnail in pixels."""
    height = min(THUMBNAIL_MAX_HEIGHT, max(1, round(THUMBNAIL_WIDTH * info.height / info.width)))
    return height, THUMBNAIL_WIDTH


def _first(path: Path) -> np.ndarray:
    """The first frame as a small uint8 [H, W, 3]."""
    return video.read(path, frames=1, size=_size(video.probe(path)))[0]


def _middle(path: Path) -> np.ndarray:
    """The frame in the middle of a clip as a small uint8 [H, W, 3]."""
    info = video.probe(path)
    try:
        return video.read(path, start=info.seconds / 2, frames=1, size=_size(info))[0]
    except VideoError:  # its second half is damaged
        return video.read(path, frames=1, size=_size(info))[0]


def _grey() -> Image.Image:
    return Image.new("RGB", (THUMBNAIL_WIDTH, THUMBNAIL_WIDTH * 3 // 4), (128, 128, 128))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
