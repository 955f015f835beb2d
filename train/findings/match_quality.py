"""How well motion is found: by features, by grey values, by both, and by optical flow.

    python -m train.findings.match_quality --data UCF-101

On windows of validation clips, with the features of the bundled one_frame: how much closer the frame before comes to a
frame when moved by what was found, and what that is worth carried on as `vp.baselines` does; in dB, over not moving.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from vp.baselines import enlarged_flow
from vp.metrics import psnr
from vp.models import BLOCKS
from vp.models.matching import finer, refine, warp
from vp.models.motion_ladder import MotionLadder
from vp.predictor import load_predictor

from ..arguments import add_data, errors_in_one_line
from ..data.sources import prepare
from .bands import carried_on, triples


def flows(model: MotionLadder, before: Tensor, now: Tensor) -> dict[str, Tensor]:
    """Motion from `now` back to `before`, frames [N, 3, H, W] in [0, 1], in pixels [N, 2, H, W], by name."""
    maps = model.observe(torch.cat([before, now]), batch=len(now)).inputs
    centre = None
    for block in reversed(BLOCKS):
        earlier, key = model.matchers[block].key(maps[block]).chunk(2)
        match = model.matchers[block](key, earlier, centre)
        centre = finer(match.displacement)
    features = finer(match.displacement)
    return {
        "features": features,
        "grey values": refine(torch.zeros_like(features), now, before),
        "features, then grey values": refine(features, now, before),
        "optical flow": enlarged_flow(now, before),
    }


@torch.inference_mode()
def worth(model: MotionLadder, before: Tensor, now: Tensor, after: Tensor) -> dict[str, tuple[float, float]]:
    """Frames [N, 3, H, W] in [0, 1] -> {name: (dB closer back to the frame before, dB closer to the next frame)}."""
    still, ahead = psnr(before, now), psnr(now, after)
    return {
        name: (
            (psnr(warp(before, flow), now) - still).mean().item(),
            (psnr(carried_on(now, flow), after) - ahead).mean().item(),
        )
        for name, flow in flows(model, before, now).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    args = parser.parse_args()
    with errors_in_one_line():
        predictor = load_predictor("one_frame", dtype=torch.float32)
        names = prepare(args.data, args.cache, kind="ucf101", clips=None, splits=None).validation
        frames = triples(names, args.cache, predictor.size)
        print(f"{predictor.size[0]}x{predictor.size[1]}, {len(frames[0])} windows")
        for name, (back, on) in worth(predictor.model, *frames).items():
            print(f"  {name:28} {back:+.2f} back, {on:+.2f} carried on")


if __name__ == "__main__":
    main()
