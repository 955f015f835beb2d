"""A decoded copy of the clips, so that training reads frames and never decodes.

One memory-mapped `.npy` per clip, uint8 [frames, 128, 160, 3] at the clip's own frame rate, written to a
temporary name and renamed when whole: a build that was killed goes on where it stopped, and two builds can
share a folder. UCF101 takes about 60 kB a frame.

`index.jsonl` has a line for each: name, frames, frame rate, and of the file that it was decoded from its path, size in
bytes and time of change in ns. A file that has changed is decoded again, and another file of the same name gets an
entry of its own beside it.

    python -m train.cache --data DIR --cache DIR
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from vp import video
from vp.errors import VideoError
from vp.limits import MAX_FRAMES

from .arguments import at_least_one
from .splits import ClipFile, find_clips, select

SIZE = (128, 160)


class Origin(NamedTuple):
    """The file that an entry was decoded from: its real path, size in bytes and time of change in ns."""

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Origin:
        """A file as it is now. Raises OSError where there is none."""
        status = path.stat()
        return cls(os.path.realpath(path), status.st_size, status.st_mtime_ns)


DRAWN = Origin("", 0, 0)  # of entries that no file was decoded for


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
    info = video.probe(source)
    thinned = max(1, -(-round(info.seconds * info.fps) // MAX_FRAMES))
    return video.read(source, fps=info.fps / thinned, size=size), info.fps / thinned


def _build_one(job: tuple[str, str, str]) -> tuple[tuple, str]:
    """Decode one clip into the cache: (its line of the index, with 0 frames if it failed; words for people)."""
    name, source, folder = job
    target = Path(folder) / f"{name}.npy"
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        origin = Origin.of(Path(source))  # before it is read: what changes meanwhile is decoded again the next time
        frames, fps = decode(Path(source))
    except VideoError as error:
        return (name, 0, 0.0), f"skipped {source}: {error}"
    except FileNotFoundError:
        return (name, 0, 0.0), f"skipped {source}: the file is gone, or a link that leads nowhere"
    try:
        with temporary.open("wb") as file:
            np.save(file, frames)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    native = video.probe(source).fps
    words = f"{source} has more than {MAX_FRAMES:,} frames at {native:g} Hz: kept at {fps:g} Hz" if fps < native else ""
    return (name, len(frames), fps, *origin), words


def build(clips: list[ClipFile], folder: Path, workers: int | None = None) -> list[ClipFile]:
    """Decode what is missing from the cache or was changed since. Prints the clips that cannot be decoded, or only at a
    lower rate, and goes on.

    Returns the clips as `named` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clips, entries = named(clips, folder), read_entries(folder)

    def held(clip: ClipFile) -> bool:
        entry = entries.get(clip.name)
        return bool(entry and _is_of(entry, clip.path) and _whole(folder / f"{clip.name}.npy", entry.frames))

    jobs = [(clip.name, str(clip.path), str(folder)) for clip in clips if not held(clip)]
    if not jobs:
        return clips
    with (
        ProcessPoolExecutor(workers or os.cpu_count()) as pool,
        (folder / "index.jsonl").open("a", encoding="utf-8") as log,
    ):
        for line, words in tqdm(pool.map(_build_one, jobs, chunksize=4), total=len(jobs), desc="decoding", unit="clip"):
            if words:
                print(words)
            log.write(json.dumps(line) + "\n")
            log.flush()
    return clips


def named(clips: list[ClipFile], folder: Path) -> list[ClipFile]:
    """The clips by the names that they have in a cache: their own, with a suffix where that is another file's."""
    entries = read_entries(folder)

    def name(clip: ClipFile) -> str:
        entry, path = entries.get(clip.name), os.path.realpath(clip.path)
        if entry is None or entry.origin is None or entry.origin.path == path or _is_of(entry, clip.path):
            return clip.name
        other = entry.origin == DRAWN or os.path.exists(entry.origin.path)
        return f"{clip.name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}" if other else clip.name

    return [replace(clip, name=name(clip)) for clip in clips]


def in_cache(clips: list[ClipFile], folder: Path) -> list[ClipFile]:
    """The clips as `named` does, for a cache that is taken as it is. Raises ValueError if it holds a clip of this name
    that was decoded from another file, or from this one before it changed."""
    entries = read_entries(folder)
    found = named(clips, folder)
    for clip, asked in zip(found, clips, strict=True):
        entry = entries.get(clip.name) or entries.get(asked.name)
        if entry and entry.origin and not _is_of(entry, clip.path, moved=True):
            raise ValueError(
                f"the cache {folder} holds another {asked.name} than {clip.path} is now, made from "
                f"{entry.origin.path or 'a drawing'}: decode it too (leave --prepared out), or name another --cache"
            )
    return found


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


def _is_of(entry: Entry, path: Path, *, moved: bool = False) -> bool:
    """Whether an entry's frames are those of this file as it is now: the same one, or a copy. moved: a copy whose
    original is gone may be younger."""
    origin = entry.origin
    try:
        now = Origin.of(path)
        if origin is None or origin.path == now.path or origin.size != now.size:
            return origin == now
        if not os.path.exists(origin.path):
            return moved or origin.changed == now.changed
        return Origin.of(Path(origin.path)) == origin and filecmp.cmp(origin.path, path, shallow=False)
    except OSError:
        return False


def _whole(path: Path, frames: int) -> bool:
    header = 128
    return path.exists() and path.stat().st_size == header + frames * SIZE[0] * SIZE[1] * 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="UCF101 folder: CLASS/v_CLASS_gXX_cYY.avi or .mp4")
    parser.add_argument("--cache", type=Path, required=True, help="folder to fill")
    parser.add_argument("--part", default=None, help="train, validation, train+validation or test; default all")
    parser.add_argument("--workers", type=at_least_one, default=None, help="default: one for each core")
    args = parser.parse_args()
    try:
        clips = find_clips(args.data)
        build(select(clips, args.part) if args.part else clips, args.cache, args.workers)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
