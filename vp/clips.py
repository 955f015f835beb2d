"""Where clips come from: the bundled ones, a folder (UCF-101's layout or flat), or a dataset on the Hugging Face Hub.

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
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from vp import video
from vp.errors import ClipError, VideoError
from vp.limits import VIDEO_SUFFIXES

BUNDLED = Path(__file__).resolve().parent.parent / "assets" / "clips"
MANIFEST = "clips.json"  # optional, in the root: titles, labels, kinds of motion
MAX_DEPTH = 3  # folders below the root: room for an outer folder around the classes
HUB_SPEC = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
UCF_NAME = re.compile(r"v_(?P<label>\w+)_g(?P<group>\d+)_c(?P<clip>\d+)")
WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # ApplyLipstick -> Apply Lipstick

TIMEOUT = 15  # seconds for the Hub to answer

THUMBNAIL_WIDTH = 160
THUMBNAIL_MAX_HEIGHT = 240
THUMBNAIL_VERSION = 1  # raise it when thumbnails should be made anew


@dataclass(frozen=True)
class Clip:
    """One clip of a source."""

    id: str  # its path in the source, as a key only
    label: str  # class name, "" if it has none
    name: str  # for people
    motion: tuple[str, ...] = ()  # kinds of motion, for example ("translation",)
    about: str = ""


class ClipSource:
    """A searchable list of clips. Made by `open_clips`.

    Args:
        spec: what was opened, as the user wrote it.
        clips: the clips in the order of listing.
        fetch: makes the clip of an id available as a local file; raises ClipError.
        version: a text for an id that changes whenever the content of that clip does.
    """

    def __init__(
        self, spec: str, clips: Iterable[Clip], fetch: Callable[[str], Path], version: Callable[[str], str]
    ) -> None:
        self.spec = spec
        self._clips = {clip.id: clip for clip in clips}
        self._fetch, self._version = fetch, version
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
        found = [
            clip
            for clip in self._clips.values()
            if (not label or clip.label == label) and all(word in self._text[clip.id] for word in words)
        ]
        offset = max(0, offset)
        return found[offset : offset + max(0, limit)]

    def get(self, id: str) -> Clip:
        """The clip of an id from the listing, or ClipError."""
        clip = self._clips.get(id)
        if clip is None:
            raise ClipError("There is no such clip in this list: choose one from the gallery.")
        return clip

    def path(self, id: str) -> Path:
        """The clip as a local file, downloaded if need be.

        Raises:
            ClipError: unknown id, or the file is gone or cannot be downloaded.
        """
        return self._fetch(self.get(id).id)

    def thumbnail(self, id: str) -> Path:
        """A small JPEG of the middle of the clip, made once. A clip that cannot be shown gets a grey picture.

        Raises:
            ClipError: unknown id.
        """
        clip = self.get(id)
        try:
            return _thumbnail(self._version(clip.id), lambda: self._fetch(clip.id))
        except ClipError:
            return _thumbnail("placeholder", None)


def open_clips(spec: str) -> ClipSource:
    """List the clips of a source.

    Args:
        spec: `bundled`; a folder, flat or with a folder for each class, or one that contains such folders; or
            `hf://datasets/owner/name`, with `@revision` (a branch, tag or commit) or without.

    Raises:
        ClipError: the source cannot be found or reached, or holds no videos.
    """
    if spec == "bundled":
        return _open_folder(spec, BUNDLED)
    if spec.startswith("hf://"):
        return _open_hub(spec)
    return _open_folder(spec, Path(spec).expanduser())


def cache_folder() -> Path:
    """Where thumbnails and listings are kept: VP_CACHE, or else the user's cache folder of this system."""
    if chosen := os.environ.get("VP_CACHE"):
        folder = Path(chosen)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "lvln-explorer"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "lvln-explorer"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lvln-explorer"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder.resolve()
    except OSError:
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
        ucf = UCF_NAME.fullmatch(stem)
        label = folder or (ucf["label"] if ucf else "")
        name = f"{WORD_START.sub(' ', ucf['label'])} g{ucf['group']} c{ucf['clip']}" if ucf else stem
        clips[file] = Clip(
            id=file,
            label=entry.get("label", label),
            name=entry.get("title", name),
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


def _open_folder(spec: str, folder: Path) -> ClipSource:
    if not folder.is_dir():
        raise ClipError(f"There is no folder '{spec}': name one that holds videos, or 'bundled'.")
    root = folder.resolve()

    def fetch(id: str) -> Path:
        path = root / id
        if not _inside(path, root) or not path.is_file():
            raise ClipError("This clip is gone from its folder: choose another one, or restart to list it again.")
        return path

    def version(id: str) -> str:
        path = fetch(id)
        status = path.stat()
        return f"{path} {status.st_size} {status.st_mtime_ns}"

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
    return ClipSource(spec, _describe(files, manifest), fetch, version)


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


def _open_hub(spec: str) -> ClipSource:
    match = HUB_SPEC.fullmatch(spec)
    if match is None:
        raise ClipError(f"'{spec}' is not understood: write hf://datasets/owner/name or hf://datasets/owner/name@tag.")
    repo = match["repo"]
    commit, files = _list_hub(spec, repo, match["revision"])

    def fetch(id: str) -> Path:
        from huggingface_hub import hf_hub_download

        try:  # a fixed commit: a file that is here already is used without asking the Hub
            return Path(hf_hub_download(repo, id, repo_type="dataset", revision=commit))
        except Exception as error:
            raise _hub_error(error, repo) from error

    manifest = fetch(MANIFEST).read_bytes() if MANIFEST in files else None
    videos = [file for file in files if _is_video(file.rpartition("/")[2])]
    return ClipSource(spec, _describe(videos, manifest), fetch, lambda id: f"{repo} {commit} {id}")


def _list_hub(spec: str, repo: str, revision: str | None) -> tuple[str, list[str]]:
    """(commit, files) from the Hub, or as they were at the last visit when it cannot be reached."""
    from huggingface_hub import HfApi, errors

    kept = cache_folder() / f"{_digest(spec)}.json"
    try:
        api = HfApi()
        commit = api.dataset_info(repo, revision=revision, timeout=TIMEOUT).sha
        files = api.list_repo_files(repo, repo_type="dataset", revision=commit)
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise _hub_error(error, repo) from error
    except Exception as error:  # of the network, and each version of the library has its own
        try:
            listing = json.loads(kept.read_bytes())
            return listing["commit"], listing["files"]
        except (OSError, ValueError, KeyError):
            raise _hub_error(error, repo) from error
    with video.replacing(kept) as part:
        part.write_text(json.dumps({"commit": commit, "files": files}), encoding="utf-8")
    return commit, files


def _hub_error(error: Exception, repo: str) -> ClipError:
    """The same failure in words for a person."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return ClipError(
            f"The dataset '{repo}' is gated: accept its conditions on its page, then set HF_TOKEN to your access token."
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return ClipError(
            f"The dataset '{repo}' is not on the Hub, or it is private: check its name, or set HF_TOKEN to a token "
            "that may read it."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return ClipError(f"The dataset '{repo}' has no such revision: check the branch, tag or commit after '@'.")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return ClipError(f"This clip is no longer in the dataset '{repo}': restart to list it again.")
    if isinstance(error, errors.HFValidationError):
        return ClipError(f"'{repo}' is not a name that the Hub allows: write owner/name.")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return ClipError(f"'{repo}' is not on this computer yet and HF_HUB_OFFLINE is set: unset it to download.")
    if isinstance(error, errors.HfHubHTTPError):
        status = getattr(error.response, "status_code", "an error")
        return ClipError(f"The Hub answered {status} for the dataset '{repo}': try again later.")
    return ClipError(
        f"The dataset '{repo}', or this clip of it, is not on this computer and the Hub cannot be reached: check the "
        "network, or use 'bundled'."
    )


# Thumbnails ---------------------------------------------------------------------------------------------------


def _thumbnail(version: str, fetch: Callable[[], Path] | None) -> Path:
    """The kept thumbnail of a content, made if missing; without `fetch` or a readable clip, the placeholder."""
    folder = cache_folder() / "thumbnails"
    path = folder / f"{_digest(f'{THUMBNAIL_VERSION} {version}')}.jpg"
    if path.exists():
        return path
    clip = fetch() if fetch else None
    try:
        image = Image.fromarray(_middle(clip)) if clip else _placeholder()
    except VideoError:
        image = _placeholder()
    folder.mkdir(exist_ok=True)
    with video.replacing(path) as part:
        image.save(part, "JPEG", quality=85)
    return path


def _middle(path: Path) -> np.ndarray:
    """The frame in the middle of a clip as a small uint8 [H, W, 3]."""
    info = video.probe(path)
    height = min(THUMBNAIL_MAX_HEIGHT, max(1, round(THUMBNAIL_WIDTH * info.height / info.width)))
    size = (height, THUMBNAIL_WIDTH)
    try:
        return video.read(path, start=info.seconds / 2, frames=1, size=size)[0]
    except VideoError:  # its second half is damaged
        return video.read(path, frames=1, size=size)[0]


def _placeholder() -> Image.Image:
    return Image.new("RGB", (THUMBNAIL_WIDTH, THUMBNAIL_WIDTH * 3 // 4), (128, 128, 128))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
