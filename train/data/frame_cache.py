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
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from multiprocessing import get_context
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
CHUNK = 4


class Origin(NamedTuple):
    """The file that an entry was decoded from: its real path, size in bytes and time of change in ns. Of a clip of the
    Hub: its address, 0, and a number for its version. By default not known."""

    path: str = ""
    size: int = -1
    changed: int = 0

    @classmethod
    def of(cls, path: str | Path, hub: ClipSource | None = None) -> Origin:
        """A file as it is now; where there is none, what no entry can be made of. Raises ClipError."""
        if hub:
            id = Path(path).as_posix()
            return cls(f"hub:{hub.spec}/{id}", 0, int(_digest(hub.version(id)), 16))
        try:
            status = os.stat(path)
        except OSError:
            return cls(os.path.realpath(path))
        return cls(os.path.realpath(path), status.st_size, status.st_mtime_ns)


DRAWN = Origin("", 0)  # of entries that no file was decoded for
MISSING = (0, 0.0, Origin())  # what is not in the cache, as an entry


def decode(source: Path, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, float]:
    """All frames of a clip, uint8 [T, H, W, 3], and their rate in Hz.

    That is the clip's own, unless these are more than `MAX_FRAMES`: then evenly every second, third ... of them, which
    is printed. Raises VideoError.
    """
    try:
        from vp import video
    except ImportError:  # machines that only train may have OpenCV and no PyAV
        return _decode_by_opencv(source, size)
    info = video.probe(source)
    thinned = max(1, -(-round(info.seconds * info.fps) // MAX_FRAMES))
    fps = info.fps / thinned
    if thinned > 1:
        print(f"{source} has more than {MAX_FRAMES:,} frames at {info.fps:g} Hz: kept at {fps:g} Hz", flush=True)
    return video.read(source, fps=fps, size=size), fps


def _decode_by_opencv(source: Path, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    import cv2

    cv2.setNumThreads(1)  # there is a process for each core already
    capture = cv2.VideoCapture(str(source))
    frames = []
    there, frame = capture.read()
    while there:
        frames.append(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)[..., ::-1])
        there, frame = capture.read()
    fps = capture.get(cv2.CAP_PROP_FPS)
    if not frames or not fps > 0:
        raise VideoError(f"{source} cannot be decoded by OpenCV; with PyAV more formats can: pip install av")
    return np.stack(frames), fps


_hub: ClipSource | None = None  # of this process


def _work_with(source: ClipSource | None) -> None:
    global _hub
    _hub = source


def _build_one(clip: ClipFile, folder: Path) -> tuple:
    """Decode one clip into the cache. Returns its line of the index, with 0 frames if it failed, which is printed."""
    try:
        path = _hub.path(clip.path.as_posix()) if _hub else clip.path
        origin = Origin.of(clip.path, _hub)  # before it is read: what changes meanwhile is decoded again the next time
        if not path.exists():
            raise VideoError("the file is gone, or a link that leads nowhere")
        frames, fps = decode(path)
    except VideoError as error:
        print(f"skipped {clip.path}: {error}", flush=True)
        return clip.name, 0, 0.0
    write(folder / f"{clip.name}.npy", frames)
    return clip.name, len(frames), fps, *origin


def write(target: Path, frames: np.ndarray) -> None:
    """Write an entry, which is only ever seen whole. Raises OSError, saying what to do."""
    try:
        with replacing(target) as part:
            np.save(part, frames)
    except OSError as error:  # NumPy gives a full disk no number
        why = error.strerror or "the disk is full"
        raise OSError(f"{target} cannot be written: {why}. Free some space, or name another --cache") from error


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
        frames, _, origin = entries.get(clip.name, MISSING)
        file, header = folder / f"{clip.name}.npy", 128
        whole = file.exists() and file.stat().st_size == header + frames * SIZE[0] * SIZE[1] * 3
        return whole and _is_of(origin, Origin.of(clip.path, hub))

    missing = [clip for clip in clips if not held(clip)]
    if not missing:
        return clips
    workers = min(workers or os.cpu_count() or 1, -(-len(missing) // CHUNK))
    if workers == 1:  # a process takes longer to start than a few clips to decode
        pool = ThreadPoolExecutor(1, initializer=_work_with, initargs=(hub,))
    else:
        # A copy of a process with threads, as Linux makes it, may wait for ever for a lock that one of them held.
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _work_with, (hub,))
    with (folder / "index.jsonl").open("a", encoding="utf-8") as log, pool:
        lines = pool.map(_build_one, missing, repeat(folder), chunksize=CHUNK)
        for line in tqdm(lines, total=len(missing), desc="decoding", unit="clip"):
            log.write(json.dumps(line) + "\n")
            log.flush()
    return clips


def named(clips: list[ClipFile], folder: Path, hub: ClipSource | None = None) -> list[ClipFile]:
    """The clips by the names that they have in a cache: their own, with a suffix where that is another file's."""
    entries = read_entries(folder)

    def name(clip: ClipFile) -> str:
        now = Origin.of(clip.path, hub)
        _, _, origin = entries.get(clip.name, MISSING)
        # What is drawn or of the Hub is no file here, and has no size.
        there = origin.size == 0 or os.path.exists(origin.path)
        taken = there and origin.path != now.path and not _is_of(origin, now)
        return f"{clip.name}-{_digest(now.path)}" if taken else clip.name

    return [replace(clip, name=name(clip)) for clip in clips]


def read_index(folder: Path) -> dict[str, tuple[int, float]]:
    """{clip name: (frames, frame rate in Hz)} of what the cache holds."""
    return {name: (frames, fps) for name, (frames, fps, _) in read_entries(folder).items()}


def read_entries(folder: Path) -> dict[str, tuple[int, float, Origin]]:
    """The same, and where the frames come from."""
    path = folder / "index.jsonl"
    entries = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            name, frames, fps, *origin = json.loads(line)
        except ValueError:  # the line that a killed build was writing
            continue
        entries[name] = (frames, fps, Origin(*origin))
    return {name: entry for name, entry in entries.items() if entry[0]}


def _is_of(origin: Origin, now: Origin) -> bool:
    """Whether frames of this origin are those of a file as it is now: the same one, or a copy."""
    if origin.path == now.path or origin.size != now.size or now.size <= 0:  # 0: drawn, or of the Hub
        return origin == now
    if not os.path.exists(origin.path):
        return origin.changed == now.changed
    return Origin.of(origin.path) == origin and filecmp.cmp(origin.path, now.path, shallow=False)


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]
