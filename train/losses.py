"""Training losses: DSSIM, L1 and L2 with coefficients that sum to one (paper section 4), and optional terms."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vp.metrics import ssim_map


def gradient_difference(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference of the picture gradients of x and y [N, 3, H, W] (Mathieu et al. 2016)."""
    return (x.diff(dim=-1) - y.diff(dim=-1)).abs().mean() + (x.diff(dim=-2) - y.diff(dim=-2)).abs().mean()


class PredictionLoss(nn.Module):
    """Weighted sum of the terms; the weights are normalised to sum to one.

    weights: any of "dssim", "l1", "l2", "gradient" -> coefficient.
    forward: prediction (unclipped) and truth, [N, 3, H, W] in [0, 1], fp32 -> (loss, {term: value}).
    """

    TERMS = ("dssim", "l1", "l2", "gradient")

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
                terms[name] = gradient_difference(prediction, truth)
        return sum(self.weights[name] * value for name, value in terms.items()), terms
