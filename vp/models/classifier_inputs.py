"""What a classifier reads of a clip: means of cues, maps of every level in two streams (Simonyan and Zisserman 2014).

    appearance    features    what the block reads of the frame (the encoder's maps, each channel on one scale)
                  3x3 ...     the states of a ConvGRU, then by how much each changed
    motion        moved       what the level's memories make of the displacement that was found
                  matched     that displacement itself, of the finest level, whichever blocks are read

A flow is told as a stack of maps too: how much goes in each direction (HOF, Laptev et al. 2008), and the same of its
slopes, which a moving camera leaves alone (MBH, Dalal et al. 2006).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .config import BLOCKS, KERNELS, STREAMS_STRATEGY, LadderConfig
from .encoder import block_inputs
from .ladder import Ladder, Memories, Observation

FEATURES, MOVED, MATCHED = "features", "moved", "matched"
STREAMS = {"appearance": (FEATURES, *KERNELS), "motion": (MOVED, MATCHED)}
DIRECTIONS = 8
# Which direction each becomes in a mirror: of a flow and the slopes of its y; of those of its x, whose sign changes.
_SIDEWAYS, _UPRIGHT = ([(half - k) % DIRECTIONS for k in range(DIRECTIONS)] for half in (DIRECTIONS // 2, 0))
# Maps of a flow: each direction of it, of the slopes of its x, and of those of its y; and which is which in a mirror.
FLOW_MIRRORED = [DIRECTIONS * i + k for i, order in enumerate((_SIDEWAYS, _UPRIGHT, _SIDEWAYS)) for k in order]
FLOW_MAPS = len(FLOW_MIRRORED)
# Every 128th number of C1 to C3: 10,080 features at 128x160.
SUBSAMPLE = 128
# A map is averaged over the places of a grid of this side, of which the left and the right column count as one, and
# once over what moves.
SIDE = 3
PLACES = SIDE * (SIDE // 2 + 1) + 1
# Equal parts that a clip is cut into, and what is kept of each number over them: mean and spread.
PARTS = 10
OVER_PARTS = 2
# Pixels a step that a place which stands still counts as moving, so that a still frame is averaged over all of it.
STILL = 0.05


def directions(flow: Tensor) -> Tensor:
    """How much a flow [N, 2, h, w] goes in each of eight directions, from right by down, left and up:
    [N, DIRECTIONS, h, w], of which at most two next to each other are not zero. By the root of the speed, so that the
    fastest place does not speak for the whole frame."""
    turn = torch.atan2(flow[:, 1:], flow[:, :1]) * (DIRECTIONS / (2 * math.pi))
    which = torch.arange(DIRECTIONS, device=flow.device).view(1, -1, 1, 1)
    apart = (turn - which).remainder(DIRECTIONS)
    share = (1 - torch.minimum(apart, DIRECTIONS - apart)).clamp_min(0)
    return share * flow.square().sum(1, keepdim=True).add(1e-12).sqrt().sqrt()


def camera(flow: Tensor) -> Tensor:
    """The median motion of a frame: [N, 2, h, w] -> [N, 2, 1, 1]. Most of a picture is what stands behind."""
    return flow.flatten(2).median(dim=2).values[..., None, None]


def flow_maps(flow: Tensor) -> Tensor:
    """A flow [N, 2, h, w] in pixels as maps [N, FLOW_MAPS, h, w]: its directions without the frame's median motion,
    then those of the slopes of its x and of its y."""
    padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    right = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    slopes = torch.stack([right, down], dim=2).unbind(1)
    return torch.cat([directions(x) for x in (flow - camera(flow), *slopes)], dim=1)


class Cue(NamedTuple):
    """One of the cues of a ladder: maps is how many it has."""

    block: str
    name: str
    maps: int

    @property
    def stream(self) -> str:
        return next(stream for stream, names in STREAMS.items() if self.name in names)

    @property
    def mirrored(self) -> list[int]:
        """Which of its maps each becomes in a mirror."""
        return FLOW_MIRRORED if self.stream == "motion" else list(range(self.maps))


def cues_of(config: LadderConfig, blocks: Sequence[str]) -> list[Cue]:
    """The cues of these blocks of a ladder of this configuration."""
    cues = []
    for block, features, width in zip(BLOCKS, block_inputs(config.full_resolution), config.gru_widths, strict=True):
        if block in blocks:
            cues += [Cue(block, FEATURES, features), *(Cue(block, kernel, 2 * width) for kernel in KERNELS)]
        if config.design == "motion":
            cues += [Cue(block, MOVED, FLOW_MAPS)] * (block in blocks)
            cues += [Cue(block, MATCHED, FLOW_MAPS)] * (block == BLOCKS[0])
    return cues


def cue_maps(model: Ladder, seen: Observation, states: Memories, before: Memories) -> dict[Cue, Tensor]:
    """What each cue says at N steps of one clip, [N, maps, h, w], in the order of `cues_of`: from the observation, and
    the states after and before each step, [N, C, h, w] by block and kernel. Blocks without states are left out; so is
    motion where nothing is matched."""

    def maps_of(block: str, name: str) -> Tensor:
        if name == FEATURES:
            return seen.inputs[block].float()
        if name == MATCHED:
            return flow_maps(seen.displacement[block].float())
        if name == MOVED:
            memory = torch.cat([states[block][kernel] for kernel in KERNELS], dim=1)
            return flow_maps(model.motion[block].moved(memory, seen.displacement[block]))
        h = states[block][name].float()
        return torch.cat([h, (h - before[block][name].float()).abs()], dim=1)

    return {cue: maps_of(cue.block, cue.name) for cue in cues_of(model.config, tuple(states))}


def speed(seen: Observation) -> Tensor | None:
    """How fast each place moves against the frame's median motion, [N, 1, h, w] in pixels; None where nothing is
    matched."""
    if not seen.displacement:
        return None
    flow = seen.displacement[BLOCKS[0]].float()
    return (flow - camera(flow)).square().sum(1, keepdim=True).sqrt()


def paper_features(strategy: str, state: Memories) -> Tensor:
    """What the paper's classifier reads of the states after the last frame (section 5): [B, F], differentiable.

    strategy: "c4", all of the deepest block; "subsample", every 128th number of C1 to C3; "c4+subsample", both.
    """

    def flat(blocks: Sequence[str]) -> Tensor:
        return torch.cat([state[block][kernel].float().flatten(1) for block in blocks for kernel in KERNELS], dim=1)

    read = {"c4": flat(BLOCKS[3:]), "subsample": flat(BLOCKS[:3])[:, ::SUBSAMPLE]}
    return torch.cat([read[name] for name in strategy.split("+")], dim=1)


def pool(maps: Tensor, moving: Tensor | None, mirrored: Sequence[int]) -> Tensor:
    """Means of maps [N, C, h, w] over places, and over what moves: [N, C, PLACES], differentiable.

    The clip and its mirror image count alike: `mirrored` says which map each becomes there. moving: `speed`
    [N, 1, ., .], whose places weigh by how fast they move; None: all alike.
    """
    grid = F.adaptive_avg_pool2d(maps, SIDE)
    grid = (grid + grid[:, mirrored].flip(-1)) / 2
    if moving is None:
        over = maps.mean((2, 3))
    else:
        weight = F.adaptive_avg_pool2d(moving, maps.shape[-2:]) + STILL
        over = (maps * weight).sum((2, 3)) / weight.sum((2, 3))
    over = (over + over[:, mirrored]) / 2
    return torch.cat([grid[..., : SIDE // 2 + 1].flatten(2), over.unsqueeze(2)], dim=2)


def step_features(said: dict[Cue, Tensor], moving: Tensor | None) -> Tensor:
    """`pool` of all that `cue_maps` says at N steps, one after the other: [N, F], differentiable."""
    return torch.cat([pool(maps, moving, cue.mirrored).flatten(1) for cue, maps in said.items()], dim=1)


def read_steps(model: Ladder, seen: Observation, states: Memories, before: Memories) -> Tensor:
    """What the strategy "streams" reads at N steps of one clip: [N, F]. Arguments as of `cue_maps`."""
    return step_features(cue_maps(model, seen, states, before), speed(seen))


def clip_features(steps: Tensor) -> Tensor:
    """A clip by its steps: [T, F] -> [OVER_PARTS * F], differentiable."""
    return over_parts(*cut(steps))


def cut(steps: Tensor) -> tuple[Tensor, Tensor]:
    """Means over up to `PARTS` equal parts of a clip [T, F] -> [P, F], and how many steps each part has [P]."""
    parts = steps.tensor_split(min(PARTS, len(steps)))
    return torch.stack([part.mean(0) for part in parts]), torch.tensor([len(p) for p in parts], device=steps.device)


def over_parts(parts: Tensor, lengths: Tensor) -> Tensor:
    """A clip by its parts: [P, F] and how many steps each has [P] -> [OVER_PARTS * F].

    First the mean of each number over all steps, then how far its parts lie from each other (standard deviation): what
    a clip does at one moment and not at another tells actions apart that look the same on average.
    """
    mean = (lengths / lengths.sum()) @ parts
    # The small number keeps the gradient finite where all parts are alike.
    spread = (parts.var(0, correction=0) + 1e-8).sqrt()
    return torch.cat([mean, spread])


def feature_cues(cues: Sequence[Cue]) -> Tensor:
    """Which cue each number of `clip_features` belongs to: [F] of indices."""
    return torch.cat([torch.full((v.maps * PLACES,), i) for i, v in enumerate(cues)]).repeat(OVER_PARTS)


def feature_count(config: LadderConfig, strategy: str, blocks: Sequence[str] = BLOCKS) -> int:
    """Number of features that a strategy reads of these blocks of a ladder of this configuration."""
    if strategy == STREAMS_STRATEGY:
        return len(feature_cues(cues_of(config, blocks)))
    state = {
        block: {kernel: torch.empty(1, width, *config.map_size(block), device="meta") for kernel in KERNELS}
        for block, width in zip(BLOCKS, config.gru_widths, strict=True)
    }
    return paper_features(strategy, state).shape[1]
