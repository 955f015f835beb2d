"""Endless random batches of clips, cut, mirrored, coloured and resized as whole clips, on the device that trains.

What a batch holds is a function of the seed and its number alone: a run that was stopped and goes on at step s sees
exactly the clips that it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vp.limits import FPS

from .frame_cache import read_index
from .windows import frame_steps, resize

# Clips that share the size of their cut, so that they are resized as one.
GROUP = 4


@dataclass(frozen=True)
class Augmentation:
    """Changes applied to a whole clip alike.

    scale: range of the cropped share of each side; what a network makes of a small cut is what it makes of a frame at a
        larger size. aspect: largest stretch of width against height. flip: left-right at even odds. reverse: odds of
        playing backwards. colour: largest relative change of brightness, contrast and saturation. fps: range of frame
        rates in Hz from which a clip takes one; usual: odds that it takes 10 Hz instead, the rate of every score.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    aspect: float = 1.0
    flip: bool = False
    reverse: float = 0.0
    colour: float = 0.0
    fps: tuple[float, float] = (10.0, 10.0)
    usual: float = 0.0


@dataclass
class Batches:
    """Batch number i: float32 [batch, length, 3, h, w] in [0, 1].

    names: clips by name; those too short for a window at the slowest rate are left out. On a GPU all frames are kept
    in its RAM, else they are read from the cache as they are needed. Raises ValueError if no clip is left.
    """

    cache: Path
    names: list[str]
    length: int
    size: tuple[int, int]
    batch: int
    augmentation: Augmentation
    seed: int
    device: torch.device

    def __post_init__(self) -> None:
        index, slowest = read_index(self.cache), self.augmentation.fps[0]
        self.clips, self.frames = [], []
        for name in self.names:
            count, native = index.get(name, (0, FPS))
            if (count - 1) / native >= (self.length - 1) / min(slowest, native):
                self.clips.append((count, native))
                # Mapped, so that on a CPU only those frames are read that are taken; private, as tensors want it.
                frames = np.load(self.cache / f"{name}.npy", mmap_mode="c")
                self.frames.append(torch.from_numpy(frames).to(self.device))
        if not self.clips:
            raise ValueError(f"no clip in {self.cache} is long enough for {self.length} frames at {slowest} Hz")

    def __getitem__(self, number: int) -> Tensor:
        return torch.cat([self._group(number, place) for place in range(0, self.batch, GROUP)])

    def _group(self, number: int, place: int) -> Tensor:
        """The clips of a batch from some place on, `GROUP` or what is left, cut to one size."""
        rng = np.random.default_rng((self.seed, number, place))
        count, first = min(GROUP, self.batch - place), number * self.batch + place
        a = self.augmentation
        height, width = self.frames[0].shape[1:3]
        scale, stretch = rng.uniform(*a.scale), a.aspect ** rng.uniform(-1, 1)
        h = min(height, round(height * scale * stretch**0.5))
        w = min(width, round(width * scale / stretch**0.5))
        clips = []
        for sample in range(first, first + count):
            clip, steps = self._window(rng, sample)
            frames = self.frames[clip]
            frames = frames.index_select(0, torch.from_numpy(steps).to(frames.device, non_blocking=True))
            top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            frames = frames[:, top : top + h, left : left + w]
            clips.append(frames.flip(2) if a.flip and rng.random() < 0.5 else frames)
        x = torch.stack(clips).permute(0, 1, 4, 2, 3).float().div_(255)
        x = resize(x.flatten(0, 1), self.size).unflatten(0, (count, self.length))
        if a.colour:
            x = recolour(x, torch.from_numpy(1 + a.colour * rng.uniform(-1, 1, size=(3, count))).to(x))
        return x

    def _window(self, rng: np.random.Generator, sample: int) -> tuple[int, np.ndarray]:
        """A clip and which of its frames: every clip comes once in an epoch, in an order of its own."""
        a = self.augmentation
        epoch, place = divmod(sample, len(self.clips))
        clip = int(np.random.default_rng((self.seed, epoch)).permutation(len(self.clips))[place])
        count, native = self.clips[clip]
        rate = FPS if rng.random() < a.usual else rng.uniform(*a.fps)
        steps = frame_steps(self.length, native, min(rate, native))
        steps = np.minimum(steps + rng.integers(0, max(1, count - steps[-1])), count - 1)
        return clip, steps[::-1].copy() if rng.random() < a.reverse else steps


def recolour(clips: Tensor, factors: Tensor) -> Tensor:
    """Brightness, contrast and saturation factors [3, B] on clips [B, T, 3, H, W] in [0, 1], clipped to [0, 1]."""
    brightness, contrast, saturation = factors.view(3, -1, 1, 1, 1, 1)
    clips = clips * brightness
    mean = clips.mean((1, 2, 3, 4), keepdim=True)
    clips = (clips - mean) * contrast + mean
    grey = clips.mean(2, keepdim=True)
    return ((clips - grey) * saturation + grey).clamp(0, 1)
