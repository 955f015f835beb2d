"""What a training step minimises: DSSIM, L1 and L2 with coefficients that sum to one (paper section 4), PSNR, local
contrast, and the motion of each level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vp.inspection import moved_by
from vp.metrics import psnr, ssim_map
from vp.models import Ladder
from vp.models.silence import masks

if TYPE_CHECKING:
    from .recipe import Recipe

# What is closer than this in dB differs by less than the noise of the video's compression.
PSNR_LIMIT = 50.0
# Pixels on a side over which contrast is compared. Where an edge will be is uncertain by some pixels: in windows as
# small as that, the least wrong is to have none.
CONTRAST_WINDOW = 16


# Of prediction x and truth y, each frame so many steps ahead of the last real one.
TERMS = {
    "dssim": lambda x, y, ahead: (1 - ssim_map(x, y).mean()) / 2,
    "l1": lambda x, y, ahead: (x - y).abs().mean(),
    "l2": lambda x, y, ahead: F.mse_loss(x, y),
    "psnr": lambda x, y, ahead: psnr_term(x, y),
    "contrast": lambda x, y, ahead: ((local_contrast(x) - local_contrast(y)).abs().mean((1, 2, 3)) * ahead).mean(),
}


class PredictionLoss(nn.Module):
    """Weighted sum of the terms; the weights are normalised to sum to one.

    weights: any of "dssim", "l1", "l2", "psnr", "contrast" -> coefficient.
    "psnr" is minus the mean PSNR over frames, in units of 100 dB (never below -0.5: what is closer than 50 dB is
    closer than the codec's noise). It weighs a frame by the relative, not the absolute, size of its error, so
    that a scene where almost nothing moves counts as much as a busy one; the other terms all but ignore it.
    "contrast" compares how much there is to see, not where: without it what is uncertain is best blurred, the further
    ahead the more.
    forward: prediction (unclipped) and truth, [N, 3, H, W] in [0, 1], fp32, and how many steps ahead of the last real
    frame each is [N], as often as which "contrast" counts -> (loss, {term: value, detached}).
    """

    def __init__(self, weights: dict[str, float]) -> None:
        super().__init__()
        if unknown := set(weights) - set(TERMS):
            raise ValueError(f"unknown loss terms: {', '.join(sorted(unknown))}; there are {', '.join(TERMS)}")
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ValueError(f"loss weights must be positive, not {weights}")
        self.weights = {name: value / total for name, value in weights.items() if value}

    def forward(self, prediction: Tensor, truth: Tensor, ahead: Tensor | int = 1) -> tuple[Tensor, dict[str, Tensor]]:
        terms = {name: TERMS[name](prediction, truth, ahead) for name in self.weights}
        loss = sum(self.weights[name] * value for name, value in terms.items())
        return loss, {name: value.detach() for name, value in terms.items()}


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


class Objective(nn.Module):
    """A ladder and the loss of a recipe as one module: Fabric wraps a module whose forward runs once for each backward.

    forward: clips [B, seen + 1 + feedback, 3, H, W] in [0, 1] -> (loss, {term: value}).

    The ladder sees `seen` real frames, then its own predictions `feedback` times. The gradient goes back through the
    state, not through the fed picture: that would cost a backward pass of the encoder for a signal that the state
    carries anyway. Supervised is the prediction after every seen frame but the first, or (not `every_step`) after the
    last one only, the paper's training, section 4.1.
    """

    def __init__(self, model: Ladder, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe
        self.criterion, self.silenced = PredictionLoss(recipe.loss), recipe.silenced()

    def forward(self, clips: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        seen, horizon = self.recipe.seen, 1 + self.recipe.feedback
        silence = masks([self.silenced] * len(clips), self.model.config, clips) if self.silenced else None
        out = self.model.rollout(clips[:, :seen], horizon, silence=silence)
        # After one frame there is no motion to know yet, unless it is all there is.
        first = min(1, seen - 1) if self.recipe.every_step else seen - 1

        def supervised(steps: Tensor) -> Tensor:
            return steps[:, first:].flatten(0, 1)

        truth = supervised(clips[:, 1:])
        ahead = (torch.arange(clips.shape[1] - 1, device=clips.device) - seen + 2).clamp_min(1).expand(len(clips), -1)
        loss, terms = self.criterion(supervised(out.frames).float(), truth, supervised(ahead))
        if self.recipe.levels and out.levels:
            flows = {block: supervised(flow) for block, flow in out.levels.items()}
            shown = torch.cat([clips[:, :seen], out.frames[:, seen - 1 : -1].detach().clamp(0, 1)], dim=1)
            off = level_loss(flows, supervised(shown), truth)
            loss, terms["levels"] = loss + self.recipe.levels * off, off.detach()
        return loss, terms
