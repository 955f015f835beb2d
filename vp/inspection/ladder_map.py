"""The whole ladder at work: how strongly every stage answers, place by place and step by step."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models import BLOCKS, KERNELS
from ..models.ladder import TAPS_READ
from ..models.silence import SKIP
from ..predictor import Predictor

DECODER = ("L4", "L3", "L2", "L1")


@dataclass(frozen=True)
class LadderMap:
    """stages: {name: float32 [steps, h, w]}, the root mean square over a stage's channels, 0 and up.

    Names: the encoder's taps that the ladder reads (`e1` to `e5`; `stem` at full resolution), `C1.skip`, `C1.3x3` to
    `C4.7x7` and the decoder's `L4` to `L1`, in the order in which they are computed. channels: how many each has.
    There are seen + horizon - 1 steps, those of a `Rollout`.
    """

    stages: dict[str, np.ndarray]
    channels: dict[str, int]


def ladder_map(predictor: Predictor, frames: np.ndarray, seen: int | None = None, horizon: int = 3) -> LadderMap:
    """Run a window once more and look at every stage. Arguments and errors as in `Predictor.run`."""
    seen, window = predictor.prepare(frames, seen, horizon)
    model = predictor.model
    found: dict[str, list[Tensor]] = {}
    channels: dict[str, int] = {}

    here = threading.get_ident()

    def note(name: str, maps: Tensor) -> None:
        if threading.get_ident() != here:  # somebody else's prediction with the same network
            return
        channels[name] = maps.shape[1]
        found.setdefault(name, []).append(maps.float().square().mean(1).sqrt().cpu())

    hooks = []
    for name in DECODER:
        hooks.append(model.decoder[name].register_forward_hook(lambda _m, _i, out, name=name: note(name, out)))
    for block in BLOCKS:

        def lateral(module: torch.nn.Module, _inputs: tuple, out: tuple, block: str = block) -> None:
            for part, maps in zip((SKIP, *KERNELS), out[0].split(module.width, dim=1), strict=True):
                note(f"{block}.{part}", maps)

        hooks.append(model.laterals[block].register_forward_hook(lateral))
    taps = TAPS_READ[model.config.full_resolution]

    def features(flat: Tensor) -> list[Tensor]:
        maps = type(model).features(model, flat)
        for name, tap in zip(taps, maps, strict=True):
            note(name, tap)
        return maps

    model.features = features  # on the instance: the class and other instances are left alone
    try:
        with torch.inference_mode():
            model.rollout(window[None, :seen].to(predictor.device), horizon)
    finally:
        del model.features
        for hook in hooks:
            hook.remove()
    order = [*taps, *(f"{block}.{part}" for block in BLOCKS for part in (SKIP, *KERNELS)), *DECODER]
    return LadderMap({name: torch.cat(found[name]).numpy() for name in order}, {name: channels[name] for name in order})
