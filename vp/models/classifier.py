"""The action classifier on the hidden states (paper section 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import BLOCKS, KERNELS, LadderConfig
from .ladder import State

STRATEGIES = ("c4", "subsample", "c4+subsample")
# Every 128th number of C1 to C3: 10,080 features at 128x160.
SUBSAMPLE = 128


def state_features(state: State, strategy: str) -> Tensor:
    """Hidden states after a clip -> features [B, F] for the classifier.

    strategy: "c4", all of the deepest block; "subsample", every 128th number of C1 to C3; "c4+subsample", both.
    Raises ValueError for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, not {strategy!r}")

    def flat(blocks: tuple[str, ...]) -> Tensor:
        return torch.cat([state[block][kernel].float().flatten(1) for block in blocks for kernel in KERNELS], dim=1)

    parts = []
    if "c4" in strategy:
        parts.append(flat(BLOCKS[3:]))
    if "subsample" in strategy:
        parts.append(flat(BLOCKS[:3])[:, ::SUBSAMPLE])
    return torch.cat(parts, dim=1)


def feature_count(config: LadderConfig, strategy: str) -> int:
    """Number of features that `state_features` gives for a ladder of this configuration."""
    state = {
        block: {kernel: torch.empty(1, width, *config.map_size(block), device="meta") for kernel in KERNELS}
        for block, width in zip(BLOCKS, config.gru_widths, strict=True)
    }
    return state_features(state, strategy).shape[1]


class StateClassifier(nn.Module):
    """One hidden layer on the state features: Linear, (batch norm), ReLU, (dropout), Linear.

    forward: features [B, F] -> logits [B, classes].
    """

    def __init__(
        self, *, features: int, classes: int, hidden: int = 2000, batch_norm: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(features, hidden),
            nn.BatchNorm1d(hidden) if batch_norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.net(features)
