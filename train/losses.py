"""Training losses: DSSIM, L1 and L2 with coefficients that sum to one (paper section 4), and optional terms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vp.metrics import psnr, ssim_map
from vp.models.encoder import Encoder
from vp.perceptual import perceptual_distance

# What is closer than this in dB differs by less than the noise of the video's compression.
PSNR_LIMIT = 50.0


def gradient_difference(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference of the picture gradients of x and y [N, 3, H, W] (Mathieu et al. 2016)."""
    return (x.diff(dim=-1) - y.diff(dim=-1)).abs().mean() + (x.diff(dim=-2) - y.diff(dim=-2)).abs().mean()


def feature_loss(encoder: Encoder, x: Tensor, y: Tensor) -> Tensor:
    """`perceptual_distance` of x and y [N, 3, H, W] in [0, 1], from which the encoder learns nothing."""
    # Detached weights, not no_grad: the prediction needs its gradient, and an encoder that is trained along must not
    # make its features blind to please this loss.
    weights = {name: value.detach() for name, value in encoder.state_dict().items()}
    return perceptual_distance(x, y, lambda frames: torch.func.functional_call(encoder, weights, (frames,))).mean()


class PredictionLoss(nn.Module):
    """Weighted sum of the terms; the weights are normalised to sum to one.

    weights: any of "dssim", "l1", "l2", "gradient", "psnr", "features" -> coefficient. "features" needs `encoder`.
    "psnr" is minus the mean PSNR over frames, in units of 100 dB (never below -0.5: what is closer than 50 dB is
    closer than the codec's noise). It weighs a frame by the relative, not the absolute, size of its error, so
    that a scene where almost nothing moves counts as much as a busy one; the other terms all but ignore it.
    forward: prediction (unclipped) and truth, [N, 3, H, W] in [0, 1], fp32 -> (loss, {term: value, detached}).
    """

    TERMS = ("dssim", "l1", "l2", "gradient", "psnr", "features")

    def __init__(self, weights: dict[str, float], encoder: Encoder | None = None) -> None:
        super().__init__()
        if unknown := set(weights) - set(self.TERMS):
            raise ValueError(f"unknown loss terms: {', '.join(sorted(unknown))}; there are {', '.join(self.TERMS)}")
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ValueError(f"loss weights must be positive, not {weights}")
        if weights.get("features") and encoder is None:
            raise ValueError("the loss on features needs the encoder that makes them")
        self.encoder = (encoder,)  # in a tuple: it belongs to the ladder, not to this module
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
            elif name == "psnr":
                terms[name] = -psnr(prediction, truth).clamp_max(PSNR_LIMIT).mean() / 100
            elif name == "features":
                terms[name] = feature_loss(self.encoder[0], prediction, truth)
            else:
                terms[name] = gradient_difference(prediction, truth)
        return sum(self.weights[name] * value for name, value in terms.items()), {
            name: value.detach() for name, value in terms.items()
        }
