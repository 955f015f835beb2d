"""The whole ladder at work: how strongly every stage answers, place by place and step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models import KERNELS, LadderOutput
from ..models.ladder import fed_back
from ..models.silence import SKIP
from ..predictor import Predictor


@dataclass(frozen=True)
class LadderMap:
    """stages: {name: float32 [steps, h, w]}, the root mean square over a stage's channels, 0 and up.

    Names: the features that C1 to C4 read (`e1` to `e4`; at full resolution one tap earlier, from `stem` on), `e5`
    where the decoder reads it, `C1.skip`, `C1.3x3` to `C4.7x7` and the decoder's blocks, `L4` or `L3` to `L1`, in the
    order in which they are computed. channels: how many each has. There are seen + horizon - 1 steps, those of a
    `Rollout`.
    """

    stages: dict[str, np.ndarray]
    channels: dict[str, int]


def ladder_map(predictor: Predictor, frames: np.ndarray, seen: int | None = None, horizon: int = 3) -> LadderMap:
    """Run a window once more and look at every stage. Arguments and errors as in `Predictor.run`."""
    seen, window = predictor.prepare(frames, seen, horizon)
    model = predictor.model
    strengths: dict[str, list[Tensor]] = {}
    channels: dict[str, int] = {}

    def note(name: str, maps: Tensor) -> None:
        channels[name] = maps.shape[1]
        strengths.setdefault(name, []).append(maps.float().square().mean(1).sqrt().cpu())

    names = ("stem", "e1", "e2", "e3") if model.config.full_resolution else ("e1", "e2", "e3", "e4")
    shown, state, origin = window[:seen].to(predictor.device), None, None
    with torch.inference_mode():
        for _ in range(horizon):
            observed = model.observe(shown.contiguous(memory_format=torch.channels_last), state, batch=1)
            columns, state, _ = model.remember(observed, state, batch=1)
            decoded = model.decode(columns, observed, origin)
            for name, maps in zip(names, observed.inputs.values(), strict=True):
                note(name, maps)
            if observed.deepest is not None:
                note("e5", observed.deepest)
            for block, column in columns.items():
                for part, maps in zip((SKIP, *KERNELS), column.split(model.laterals[block].width, dim=1), strict=True):
                    note(f"{block}.{part}", maps)
            for name, maps in decoded.stages.items():
                note(name, maps)
            flow = None if decoded.flow is None else decoded.flow[None]
            origin = fed_back(LadderOutput(decoded.frames[None], state, flow=flow), origin)
            shown = decoded.frames[-1:].clamp(0, 1)
    return LadderMap({name: torch.cat(maps).numpy() for name, maps in strengths.items()}, channels)
