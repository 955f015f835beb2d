"""What the action classifier reads of the hidden states: of every step, and of a whole clip (paper section 5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from .classifier_config import STRATEGIES
from .config import BLOCKS, KERNELS, LadderConfig
from .ladder import Memories

# Every 128th number of C1 to C3: 10,080 features at 128x160.
SUBSAMPLE = 128
# Sides of the grids that "pooled" averages a map over: the whole of it, and its quarters.
PYRAMID = (1, 2)
# Features of a filter in "pooled": those of the grids, the size, the change, the highest and the lowest.
POOLED = sum(side * side for side in PYRAMID) + 4
# Equal parts that a clip is cut into, and what "pooled" keeps of each feature over them.
PARTS = 10
OVER_PARTS = 4


def step_features(strategy: str, state: Memories, before: Memories) -> Tensor:
    """What a classifier reads at one step: hidden states -> features [B, F], differentiable.

    strategy: "c4", all of the deepest block; "subsample", every 128th number of C1 to C3; "c4+subsample", both: the
    paper's, which reads the state after the last frame only. "pooled", ours: of every filter of all twelve ConvGRUs
    its mean over the map and over each quarter, its root mean square, the mean absolute change from the state `before`,
    the highest and the lowest value on the map. It reads the blocks that the states hold, all or some.
    Raises ValueError for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, not {strategy!r}")
    parts = []
    if strategy == "pooled":
        for block in state:
            for kernel in KERNELS:
                h, earlier = state[block][kernel].float(), before[block][kernel].float()
                parts += [F.adaptive_avg_pool2d(h, side).flatten(1) for side in PYRAMID]
                # The small number keeps the gradient of a map that is all zero finite.
                parts += [h.square().mean((2, 3)).add(1e-8).sqrt(), (h - earlier).abs().mean((2, 3))]
                parts += [h.amax((2, 3)), h.amin((2, 3))]
        return torch.cat(parts, dim=1)

    def flat(blocks: tuple[str, ...]) -> Tensor:
        return torch.cat([state[block][kernel].float().flatten(1) for block in blocks for kernel in KERNELS], dim=1)

    if "c4" in strategy:
        parts.append(flat(BLOCKS[3:]))
    if "subsample" in strategy:
        parts.append(flat(BLOCKS[:3])[:, ::SUBSAMPLE])
    return torch.cat(parts, dim=1)


def reads_every_step(strategy: str) -> bool:
    """Whether every step of a clip counts, or the last one only."""
    return strategy == "pooled"


def clip_features(strategy: str, steps: Tensor) -> Tensor:
    """What a classifier reads of a clip: `step_features` of each step [T, F] -> [F'], differentiable.

    The paper's strategies: those of the last step. "pooled": `over_parts` of up to `PARTS` equal parts.
    """
    if not reads_every_step(strategy):
        return steps[-1]
    parts, lengths = cut(steps)
    return over_parts(parts, lengths)


def cut(steps: Tensor) -> tuple[Tensor, Tensor]:
    """Means over up to `PARTS` equal parts of a clip [T, F] -> [P, F], and how many steps each part has [P]."""
    parts = steps.tensor_split(min(PARTS, len(steps)))
    return torch.stack([part.mean(0) for part in parts]), torch.tensor([len(p) for p in parts], device=steps.device)


def over_parts(parts: Tensor, lengths: Tensor) -> Tensor:
    """A clip by its parts: [P, F] and how many steps each has [P] -> [4 F].

    First the mean of each feature over all steps; then how far its parts lie from each other (standard deviation),
    its highest and its lowest part: what a clip does at one moment and not at another tells actions apart that look
    the same on average.
    """
    mean = (lengths / lengths.sum()) @ parts
    # The small number keeps the gradient finite where all parts are alike.
    spread = (parts.var(0, correction=0) + 1e-8).sqrt()
    return torch.cat([mean, spread, parts.amax(0), parts.amin(0)])


def feature_count(config: LadderConfig, strategy: str, blocks: Sequence[str] = BLOCKS) -> int:
    """Number of features that `clip_features` gives for these blocks of a ladder of this configuration."""
    state = {
        block: {kernel: torch.empty(1, width, *config.map_size(block), device="meta") for kernel in KERNELS}
        for block, width in zip(BLOCKS, config.gru_widths, strict=True)
        if block in blocks
    }
    return step_features(strategy, state, state).shape[1] * (OVER_PARTS if reads_every_step(strategy) else 1)
