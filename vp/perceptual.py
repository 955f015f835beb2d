"""How different two frames look to the encoder: a distance that forgives what pixels do not.

It is built like LPIPS (Zhang et al. 2018) but is not LPIPS: the network is this project's own encoder and no weights
were fitted to what people say. Its numbers are comparable only with others from the same encoder.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .models.encoder import Encoder

STAGES = 4  # e1 to e4: e5 sees the whole frame at once and says what is in it, not what it looks like


def perceptual_distance(x: Tensor, y: Tensor, encoder: Encoder) -> Tensor:
    """Squared distance of the features of frames x and y [..., 3, H, W] in [0, 1] -> [...] from 0, lower is better.

    At each place of each stage the features [C] are scaled to length 1, so that no stage and no contrast weighs more
    than another. Squared distances, each 2 - 2 cos, are averaged over the places of a stage, then over e1 to e4;
    as features behind a ReLU are not negative, the most is 2. H and W are multiples of 32.
    """
    return feature_distance(features(x, encoder), features(y, encoder))


def features(x: Tensor, encoder: Encoder) -> list[Tensor]:
    """The features of frames [..., 3, H, W], of length 1 at each place: [..., C, h, w] of e1 to e4, float32.

    For a frame that is compared more than once.
    """
    taps = encoder(x.reshape(-1, *x.shape[-3:]))[:STAGES]
    # Where nothing answers there is no direction: the features stay zero.
    return [torch.nn.functional.normalize(tap.float(), dim=1).reshape(*x.shape[:-3], *tap.shape[1:]) for tap in taps]


def feature_distance(x: list[Tensor], y: list[Tensor]) -> Tensor:
    """`perceptual_distance` of two results of `features` -> [...]."""
    distances = [(a - b).square().sum(-3).mean((-2, -1)) for a, b in zip(x, y, strict=True)]
    return torch.stack(distances).mean(0)
