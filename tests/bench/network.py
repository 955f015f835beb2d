"""One prediction by one network: the whole of it, its parts, and the convolutions alone, which nothing can undercut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vp.models import Ladder, build, preset
from vp.predictor import Predictor

from .timing import best, once

# Frames seen and predicted, as in the paper's routines and in the goals of this project.
ROUTINES = {"lvln": (3, 3), "one_frame": (5, 3), "full_res": (5, 3)}


def make(name: str, design: str) -> Predictor:
    """A network with fresh weights: its speed does not depend on them."""
    torch.manual_seed(0)
    return Predictor(name, build(preset(name, design)))


def clip(predictor: Predictor, count: int) -> np.ndarray:
    """Frames of a size that has to be brought to the network's."""
    return np.random.default_rng(0).integers(0, 256, (count, 240, 320, 3), dtype=np.uint8)


def measure(name: str, design: str) -> dict:
    """Seconds of one prediction and of its parts, the floor of its convolutions, and its arithmetic."""
    seen, horizon = ROUTINES[name]
    predictor = make(name, design)
    frames = clip(predictor, seen + horizon)
    first = once(lambda: predictor.run(frames, seen, horizon))
    warm = best(lambda: predictor.run(frames, seen, horizon))
    window = predictor.prepare(frames, seen, horizon)[1][None, :seen].to(predictor.device)
    model = predictor.model

    def rollout(record: bool) -> Callable[[], object]:
        return torch.inference_mode()(lambda: model.rollout(window, horizon, record=record))

    plain, recorded = best(rollout(False)), best(rollout(True))
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model.rollout(window, horizon)
    floor = best(convolutions(model, rollout(False)))
    gflop = counter.get_total_flops() / 1e9
    return {
        "model": name,
        "design": design,
        "seen": seen,
        "horizon": horizon,
        "first": first,
        "warm": warm,
        "network": plain,
        "recorded": recorded,
        "gflop": gflop,
        "floor": floor,
        "gflop_per_second": gflop / plain,
        "parts": parts(model, window, horizon),
    }


def convolutions(model: nn.Module, run: Callable[[], object]) -> Callable[[], None]:
    """The convolutions of a run alone, with nothing between them: a function that does them."""
    calls: list[tuple[nn.Conv2d, Tensor]] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, inputs: calls.append((module, inputs[0])))
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    run()
    for hook in hooks:
        hook.remove()

    @torch.inference_mode()
    def alone() -> None:
        for module, x in calls:
            nn.Conv2d.forward(module, x)

    return alone


@torch.inference_mode()
def parts(model: Ladder, window: Tensor, horizon: int) -> dict[str, float]:
    """Seconds for a whole prediction in the encoder (matching included), the lateral blocks and the decoder."""
    flat = window.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    seen = model.observe(flat, batch=1)
    columns, state, _ = model.remember(seen, None, batch=1)
    one = model.observe(flat[-1:], state, batch=1)
    more, _, _ = model.remember(one, state, batch=1)

    def both(seeing: Callable[[], object], predicting: Callable[[], object]) -> float:
        return best(seeing) + (horizon - 1) * best(predicting)

    return {
        "encoder": both(
            lambda: model.observe(flat, batch=1),
            lambda: model.observe(flat[-1:], state, batch=1),
        ),
        "laterals": both(
            lambda: model.remember(seen, None, batch=1),
            lambda: model.remember(one, state, batch=1),
        ),
        "decoder": both(lambda: model.decode(columns, seen), lambda: model.decode(more, one)),
    }


def growth(name: str = "one_frame", design: str = "motion") -> dict[str, dict[int, float]]:
    """How the seconds of a prediction grow with the frames seen, the frames predicted and the size."""
    predictor = make(name, design)
    frames = clip(predictor, 30)
    found = {
        "seen": {n: best(lambda n=n: predictor.run(frames, n, 1), 3) for n in (1, 5, 10, 20)},
        "horizon": {n: best(lambda n=n: predictor.run(frames, 5, n), 3) for n in (1, 3, 5, 10)},
        "pixels": {},
    }
    for height, width in ((32, 32), (64, 96), (128, 160), (224, 320)):
        # Location maps have the size that they were made for; all else is convolutions.
        sized = Predictor(name, build(preset(name, design, height=height, width=width)))
        found["pixels"][height * width] = best(lambda sized=sized: sized.run(frames, 5, 3), 3)
    return found
