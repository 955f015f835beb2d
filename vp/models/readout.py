"""What a classifier reads: numbers of every step, and of a whole clip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .classifier_config import STRATEGIES
from .config import BLOCKS, KERNELS, LadderConfig
from .cues import Cue, Cues, cue_maps, cues_of, speed
from .ladder import Ladder, Memories, Observation

STREAMS_STRATEGY = "streams"
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


def paper_features(strategy: str, state: Memories) -> Tensor:
    """What the paper's classifier reads of the states after the last frame (section 5): [B, F], differentiable.

    strategy: "c4", all of the deepest block; "subsample", every 128th number of C1 to C3; "c4+subsample", both. Raises
    ValueError for another one.
    """
    if strategy not in STRATEGIES or strategy == STREAMS_STRATEGY:
        raise ValueError(f"the paper's strategies are c4, subsample and c4+subsample, not {strategy!r}")

    def flat(blocks: Sequence[str]) -> Tensor:
        return torch.cat([state[block][kernel].float().flatten(1) for block in blocks for kernel in KERNELS], dim=1)

    parts = [flat(BLOCKS[3:])] if "c4" in strategy else []
    if "subsample" in strategy:
        parts.append(flat(BLOCKS[:3])[:, ::SUBSAMPLE])
    return torch.cat(parts, dim=1)


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


def step_features(maps: Cues, moving: Tensor | None, cues: Sequence[Cue]) -> Tensor:
    """`pool` of all cues at N steps, one after the other: [N, F], differentiable."""
    return torch.cat([pool(maps[v.block][v.name], moving, v.mirrored).flatten(1) for v in cues], dim=1)


def read_steps(model: Ladder, seen: Observation, states: Memories, before: Memories) -> Tensor:
    """What the strategy "streams" reads at N steps of one clip: [N, F]. Arguments as of `cue_maps`."""
    cues = cues_of(model.config, tuple(states))
    return step_features(cue_maps(model, seen, states, before), speed(seen), cues)


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
    one = torch.cat([torch.full((v.maps * PLACES,), i) for i, v in enumerate(cues)])
    return one.repeat(OVER_PARTS)


def feature_count(config: LadderConfig, strategy: str, blocks: Sequence[str] = BLOCKS) -> int:
    """Number of features that a strategy reads of these blocks of a ladder of this configuration."""
    if strategy == STREAMS_STRATEGY:
        return len(feature_cues(cues_of(config, blocks)))
    state = {
        block: {kernel: torch.empty(1, width, *config.map_size(block), device="meta") for kernel in KERNELS}
        for block, width in zip(BLOCKS, config.gru_widths, strict=True)
    }
    return paper_features(strategy, state).shape[1]
