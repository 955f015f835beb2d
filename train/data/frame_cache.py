"""A decoded copy of the clips, so that training reads frames and never decodes.

One memory-mapped `.npy` per clip, uint8 [frames, 128, 160, 3] at the clip's own frame rate, written to a
temporary name and renamed when whole: a build that was killed goes on where it stopped, and two builds can
share a folder. UCF101 takes about 60 kB a frame.

`index.jsonl` has a line for each: name, frames, frame rate, and of the file that it was decoded from its path, size in
bytes and time of change in ns. A file that has changed is decoded again, and another file of the same name gets an
entry of its own beside it.

Clips of the Hub are downloaded as their turn comes, into the cache of its client.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from vp.errors import VideoError
from vp.limits import MAX_FRAMES
from vp.replacing import replacing

from .clip_files import ClipFile

if TYPE_CHECKING:
    from vp.clips import ClipSource

SIZE = (128, 160)


class Origin(NamedTuple):
    """The file that an entry was decoded from: its real path, size in bytes and time of change in ns. Of a clip of the
    Hub: its address, 0, and a number for its version. Without a file: all 0."""

    path: str
    size: int = 0
    changed: int = 0

    @classmethod
    def of(cls, path: str | Path, hub: ClipSource | None = None) -> Origin:
        """A file as it is now; where there is none, what no entry can be made of. Raises ClipError."""
        if hub:
            id = Path(path).as_posix()
            return cls(f"{HUB}{hub.spec}/{id}", 0, int(_digest(hub.version(id)), 16))
        try:
            status = Path(path).stat()
        except OSError:
            return cls(os.path.realpath(path), -1)
        return cls(os.path.realpath(path), status.st_size, status.st_mtime_ns)

    @property
    def exists(self) -> bool:
        """Whether an entry of this origin is still somebody's."""
        return self == DRAWN or self.path.startswith(HUB) or os.path.exists(self.path)


HUB = "hub:"
DRAWN = Origin("")  # of entries that no file was decoded for


class Entry(NamedTuple):
    """One clip in the cache: its number of frames, their rate in Hz, and where they come from (None: not known)."""

    frames: int
    fps: float
    origin: Origin | None


def decode(source: Path, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, float]:
    """All frames of a clip, uint8 [T, H, W, 3], and their rate in Hz.

    That is the clip's own, unless these are more than `MAX_FRAMES`: then evenly every second, third ... of them. Raises
    VideoError.
    """
    try:
        from vp import video
    except ImportError:  # machines that only train may have OpenCV and no PyAV
        return _decode_by_opencv(source, size)
    info = video.probe(source)
    thinned = max(1, -(-round(info.seconds * info.fps) // MAX_FRAMES))
    return video.read(source, fps=info.fps / thinned, size=size), info.fps / thinned


def _decode_by_opencv(source: Path, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    import cv2

    cv2.setNumThreads(1)  # there is a process for each core already
    capture = cv2.VideoCapture(str(source))
    frames = []
    while capture.isOpened():
        there, frame = capture.read()
        if not there:
            break
        if frame.shape[:2] != size:
            frame = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)
        frames.append(frame[..., ::-1])
    fps = capture.get(cv2.CAP_PROP_FPS)
    if not frames or not fps > 0:
        raise VideoError(f"{source} cannot be decoded by OpenCV; with PyAV more formats can: pip install av")
    return np.stack(frames), fps


_hub: ClipSource | None = None  # of this worker process


def _work_with(source: ClipSource | None) -> None:
    global _hub
    _hub = source


def _build_one(job: tuple[str, str, str]) -> tuple[tuple, str]:
    """Decode one clip into the cache: (its line of the index, with 0 frames if it failed; words for people)."""
    name, source, folder = job
    try:
        path = _hub.path(source) if _hub else Path(source)
        origin = Origin.of(source, _hub)  # before it is read: what changes meanwhile is decoded again the next time
        if not path.exists():
            return (name, 0, 0.0), f"skipped {source}: the file is gone, or a link that leads nowhere"
        frames, fps = decode(path)
    except VideoError as error:
        return (name, 0, 0.0), f"skipped {source}: {error}"
    write(Path(folder) / f"{name}.npy", frames)
    return (name, len(frames), fps, *origin), _thinned(path, fps)


def write(target: Path, frames: np.ndarray) -> None:
    """Write an entry, which is only ever seen whole. Raises OSError, saying what to do."""
    try:
        with replacing(target) as part:
            np.save(part, frames)
    except OSError as error:  # NumPy gives a full disk no number
        why = error.strerror or "the disk is full"
        raise OSError(f"{target} cannot be written: {why}. Free some space, or name another --cache") from error


def _thinned(path: Path, fps: float) -> str:
    """Words for people if a clip is kept at less than its own frame rate."""
    try:
        from vp import video
    except ImportError:  # OpenCV has read all there is
        return ""
    native = video.probe(path).fps
    return f"{path} has more than {MAX_FRAMES:,} frames at {native:g} Hz: kept at {fps:g} Hz" if fps < native else ""


def build(
    clips: list[ClipFile], folder: Path, workers: int | None = None, hub: ClipSource | None = None
) -> list[ClipFile]:
    """Decode what is missing from the cache or was changed since. Prints the clips that cannot be decoded, or only at a
    lower rate, and goes on.

    hub: where the clips' files are fetched from, None where they are here. Returns the clips as `named` does. Raises
    ClipError when fetching fails: what was decoded by then is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clips, entries = named(clips, folder, hub), read_entries(folder)

    def held(clip: ClipFile) -> bool:
        entry = entries.get(clip.name)
        current = entry is not None and _is_of(entry, Origin.of(clip.path, hub))
        return current and _whole(folder / f"{clip.name}.npy", entry.frames)

    missing = [clip for clip in clips if not held(clip)]
    jobs = [(clip.name, clip.path.as_posix() if hub else str(clip.path), str(folder)) for clip in missing]
    if not jobs:
        return clips
    pool = ProcessPoolExecutor(workers or os.cpu_count(), initializer=_work_with, initargs=(hub,))
    with pool, (folder / "index.jsonl").open("a", encoding="utf-8") as log:
        for line, words in tqdm(pool.map(_build_one, jobs, chunksize=4), total=len(jobs), desc="decoding", unit="clip"):
            if words:
                print(words)
            log.write(json.dumps(line) + "\n")
            log.flush()
    return clips


def named(clips: list[ClipFile], folder: Path, hub: ClipSource | None = None) -> list[ClipFile]:
    """The clips by the names that they have in a cache: their own, with a suffix where that is another file's."""
    entries = read_entries(folder)

    def name(clip: ClipFile) -> str:
        entry, now = entries.get(clip.name), Origin.of(clip.path, hub)
        if entry is None or entry.origin is None or entry.origin.path == now.path or _is_of(entry, now):
            return clip.name
        return f"{clip.name}-{_digest(now.path)}" if entry.origin.exists else clip.name

    return [replace(clip, name=name(clip)) for clip in clips]


def read_index(folder: Path) -> dict[str, tuple[int, float]]:
    """{clip name: (frames, frame rate)} of what the cache holds."""
    return {name: (entry.frames, entry.fps) for name, entry in read_entries(folder).items()}


def read_entries(folder: Path) -> dict[str, Entry]:
    """What the cache holds, by clip name."""
    path = Path(folder) / "index.jsonl"
    entries = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            name, frames, fps, *origin = json.loads(line)
        except ValueError:  # the line that a killed build was writing
            continue
        entries[name] = Entry(frames, fps, Origin(*origin) if origin else None)
    return {name: entry for name, entry in entries.items() if entry.frames}


def _is_of(entry: Entry, now: Origin) -> bool:
    """Whether an entry's frames are those of this file as it is now: the same one, or a copy."""
    origin = entry.origin
    if origin is None or origin.path == now.path or origin.size != now.size or now.size < 0:
        return origin == now
    if not origin.exists:
        return origin.changed == now.changed
    if origin == DRAWN or HUB in (origin.path[: len(HUB)], now.path[: len(HUB)]):
        return False
    return Origin.of(origin.path) == origin and filecmp.cmp(origin.path, now.path, shallow=False)


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]


def _whole(path: Path, frames: int) -> bool:
    header = 128
    return path.exists() and path.stat().st_size == header + frames * SIZE[0] * SIZE[1] * 3
