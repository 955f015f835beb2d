"""Windows of the bundled clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vp import video
from vp.limits import FPS

FOLDER = Path(__file__).parents[2] / "assets" / "clips"


def window(clip: str, length: int, *, size: tuple[int, int], start: float = 0.5) -> np.ndarray:
    """`length` frames of a bundled clip (`walk`) or of any video file at `FPS`: uint8 [length, h, w, 3].

    start: seconds. Raises VideoError if the clip is too short.
    """
    path = FOLDER / f"{clip}.mp4"
    return video.read(path if path.exists() else clip, fps=FPS, size=size, start=start, frames=length)


def bundled() -> list[str]:
    """Names of the bundled clips."""
    return sorted(path.stem for path in FOLDER.glob("*.mp4"))
