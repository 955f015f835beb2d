"""The flow of a rollout as it is built up: what each level adds to it, and what that is worth on this clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..metrics import psnr
from ..models import BLOCKS
from ..models.matching import enlarged, warp
from ..rollout import Rollout


@dataclass(frozen=True)
class Level:
    """The flow after one level, C4 first.

    flow: [steps, h, w, 2] in pixels (right, down), from the new frame back to the last, on the level's own grid; added:
    what this level itself added, alike. moved: [steps, H, W, 3] in [0, 1], the frame that each step reads moved by the
    flow. gain and share: a number a step, None where the truth is not known: dB of PSNR that `moved` is closer to the
    true next frame than the frame that was read, and what of it this level added to the coarser ones.
    """

    name: str
    flow: np.ndarray
    added: np.ndarray
    moved: np.ndarray
    gain: list[float | None]
    share: list[float | None]


def built_up(rollout: Rollout) -> list[Level]:
    """The levels of a rollout; none for a network that moves nothing level by level."""
    if not rollout.levels:
        return []
    read, truth = _read_and_true(rollout)
    coarser, worth, levels = None, 0.0, []
    for name in reversed(BLOCKS):
        flow = _tensor(rollout.levels[name])
        added = flow if coarser is None else flow - _enlarged(coarser, flow.shape[-2:])
        moved = moved_by(flow, read)
        gain = _gain(moved, read, truth)
        numbers = (_known(gain, rollout), _known(gain - worth, rollout))
        levels.append(Level(name, _array(flow), _array(added), _array(moved), *numbers))
        coarser, worth = flow, gain
    return levels


def moved_by(flow: Tensor, frames: Tensor) -> Tensor:
    """Frames [N, 3, H, W] moved, as the head does it, by the flow after some level, [N, 2, h, w] in their pixels."""
    return warp(frames, _enlarged(flow, frames.shape[-2:]), "bicubic")


def predicted_gain(rollout: Rollout) -> list[float | None]:
    """`Level.gain` of what the network really predicted: moved, blended and painted."""
    made = _tensor(np.concatenate([rollout.one_step, rollout.predictions]))
    return _known(_gain(made, *_read_and_true(rollout)), rollout)


def _read_and_true(rollout: Rollout) -> tuple[Tensor, Tensor]:
    """The frame that each step reads, and the true ones after them, as far as they are known."""
    read = np.concatenate([rollout.seen_frames, rollout.predictions[:-1]])
    return _tensor(read), _tensor(np.concatenate([rollout.seen_frames[1:], rollout.truth]))


def _gain(frames: Tensor, read: Tensor, truth: Tensor) -> Tensor:
    n = len(truth)
    return psnr(frames[:n], truth) - psnr(read[:n], truth)


def _enlarged(flow: Tensor, size: torch.Size) -> Tensor:
    """A flow in pixels [N, 2, h, w] on a finer grid, as the network itself brings it there."""
    while flow.shape[-2] < size[0]:
        flow = enlarged(flow)
    return flow


def _known(values: Tensor, rollout: Rollout) -> list[float | None]:
    return [*values.tolist(), *[None] * (rollout.steps - len(values))]


def _tensor(maps: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(maps, dtype=np.float32)).permute(0, 3, 1, 2)


def _array(maps: Tensor) -> np.ndarray:
    return maps.permute(0, 2, 3, 1).numpy()
