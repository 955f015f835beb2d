"""What moved between two frames, by comparing their features: the motion signal that the memories read.

A place p of a map at time t is compared with the places around c + p at time t - 1, where the centre c is where the
coarser level found its match. So each level adds one octave: what moves fast is found by the deep levels first and by
the finer ones only around there (coarse to fine, as in Bergen et al. 1992; a cost volume around a warp, as in PWC-Net,
Sun et al. 2018).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Cells that a match may lie away from its centre, and how many displacements that makes.
RADIUS = 1
SHIFTS = (2 * RADIUS + 1) ** 2
# Measured against optical flow on UCF101 at 64x96 and 128x160: 0.05 is noisy, 0.25 shrinks the motion.
TEMPERATURE = 0.1
# Channels of what a level tells its memories: similarity at each displacement, the residual, peak and texture.
EVIDENCE = SHIFTS + 2 + 2
KEY = 32
# Of the last step on the frames themselves: pixels on a side over which one displacement is sought, and how steep a
# surface has to be (mean square of the grey value's slope, in 1 / pixel^2) to be believed.
WINDOW = 5
DAMPING = 1e-4


class Match(NamedTuple):
    """What one level found, for N pairs of frames.

    evidence: [N, EVIDENCE, h, w]: for each displacement around the centre how much more alike the two frames are
        there than the new frame is to itself (so that a still picture is zero whatever its texture); the residual,
        (x, y) in cells; the best similarity of all; and how alike the new frame is to its own surroundings (high: a
        plain surface, where a match means little).
    displacement: [N, 2, h, w] in cells (x right, y down), from the new frame back to the one before: centre plus
        residual.
    """

    evidence: Tensor
    displacement: Tensor


def warp(maps: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """Fetch each place of the result from `maps` [N, C, h, w] at its own place plus `flow` [N, 2, h, w] (x right, y
    down, in places); beyond the border, from the border. mode: "bilinear", or "bicubic", which blurs less."""
    height, width = maps.shape[-2:]
    ys = torch.arange(height, device=flow.device, dtype=flow.dtype)
    xs = torch.arange(width, device=flow.device, dtype=flow.dtype)
    x = (xs.view(1, 1, -1) + flow[:, 0] + 0.5) * (2 / width) - 1
    y = (ys.view(1, -1, 1) + flow[:, 1] + 0.5) * (2 / height) - 1
    return F.grid_sample(maps, torch.stack([x, y], dim=-1), mode=mode, padding_mode="border", align_corners=False)


def composed(flow: Tensor, earlier: Tensor) -> Tensor:
    """Two flows one after the other [N, 2, H, W]: from a frame by `flow` to the one before, from there by `earlier`."""
    return flow + warp(earlier, flow)


def enlarged(flow: Tensor) -> Tensor:
    """A flow [N, 2, h, w] at the places of the next finer level [N, 2, 2h, 2w], in the same units."""
    return F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=False)


def finer(flow: Tensor) -> Tensor:
    """A flow in cells [N, 2, h, w] in the cells of the next finer level [N, 2, 2h, 2w]."""
    return 2 * enlarged(flow)


class Matcher(nn.Module):
    """Keys of one level's features, and the comparison of two frames' keys.

    key: features [N, C, h, w] -> [N, KEY, h, w] of unit length: the projection is the principal directions of the
        features at first (`calibrate`).
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(inputs, KEY, 1, bias=False).requires_grad_(False)

    def key(self, x: Tensor) -> Tensor:
        # Channels last is slower here: `warp` returns it otherwise, and products of two layouts take twice as long.
        return F.normalize(self.project(x).float(), dim=1).contiguous()

    def forward(self, now: Tensor, before: Tensor, centre: Tensor | None) -> Match:
        """Keys of a frame and of the one before it [N, KEY, h, w], and where to look [N, 2, h, w] in cells (None: at
        the same place) -> Match, in fp32."""
        own = similarity(now, now)
        cosines = similarity(now, before if centre is None else warp(before, centre))
        inside = within(now.shape[-2:], now.device)
        # What a surface looks like pulls its match about; the same pull is in its match with itself.
        residual = soft_argmax(cosines, inside) - soft_argmax(own, inside)
        displacement = smooth(residual if centre is None else centre + residual)
        compared = (cosines - own) * inside
        texture = (own * inside).sum(1, keepdim=True) / inside.sum(1, keepdim=True)
        peak = cosines.masked_fill(inside == 0, -1).amax(1, keepdim=True)
        return Match(torch.cat([4 * compared, residual, peak, texture], dim=1), displacement)

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Project onto the principal directions of features [N, C, h, w]."""
        rows = x.float().permute(0, 2, 3, 1).flatten(0, 2)
        rows = rows - rows.mean(0)
        directions = torch.linalg.eigh(rows.T @ rows / len(rows)).eigenvectors[:, -KEY:]
        self.project.weight.copy_(directions.T[:, :, None, None])


def similarity(now: Tensor, before: Tensor) -> Tensor:
    """Cosines of the keys of each place with those around it: 2 x [N, KEY, h, w] -> [N, SHIFTS, h, w], row by row of
    displacements; zero beyond the border."""
    height, width = now.shape[-2:]
    padded = F.pad(before, (RADIUS,) * 4)
    side = range(2 * RADIUS + 1)
    return torch.stack([(now * padded[..., y : y + height, x : x + width]).sum(1) for y in side for x in side], dim=1)


@lru_cache(maxsize=32)
def within(size: tuple[int, int], device: torch.device) -> Tensor:
    """Which displacements stay within a map of this size: [1, SHIFTS, h, w] of 1 and 0. The same tensor each time."""
    with torch.inference_mode(False), torch.no_grad():  # the kept tensor may be needed for a gradient later
        one = torch.ones(1, 1, *size, device=device)
        return similarity(one, one)


def soft_argmax(cosines: Tensor, inside: Tensor) -> Tensor:
    """The mean displacement by similarity, in cells: [N, SHIFTS, h, w] -> [N, 2, h, w] (x, y)."""
    share = torch.softmax((cosines / TEMPERATURE).masked_fill(inside == 0, -torch.inf), dim=1)
    side = torch.arange(-RADIUS, RADIUS + 1, device=cosines.device, dtype=cosines.dtype)
    y, x = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([(share * d.reshape(1, -1, 1, 1)).sum(1) for d in (x, y)], dim=1)


def smooth(flow: Tensor) -> Tensor:
    """Mean over 3x3 places: one place's wrong match must not lead all finer ones astray."""
    return F.avg_pool2d(flow, 3, stride=1, padding=1, count_include_pad=False)


@torch.no_grad()
def refine(flow: Tensor, now: Tensor, before: Tensor) -> Tensor:
    """One step of Lucas and Kanade (1981): features find where to look, grey values say it to a fraction of a pixel.

    flow: [N, 2, H, W] in pixels, from `now` back to `before`, [N, 3, H, W] in [0, 1] -> the same flow, nowhere changed
    by more than a pixel a direction. Flat surfaces stay as they are. No gradient passes.
    """
    now, before, flow = now.float().mean(1, keepdim=True), before.float().mean(1, keepdim=True), flow.float()
    moved = warp(before, flow)
    across = F.pad(moved[..., 2:] - moved[..., :-2], (1, 1)) / 2
    down = F.pad(moved[..., 2:, :] - moved[..., :-2, :], (0, 0, 1, 1)) / 2
    left = now - moved
    products = torch.cat([across**2, down**2, across * down, across * left, down * left], dim=1)
    xx, yy, xy, xt, yt = F.avg_pool2d(products, WINDOW, 1, WINDOW // 2, count_include_pad=False).split(1, dim=1)
    xx, yy = xx + DAMPING, yy + DAMPING
    step = torch.cat([yy * xt - xy * yt, xx * yt - xy * xt], dim=1) / (xx * yy - xy**2)
    return flow + step.clamp(-1, 1)
