"""Training losses: DSSIM, L1 and L2 with coefficients that sum to one (paper section 4), PSNR and local contrast."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vp.inspection import moved_by
from vp.metrics import psnr, ssim_map

# What is closer than this in dB differs by less than the noise of the video's compression.
PSNR_LIMIT = 50.0
# Pixels on a side over which contrast is compared. Where an edge will be is uncertain by some pixels: in windows as
# small as that, the least wrong is to have none.
CONTRAST_WINDOW = 16


class PredictionLoss(nn.Module):
    """Weighted sum of the terms; the weights are normalised to sum to one.

    weights: any of "dssim", "l1", "l2", "psnr", "contrast" -> coefficient.
    "psnr" is minus the mean PSNR over frames, in units of 100 dB (never below -0.5: what is closer than 50 dB is
    closer than the codec's noise). It weighs a frame by the relative, not the absolute, size of its error, so
    that a scene where almost nothing moves counts as much as a busy one; the other terms all but ignore it.
    "contrast" compares how much there is to see, not where: without it what is uncertain is best blurred, the further
    ahead the more.
    forward: prediction (unclipped) and truth, [N, 3, H, W] in [0, 1], fp32, and how many steps ahead of the last real
    frame each is [N] (None: one), as often as which "contrast" counts -> (loss, {term: value, detached}).
    """

    TERMS = ("dssim", "l1", "l2", "psnr", "contrast")

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        if unknown := set(weights) - set(self.TERMS):
            raise ValueError(f"unknown loss terms: {', '.join(sorted(unknown))}; there are {', '.join(self.TERMS)}")
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ValueError(f"loss weights must be positive, not {weights}")
        self.weights = {name: value / total for name, value in weights.items() if value}

    def forward(
        self, prediction: Tensor, truth: Tensor, ahead: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        terms = {}
        for name in self.weights:
            if name == "dssim":
                terms[name] = (1 - ssim_map(prediction, truth).mean()) / 2
            elif name == "l1":
                terms[name] = (prediction - truth).abs().mean()
            elif name == "l2":
                terms[name] = F.mse_loss(prediction, truth)
            elif name == "contrast":
                off = (local_contrast(prediction) - local_contrast(truth)).abs().mean((1, 2, 3))
                terms[name] = (off if ahead is None else off * ahead).mean()
            else:
                terms[name] = psnr_term(prediction, truth)
        return sum(self.weights[name] * value for name, value in terms.items()), {
            name: value.detach() for name, value in terms.items()
        }


def psnr_term(prediction: Tensor, truth: Tensor) -> Tensor:
    """Minus the mean PSNR of [N, 3, H, W] in units of 100 dB, none counted as more than PSNR_LIMIT."""
    return -psnr(prediction, truth).clamp_max(PSNR_LIMIT).mean() / 100


def local_contrast(frames: Tensor) -> Tensor:
    """How much neighbouring pixels differ: [N, C, H, W] -> the mean absolute difference to the right and down over
    windows of `CONTRAST_WINDOW` pixels, [N, 2 C, (H - 1) // 16, (W - 1) // 16]."""
    inner = frames[..., :-1, :-1]
    across, down = frames[..., :-1, 1:] - inner, frames[..., 1:, :-1] - inner
    return F.avg_pool2d(torch.cat([across, down], dim=1).abs(), CONTRAST_WINDOW)


def level_loss(levels: dict[str, Tensor], last: Tensor, truth: Tensor) -> Tensor:
    """How far the last frame, moved by the flow as it stands after each level, is from the true one: the mean over
    levels of the "psnr" term.

    levels: {block: flow [N, 2, h, w] in pixels}; last and truth: [N, 3, H, W] in [0, 1]. The head can make up by
    blending and paint for what a memory does not move; here it cannot.
    """
    return torch.stack([psnr_term(moved_by(flow, last), truth) for flow in levels.values()]).mean()
