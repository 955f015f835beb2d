"""What motion of each size is worth: tuned flow without what is smaller, and without one octave.

    python -m train.findings.bands --data UCF-101

The gain over repeating the last frame in dB, one step ahead, on windows of validation clips. It decides what each level
of the ladder moves (`vp.models.motion_ladder.BANDS`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from vp.baselines import enlarged_flow
from vp.metrics import psnr
from vp.models.matching import warp
from vp.models.motion_ladder import low_pass

from ..arguments import add_data, errors_in_one_line
from ..data.sources import prepare
from ..data.windows import fixed_windows

SIZES = ((64, 96), (128, 160))
PIXELS = (1, 2, 4, 8, 16, 32, 64)
FACTOR, BLEND = 0.8, 0.3  # of tuned flow at its first step


def triples(names: list[str], cache: Path, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Three frames in a row of every second of these clips in the cache: each [N, 3, H, W] in [0, 1]."""
    windows = fixed_windows(cache, names, length=3, size=size, per_clip=1)[::2]
    return (torch.stack([frames for _, _, frames in windows]).float() / 255).unbind(1)


def carried_on(last: Tensor, flow: Tensor) -> Tensor:
    """The last frame [N, 3, H, W] moved on by a flow [N, 2, H, W] in pixels, with tuned flow's caution."""
    return torch.lerp(warp(last, FACTOR * flow), last, BLEND)


def worth(before: Tensor, last: Tensor, truth: Tensor) -> dict[int, tuple[float, float]]:
    """Frames [N, 3, H, W] in [0, 1] -> {pixels: (gain of the flow without what is smaller, dB lost without the octave
    from that size on)}; the last octave is everything larger."""
    flow = enlarged_flow(last, before)
    still = psnr(last, truth)
    parts = {size: low_pass(flow, size) for size in PIXELS}

    def gain(flow: Tensor) -> float:
        return (psnr(carried_on(last, flow), truth) - still).mean().item()

    whole, larger = gain(flow), {**parts, 2 * PIXELS[-1]: torch.zeros_like(flow)}
    return {size: (gain(part), whole - gain(flow - part + larger[2 * size])) for size, part in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data(parser)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    args = parser.parse_args()
    with errors_in_one_line():
        names = prepare(args.data, args.cache, kind="ucf101", clips=None, splits=None).validation
        for size in SIZES:
            frames = triples(names, args.cache, size)
            print(f"{size[0]}x{size[1]}, {len(frames[0])} windows")
            for pixels, (gain, lost) in worth(*frames).items():
                print(f"  {pixels:2} pixels: {gain:+.2f} with this and larger, {-lost:+.2f} without the octave")


if __name__ == "__main__":
    main()
