"""A full-resolution ladder that starts where a half-resolution one has got to.

Its blocks do one level higher up what those of the other do (`train.warm_start`), so only its last decoder block, its
output and C1 are new. The head of the half-resolution ladder is a 3x3 convolution, a pixel shuffle and an output: just
what the decoder block L1 and the output are here, but for L1's norm and activation. What that convolution says is
therefore fitted from the activations that L1 expands, by least squares, and handed through unchanged. On UCF101 this
keeps all but 0.06 dB of the other's gain over repeating the last frame, before any training.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vp.models import BLOCKS, Ladder, LadderConfig

RIDGE = 1e-4  # of the mean square of the activations
BATCH = 4  # clips


def coarser_config(config: LadderConfig, state: dict[str, Tensor]) -> LadderConfig:
    """The configuration of the half-resolution ladder whose state this is, of the style of a full-resolution one."""
    widths = tuple(state[f"laterals.{block}.grus.3x3.candidate.weight"].shape[0] for block in BLOCKS)
    return replace(config, full_resolution=False, gru_widths=widths)


@torch.no_grad()
def take_over_head(model: Ladder, source: Ladder, clips: Tensor) -> float:
    """Give a full-resolution ladder the output of the half-resolution one that it was warm started from.

    clips: [N, T, 3, H, W] in [0, 1], of the frame size of both. Returns which share of the variance of the source's
    convolution the fit explains. Both need a refined head, and the source upsampling by pixel shuffle.
    Raises ValueError where they do not fit together.
    """
    coarse, fine, block = source.head.first, model.head.first, model.decoder["L1"]
    kept = model.config.refine
    if not kept or source.config.refine != kept or source.config.upsampling != "pixel_shuffle":
        raise ValueError("the output of a half-resolution ladder is taken over only with a refined head of its width")
    if 4 * kept > block.expand.out_channels or kept > block.conv.out_channels:
        raise ValueError(f"L1 has no room for the {kept} channels of the other's output")
    weight, bias, explained = _fit(model, source, clips)
    block.expand.weight[: 4 * kept], block.expand.bias[: 4 * kept] = weight, bias
    _pass_through(block.conv, kept)
    nn.init.zeros_(fine.weight)  # C1 has no say yet, but its gradient comes with the first step
    nn.init.zeros_(fine.bias)
    _pass_through(fine, kept, first=4 * model.config.gru_widths[0])
    model.head.output.load_state_dict(source.head.output.state_dict())
    assert coarse.out_channels == 4 * kept
    return explained


def _pass_through(conv: nn.Conv2d, channels: int, first: int = 0) -> None:
    """Make the first output channels of a convolution copies of input channels, from `first` on."""
    conv.weight[:channels] = 0
    conv.bias[:channels] = 0
    for k in range(channels):
        conv.weight[k, first + k, conv.kernel_size[0] // 2, conv.kernel_size[1] // 2] = 1


def _fit(model: Ladder, source: Ladder, clips: Tensor) -> tuple[Tensor, Tensor, float]:
    """Weight and bias of a 3x3 convolution from what L1 of `model` expands to what the head of `source` convolves."""
    found: dict[str, Tensor] = {}
    hooks = [
        source.head.first.register_forward_hook(lambda _m, _i, y: found.update(y=y)),
        model.decoder["L1"].expand.register_forward_hook(lambda _m, x, _y: found.update(x=x[0])),
    ]
    square = cross = total = 0.0
    mean, rows = 0.0, 0
    for some in clips.split(BATCH):
        source(some), model(some)
        x = F.unfold(found["x"].float(), 3, padding=1).transpose(1, 2).flatten(0, 1)
        x = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
        y = found["y"].float().permute(0, 2, 3, 1).flatten(0, 2)
        square, cross = square + x.T @ x, cross + x.T @ y
        total, mean, rows = total + y.square().sum(0), mean + y.sum(0), rows + len(x)
    for hook in hooks:
        hook.remove()
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), device=square.device)
    solution = torch.linalg.solve(square + ridge, cross)
    error = total - 2 * (solution * cross).sum(0) + (solution * (square @ solution)).sum(0)
    explained = 1 - (error / (total - mean.square() / rows)).mean().item()
    return solution[:-1].T.unflatten(1, (-1, 3, 3)), solution[-1], explained
