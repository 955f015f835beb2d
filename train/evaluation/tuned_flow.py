"""The two numbers of `vp.baselines.tuned_flow` for each step, by search on training clips."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from vp.baselines import enlarged_flow
from vp.limits import MAX_HORIZON
from vp.metrics import MAX_PSNR
from vp.models import NAMES, preset
from vp.models.matching import warp

from ..arguments import add_data
from ..data.clip_files import find_data
from ..data.frame_cache import build
from ..data.splits import select, spread
from ..data.windows import fixed_windows

TUNED_ON = 240  # training clips
BATCH = 16  # windows
FACTORS = torch.arange(0.3, 1.21, 0.05)
BLENDS = torch.arange(0, 0.96, 0.05)


def fit_tuned_flow(windows: list[Tensor], horizon: int) -> dict:
    """The factors and blends with the highest mean PSNR, each step by itself.

    windows: each uint8 [at least 2 + horizon, 3, H, W], of training clips; the last `horizon` frames are the truth.
    Returns {"factors", "blends": a number for each step, "fitted_on": how many windows they were chosen on}. Raises
    ValueError without windows.
    """
    if not windows:
        raise ValueError(f"tuned flow is fitted on training clips: none is long enough for {horizon} frames to predict")
    decibels = torch.zeros(horizon, len(FACTORS), len(BLENDS), dtype=torch.float64)
    for part in torch.stack(windows)[:, -horizon - 2 :].split(BATCH):
        frames = part.float() / 255
        last, flow = frames[:, 1], enlarged_flow(frames[:, 1], frames[:, 0])
        for k in range(horizon):
            still = last - frames[:, 2 + k]
            for i, factor in enumerate(FACTORS):
                moved = warp(last, factor * (k + 1) * flow) - frames[:, 2 + k]
                # The error of a blend b of both is a parabola in b: three products give it for all blends.
                products = (moved * moved, moved * still, still * still)
                aa, ab, bb = (product.mean((1, 2, 3)).unsqueeze(1) for product in products)
                error = (1 - BLENDS) ** 2 * aa + 2 * BLENDS * (1 - BLENDS) * ab + BLENDS**2 * bb
                decibels[k, i] -= 10 * error.clamp_min(10 ** (-MAX_PSNR / 10)).log10().sum(0)
    best = [divmod(int(step.argmax()), len(BLENDS)) for step in decibels]
    factors = [round(FACTORS[i].item(), 2) for i, _ in best]
    blends = [round(BLENDS[i].item(), 2) for _, i in best]
    return {"factors": factors, "blends": blends, "fitted_on": len(windows)}


def main() -> None:
    """Fit them for the page (`vp.baselines.TUNED`): every size of frame, every step that can be asked for.

    python -m train.evaluation.tuned_flow --data UCF-101
    """
    parser = argparse.ArgumentParser(description=main.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    options = parser.parse_args()
    every, hub = find_data(options.data)
    clips = build(spread(select(every, "train"), TUNED_ON), options.cache, hub=hub)
    for size in sorted({preset(name).size for name in NAMES}):
        names = [clip.name for clip in clips]
        windows = fixed_windows(options.cache, names, length=5 + MAX_HORIZON, size=size, per_clip=2)
        print(size, fit_tuned_flow([frames for _, _, frames in windows], MAX_HORIZON), flush=True)


if __name__ == "__main__":
    main()
