"""A decoded copy of the clips, so that training reads frames and never decodes.

One memory-mapped `.npy` per clip, uint8 [frames, 128, 160, 3] at the clip's own frame rate, written to a
temporary name and renamed when whole: a build that was killed goes on where it stopped, and two builds can
share a folder. UCF101 takes about 60 kB a frame.

    python -m train.cache --data DIR --cache DIR
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from vp.errors import VideoError

from .splits import ClipFile, find_clips, select

SIZE = (128, 160)


def decode(source: Path, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, float]:
    """All frames of a clip, uint8 [T, H, W, 3], and its frame rate in Hz. Raises VideoError."""
    try:
        from vp import video
    except ImportError:  # machines that only train may have OpenCV and no PyAV
        return _decode_by_opencv(source, size)
    fps = video.probe(source).fps
    return video.read(source, fps=fps, size=size), fps


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


def _build_one(job: tuple[str, str, str]) -> tuple[str, int, float] | str:
    name, source, folder = job
    target = Path(folder) / f"{name}.npy"
    try:
        frames, fps = decode(Path(source))
    except VideoError as error:
        return str(error)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.save(file, frames)
    os.replace(temporary, target)
    return name, len(frames), fps


def build(clips: list[ClipFile], folder: Path, workers: int | None = None) -> None:
    """Decode what is missing from the cache. Prints the clips that cannot be decoded and goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(folder)
    missing = [c for c in clips if c.name not in index or not _whole(folder / f"{c.name}.npy", index[c.name][0])]
    if not missing:
        return
    jobs = [(clip.name, str(clip.path), str(folder)) for clip in missing]
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool, (folder / "index.jsonl").open("a") as log:
        for result in tqdm(pool.map(_build_one, jobs, chunksize=4), total=len(jobs), desc="decoding", unit="clip"):
            if isinstance(result, str):
                print(f"skipped {result}")
            else:
                log.write(json.dumps(result) + "\n")
                log.flush()


def read_index(folder: Path) -> dict[str, tuple[int, float]]:
    """{clip name: (frames, frame rate)} of what the cache holds."""
    path = Path(folder) / "index.jsonl"
    index = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            name, frames, fps = json.loads(line)
        except ValueError:  # the line that a killed build was writing
            continue
        index[name] = (frames, fps)
    return index


def _whole(path: Path, frames: int) -> bool:
    header = 128
    return path.exists() and path.stat().st_size == header + frames * SIZE[0] * SIZE[1] * 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="UCF101 folder: CLASS/v_CLASS_gXX_cYY.avi or .mp4")
    parser.add_argument("--cache", type=Path, required=True, help="folder to fill")
    parser.add_argument("--part", default=None, help="train, validation, train+validation or test; default all")
    parser.add_argument("--workers", type=int, default=None)
    args = parser.parse_args()
    clips = find_clips(args.data)
    build(select(clips, args.part) if args.part else clips, args.cache, args.workers)


if __name__ == "__main__":
    main()
