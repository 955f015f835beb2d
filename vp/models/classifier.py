"""The action classifier on the hidden states (paper section 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import ClassifierConfig


def calibrated(logits: Tensor, temperature: float, soft_cap: float | None) -> Tensor:
    """Class scores [..., classes], which sum to one, of logits divided by a temperature (Guo et al. 2017) and bent so
    that they stay below `soft_cap` (as in Bello et al. 2017): regression on 0 and 1 that says 1.2 is no surer than one
    that says 1."""
    logits = logits / temperature
    return torch.softmax(logits if soft_cap is None else soft_cap * torch.tanh(logits / soft_cap), dim=-1)


class Familiarity(nn.Module):
    """Out-of-distribution distance: to the nearest training clip, along the directions in which these differ most.

    The usual distance from the mean says next to nothing here: a clip of an action never seen before lies no further
    from the middle of all than one of a known action, but it has fewer like it nearby (nearest neighbours as in Sun et
    al. 2022). Each direction, a principal component, is scaled to unit variance: 1 in the distance is a usual
    difference along one of them.

    directions: [D, F], buffer; seen: [N, D], buffer, the training clips in these directions; 0 until `remember`.
    forward: standardised features [B, F] -> distances [B], infinite where no clip is remembered.
    """

    def __init__(self, features: int, directions: int, clips: int) -> None:
        super().__init__()
        self.register_buffer("directions", torch.zeros(directions, features))
        self.register_buffer("seen", torch.zeros(clips, directions))

    @torch.no_grad()
    def remember(self, features: Tensor) -> None:
        """Take these training clips: standardised features [N, F]. Raises ValueError for another number of them."""
        if len(features) != len(self.seen):
            raise ValueError(f"made for {len(self.seen)} training clips, not for {len(features)}")
        x, count = (features - features.mean(0)).double(), len(self.directions)
        # By the clips, which are fewer than the features: x = u s v gives x x' = u s^2 u', and v = u' x / s.
        squares, u = torch.linalg.eigh(x @ x.T)
        sizes = squares[-count:].clamp_min(0).sqrt().flip(0)
        directions = (u[:, -count:].flip(1).T @ x) / sizes.clamp_min(1e-6).unsqueeze(1)
        spread = sizes / max(1, len(features) - 1) ** 0.5
        self.directions.copy_(directions / spread.clamp_min(1e-6).unsqueeze(1))
        self.seen.copy_(features @ self.directions.T)

    def forward(self, features: Tensor) -> Tensor:
        if not len(self.seen):
            return features.new_full((len(features),), torch.inf)
        return torch.cdist(features @ self.directions.T, self.seen).amin(1)


class StateClassifier(nn.Module):
    """One hidden layer on the features: Linear, (batch norm), ReLU, (dropout), Linear (paper section 5).

    forward: features [B, F] -> logits [B, classes].
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("spread", torch.ones(config.features))
        self.net = nn.Linear(config.hidden or config.features, len(config.classes))
        if config.hidden:
            norm = nn.BatchNorm1d(config.hidden) if config.batch_norm else nn.Identity()
            layer = nn.Linear(config.features, config.hidden)
            self.net = nn.Sequential(layer, norm, nn.ReLU(), nn.Dropout(config.dropout), self.net)
        self.familiarity = Familiarity(config.features, config.directions, config.remembered)

    @torch.no_grad()
    def set_standard(self, features: Tensor, cues: Tensor | None = None) -> None:
        """Take mean, spread and what is familiar from the features [N, F] of the training clips.

        cues: the cue that each feature belongs to [F]: each cue counts the same, however many numbers it has.
        """
        if self.config.standardise:
            self.mean.copy_(features.mean(0))
            # A feature that hardly ever changes must not become the loudest.
            spread = features.std(0)
            if cues is None:
                self.spread.copy_(spread.clamp_min(0.1 * spread.mean().item() + 1e-6))
            else:
                counts = torch.bincount(cues).clamp_min(1)
                means = torch.zeros(len(counts)).index_add_(0, cues, spread) / counts
                self.spread.copy_(spread.clamp_min(1e-6).maximum(0.1 * means[cues]) * counts[cues].sqrt())
        if self.config.remembered:
            self.familiarity.remember(self.standard(features))

    def standard(self, features: Tensor) -> Tensor:
        """Features [B, F] with the training clips' mean and spread taken out."""
        return (features - self.mean) / self.spread

    def forward(self, features: Tensor) -> Tensor:
        return self.net(self.standard(features))

    def probabilities(self, features: Tensor) -> Tensor:
        """Calibrated class scores [B, classes], which sum to one."""
        return calibrated(self(features), self.config.temperature, self.config.soft_cap)

    def distance(self, features: Tensor) -> Tensor:
        """Out-of-distribution distance of features [B, F]: [B], see `Familiarity`."""
        return self.familiarity(self.standard(features))
