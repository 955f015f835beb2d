"""Windows of clips: which frames of one make a sequence at some rate, and the fixed ones that scores are taken on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vp.limits import FPS

from .frame_cache import read_index


def frame_steps(length: int, native: float, rate: float) -> np.ndarray:
    """Which frames of a clip at `native` Hz, counted from the first, make `length` frames at `rate` Hz."""
    return np.floor(np.arange(length) * native / rate + 1e-6).astype(int)


def resize(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Frames [N, 3, H, W], uint8 or float, at another size (h, w), antialiased."""
    if frames.shape[-2:] == size:
        return frames
    return F.interpolate(frames, size=size, mode="bilinear", antialias=True, align_corners=False)


def fixed_windows(
    cache: Path, names: list[str], *, length: int, size: tuple[int, int], per_clip: int = 4
) -> list[tuple[str, int, Tensor]]:
    """The windows that scores are taken on: `per_clip` evenly spaced ones of each clip, at `FPS`.

    Returns (clip name, start frame, uint8 [T, 3, H, W]); clips too short for one window, or that the cache does not
    hold, are left out.
    """
    index = read_index(cache)
    windows = []
    for name in names:
        count, native = index.get(name, (0, FPS))
        steps = frame_steps(length, native, FPS)
        room = count - 1 - steps[-1]
        if room < 0:
            continue
        frames = np.load(cache / f"{name}.npy", mmap_mode="r")
        for start in np.unique(np.linspace(0, room, per_clip).round().astype(int)):
            clip = torch.from_numpy(np.ascontiguousarray(frames[start + steps].transpose(0, 3, 1, 2)))
            # On uint8 the antialiased resize rounds once, as a video resized before reading would be.
            windows.append((name, int(start), resize(clip, size)))
    return windows
