"""Training clips from the decoded cache, cropped, flipped and resized as whole clips.

What sample number i holds is a function of the seed and i alone. A run that was killed and resumed at step s
therefore sees exactly the clips that it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from .cache import read_index


@dataclass(frozen=True)
class Augmentation:
    """Changes applied to a whole clip alike.

    scale: range of the cropped share of each side. aspect: largest stretch of width against height.
    flip: left-right at even odds. reverse: odds of playing backwards. colour: largest relative change of
    brightness, contrast and saturation. fps: range of frame rates in Hz from which each clip takes one.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    aspect: float = 1.0
    flip: bool = False
    reverse: float = 0.0
    colour: float = 0.0
    fps: tuple[float, float] = (10.0, 10.0)


class Windows(Dataset):
    """Endless random windows of clips: sample i is (frames uint8 [T, 3, h, w] cropped, colour [3]).

    names: clips by name; length: frames T of a window; samples: how many indices there are.
    curriculum: {sample: range of frame rates in Hz from that sample on}, instead of the augmentation's.
    """

    def __init__(
        self,
        cache: Path,
        names: list[str],
        *,
        length: int,
        augmentation: Augmentation,
        seed: int,
        samples: int,
        curriculum: dict[int, tuple[float, float]] | None = None,
    ) -> None:
        self.cache, self.length, self.augmentation, self.seed, self.samples = cache, length, augmentation, seed, samples
        index = read_index(cache)
        self.clips = [(name, *index[name]) for name in names if name in index]
        self.curriculum = {0: augmentation.fps, **(curriculum or {})}
        slowest = min(min(rates) for rates in self.curriculum.values())
        self.clips = [c for c in self.clips if (c[1] - 1) / c[2] >= (length - 1) / min(slowest, c[2])]
        if not self.clips:
            raise ValueError(f"no clip in {cache} is long enough for {length} frames at {slowest} Hz")

    def __len__(self) -> int:
        return self.samples

    def rates(self, i: int) -> tuple[float, float]:
        """Range of frame rates in Hz that sample i takes one from."""
        return self.curriculum[max(start for start in self.curriculum if start <= i)]

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        epoch, place = divmod(i, len(self.clips))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.clips))
        rng = np.random.default_rng((self.seed, epoch, place))
        name, count, native = self.clips[order[place]]
        a = self.augmentation
        rate = min(rng.uniform(*self.rates(i)), native)
        steps = frame_steps(self.length, native, rate)
        frames = np.load(self.cache / f"{name}.npy", mmap_mode="r")
        steps = steps + rng.integers(0, max(1, count - steps[-1]))
        height, width = frames.shape[1:3]
        scale = rng.uniform(*a.scale)
        stretch = a.aspect ** rng.uniform(-1, 1)
        h = min(height, round(height * scale * stretch**0.5))
        w = min(width, round(width * scale / stretch**0.5))
        top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        clip = frames[np.minimum(steps, count - 1), top : top + h, left : left + w]
        if a.flip and rng.random() < 0.5:
            clip = clip[:, :, ::-1]
        if rng.random() < a.reverse:
            clip = clip[::-1]
        colour = 1 + a.colour * rng.uniform(-1, 1, size=3)
        return torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2))), torch.from_numpy(colour).float()


def frame_steps(length: int, native: float, rate: float) -> np.ndarray:
    """Which frames of a clip at `native` Hz, counted from the first, make `length` frames at `rate` Hz."""
    return np.floor(np.arange(length) * native / rate + 1e-6).astype(int)


def apply_colour(frames: Tensor, colour: Tensor) -> Tensor:
    """Brightness, contrast and saturation factors [3] on frames [T, 3, H, W] in [0, 1], clipped to [0, 1]."""
    brightness, contrast, saturation = colour
    frames = frames * brightness
    mean = frames.mean()
    frames = (frames - mean) * contrast + mean
    grey = frames.mean(1, keepdim=True)
    return ((frames - grey) * saturation + grey).clamp(0, 1)


class Collate:
    """Batch of `Windows` samples -> float32 [B, T, 3, H, W] in [0, 1], antialiased to `size` (h, w)."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def __call__(self, samples: list[tuple[Tensor, Tensor]]) -> Tensor:
        clips = []
        for frames, colour in samples:
            x = frames.float() / 255
            if x.shape[-2:] != self.size:
                x = F.interpolate(x, size=self.size, mode="bilinear", antialias=True, align_corners=False)
            clips.append(apply_colour(x, colour) if (colour != 1).any() else x)
        return torch.stack(clips)


def fixed_windows(
    cache: Path, names: list[str], *, length: int, size: tuple[int, int], fps: float = 10.0, per_clip: int = 4
) -> list[tuple[str, int, Tensor]]:
    """The windows that scores are taken on: `per_clip` evenly spaced ones of each clip.

    Returns (clip name, start frame, uint8 [T, 3, H, W]); clips too short for one window are left out.
    """
    index = read_index(cache)
    windows = []
    for name in names:
        count, native = index[name]
        steps = frame_steps(length, native, fps)
        room = count - 1 - steps[-1]
        if room < 0:
            continue
        frames = np.load(cache / f"{name}.npy", mmap_mode="r")
        for start in np.unique(np.linspace(0, room, per_clip).round().astype(int)):
            clip = torch.from_numpy(np.ascontiguousarray(frames[start + steps].transpose(0, 3, 1, 2)))
            if clip.shape[-2:] != size:
                # On uint8 the antialiased resize rounds once, as a video resized before reading would be.
                clip = F.interpolate(clip, size=size, mode="bilinear", antialias=True, align_corners=False)
            windows.append((name, int(start), clip))
    return windows
