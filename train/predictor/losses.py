"""Training losses: DSSIM, L1 and L2 with coefficients that sum to one (paper section 4), and PSNR."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vp.metrics import psnr, ssim_map
from vp.models import BLOCKS
from vp.models.matching import warp

# What is closer than this in dB differs by less than the noise of the video's compression.
PSNR_LIMIT = 50.0


class PredictionLoss(nn.Module):
    """Weighted sum of the terms; the weights are normalised to sum to one.

    weights: any of "dssim", "l1", "l2", "psnr" -> coefficient.
    "psnr" is minus the mean PSNR over frames, in units of 100 dB (never below -0.5: what is closer than 50 dB is
    closer than the codec's noise). It weighs a frame by the relative, not the absolute, size of its error, so
    that a scene where almost nothing moves counts as much as a busy one; the other terms all but ignore it.
    forward: prediction (unclipped) and truth, [N, 3, H, W] in [0, 1], fp32 -> (loss, {term: value, detached}).
    """

    TERMS = ("dssim", "l1", "l2", "psnr")

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        if unknown := set(weights) - set(self.TERMS):
            raise ValueError(f"unknown loss terms: {', '.join(sorted(unknown))}; there are {', '.join(self.TERMS)}")
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ValueError(f"loss weights must be positive, not {weights}")
        self.weights = {name: value / total for name, value in weights.items() if value}

    def forward(self, prediction: Tensor, truth: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        terms = {}
        for name in self.weights:
            if name == "dssim":
                terms[name] = (1 - ssim_map(prediction, truth).mean()) / 2
            elif name == "l1":
                terms[name] = (prediction - truth).abs().mean()
            elif name == "l2":
                terms[name] = F.mse_loss(prediction, truth)
            else:
                terms[name] = -psnr(prediction, truth).clamp_max(PSNR_LIMIT).mean() / 100
        return sum(self.weights[name] * value for name, value in terms.items()), {
            name: value.detach() for name, value in terms.items()
        }


def level_loss(levels: dict[str, Tensor], strides: tuple[int, ...], last: Tensor, truth: Tensor) -> Tensor:
    """How far each level's flow is from bringing the last frame to the true one, at that level's own resolution.

    levels: {block: flow [N, 2, h, w] in pixels}; strides: pixels for one place of the maps of C1 to C4; last and truth:
    [N, 3, H, W] in [0, 1]. A Charbonnier distance (Charbonnier et al. 1994) of the frames pooled to the level's size,
    summed over the levels: without it the coarse levels would learn only what the finest passes down.
    """
    total = last.new_zeros(())
    for block, flow in levels.items():
        stride = strides[BLOCKS.index(block)]
        here, there = (F.avg_pool2d(x, stride) if stride > 1 else x for x in (last, truth))
        moved = warp(here, flow / stride)
        total = total + ((moved - there).square() + 1e-6).sqrt().mean()
    return total
