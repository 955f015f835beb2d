"""The action classifier on the hidden states (paper section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import BLOCKS, MAX_WIDTH, Config, ConfigError, in_order, require_bool, require_choice, require_int
from .presets import NAMES
from .readout import STRATEGIES

MAX_CLASSES = 10_000
MAX_REMEMBERED = 1_000_000


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Configuration of a `StateClassifier`.

    predictor: preset name of the network whose states it reads; blocks: those of its lateral blocks that it reads, in
        the order C1 to C4 (the paper's strategies: all); strategy: of `clip_features`; features: how many.
    classes: their names, in the order of the scores.
    hidden: units of the hidden layer (the paper's 2,000), 0 for none.
    batch_norm, dropout: of the hidden layer; input_dropout: share of the features left out while training.
    standardise: whether each feature has its mean and spread over the training clips taken out.
    temperature: what the scores are divided by before the softmax (Guo et al. 2017).
    directions, remembered: of its `Familiarity`, how many directions and training clips; 0 and 0 for none.
    familiar: distance to the nearest training clip beyond which a clip resembles nothing in training; None where that
        is not measured.
    """

    predictor: str
    strategy: str
    features: int
    classes: tuple[str, ...]
    blocks: tuple[str, ...] = BLOCKS
    hidden: int = 2000
    batch_norm: bool = True
    dropout: float = 0.0
    input_dropout: float = 0.0
    standardise: bool = False
    temperature: float = 1.0
    directions: int = 0
    remembered: int = 0
    familiar: float | None = None

    def __post_init__(self) -> None:
        require_choice("predictor", self.predictor, NAMES)
        require_choice("strategy", self.strategy, STRATEGIES)
        require_int("features", self.features, 1, 10_000_000)
        require_int("hidden", self.hidden, 0, 8 * MAX_WIDTH)
        require_int("directions", self.directions, 0, 1000)
        require_int("remembered", self.remembered, 0, MAX_REMEMBERED)
        if not self.blocks or self.blocks != in_order(self.blocks):
            raise ConfigError(f"blocks must be some of {', '.join(BLOCKS)} in that order, not {self.blocks!r}")
        if self.strategy != "pooled" and self.blocks != BLOCKS:
            raise ConfigError(f"blocks must be all four for the strategy {self.strategy!r}")
        named = isinstance(self.classes, tuple) and all(isinstance(c, str) and 0 < len(c) <= 100 for c in self.classes)
        if not named or not 2 <= len(self.classes) <= MAX_CLASSES or len(set(self.classes)) != len(self.classes):
            raise ConfigError(f"classes must be 2 to {MAX_CLASSES} different names")
        require_bool("batch_norm", self.batch_norm)
        require_bool("standardise", self.standardise)
        for name in ("dropout", "input_dropout"):
            if not _number(getattr(self, name)) or not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} must be a number from 0 to below 1, not {getattr(self, name)!r}")
        if not _number(self.temperature) or not 0 < self.temperature <= 1000:
            raise ConfigError(f"temperature must be a number above 0, not {self.temperature!r}")
        if self.familiar is not None and (not _number(self.familiar) or not self.familiar > 0):
            raise ConfigError(f"familiar must be a number above 0 or absent, not {self.familiar!r}")
        if bool(self.directions) != bool(self.remembered):
            raise ConfigError("directions and remembered must both be 0, or neither")
        if self.familiar is not None and not self.remembered:
            raise ConfigError("familiar must be absent where no training clip is remembered")


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


class Familiarity(nn.Module):
    """Distance to the nearest training clip, along the directions in which training clips differ most.

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
        _, sizes, directions = torch.linalg.svd(features - features.mean(0), full_matrices=False)
        count = len(self.directions)
        spread = sizes[:count] / max(1, len(features) - 1) ** 0.5
        self.directions.copy_(directions[:count] / spread.clamp_min(1e-6).unsqueeze(1))
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
        self.input_dropout = nn.Dropout(config.input_dropout)
        self.net = nn.Linear(config.hidden or config.features, len(config.classes))
        if config.hidden:
            norm = nn.BatchNorm1d(config.hidden) if config.batch_norm else nn.Identity()
            layer = nn.Linear(config.features, config.hidden)
            self.net = nn.Sequential(layer, norm, nn.ReLU(), nn.Dropout(config.dropout), self.net)
        self.familiarity = Familiarity(config.features, config.directions, config.remembered)

    @torch.no_grad()
    def set_standard(self, features: Tensor) -> None:
        """Take mean, spread and what is familiar from the features [N, F] of the training clips."""
        if self.config.standardise:
            self.mean.copy_(features.mean(0))
            # A feature that hardly ever changes must not become the loudest.
            spread = features.std(0)
            self.spread.copy_(spread.clamp_min(0.1 * spread.mean().item() + 1e-6))
        if self.config.remembered:
            self.familiarity.remember(self.standard(features))

    def standard(self, features: Tensor) -> Tensor:
        """Features [B, F] with the training clips' mean and spread taken out."""
        return (features - self.mean) / self.spread

    def forward(self, features: Tensor) -> Tensor:
        return self.net(self.input_dropout(self.standard(features)))

    def probabilities(self, features: Tensor) -> Tensor:
        """Calibrated class scores [B, classes], which sum to one."""
        return torch.softmax(self(features) / self.config.temperature, dim=1)

    def strangeness(self, features: Tensor) -> Tensor:
        """Distance of features [B, F] to the nearest training clip [B]; see `Familiarity`."""
        return self.familiarity(self.standard(features))
