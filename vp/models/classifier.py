"""The action classifier on the hidden states (paper section 5): what it reads, and the network that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import BLOCKS, KERNELS, MAX_WIDTH, ConfigError, LadderConfig, in_order
from .familiarity import Familiarity
from .ladder import State
from .presets import NAMES

STRATEGIES = ("c4", "subsample", "c4+subsample", "pooled")
# Every 128th number of C1 to C3: 10,080 features at 128x160.
SUBSAMPLE = 128
# Sides of the grids that "pooled" averages a map over: the whole of it, and its quarters.
PYRAMID = (1, 2)
# Features of a filter in "pooled": those of the grids, the size, the change, the highest and the lowest.
POOLED = sum(side * side for side in PYRAMID) + 4
MAX_CLASSES = 10_000
MAX_REMEMBERED = 1_000_000


def step_features(strategy: str, state: State, before: State) -> Tensor:
    """What a classifier reads at one step: hidden states -> features [B, F], differentiable.

    strategy: "c4", all of the deepest block; "subsample", every 128th number of C1 to C3; "c4+subsample", both: the
    paper's, which reads the state after the last frame only. "pooled", ours: of every filter of all twelve ConvGRUs
    its mean over the map and over each quarter, its root mean square, the mean absolute change from the state `before`,
    the highest and the lowest value on the map; averaged over the steps of the clip. It reads the blocks that the
    states hold, all or some.
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


def averaged(strategy: str) -> bool:
    """Whether the features of a clip are the mean over its steps, or those of the last step."""
    return strategy == "pooled"


def feature_count(config: LadderConfig, strategy: str, blocks: Sequence[str] = BLOCKS) -> int:
    """Number of features that `step_features` gives for these blocks of a ladder of this configuration."""
    state = {
        block: {kernel: torch.empty(1, width, *config.map_size(block), device="meta") for kernel in KERNELS}
        for block, width in zip(BLOCKS, config.gru_widths, strict=True)
        if block in blocks
    }
    return step_features(strategy, state, state).shape[1]


@dataclass(frozen=True)
class ClassifierConfig:
    """Configuration of a `StateClassifier`.

    predictor: preset name of the network whose states it reads; blocks: those of its lateral blocks that it reads, in
        the order C1 to C4 (the paper's strategies: all); strategy: of `step_features`; features: how many.
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
        for name, known in (("predictor", NAMES), ("strategy", STRATEGIES)):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")
        for name, low, high in (
            ("features", 1, 10_000_000),
            ("hidden", 0, 8 * MAX_WIDTH),
            ("directions", 0, 1000),
            ("remembered", 0, MAX_REMEMBERED),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
        if not self.blocks or self.blocks != in_order(self.blocks):
            raise ConfigError(f"blocks must be some of {', '.join(BLOCKS)} in that order, not {self.blocks!r}")
        if self.strategy != "pooled" and self.blocks != BLOCKS:
            raise ConfigError(f"blocks must be all four for the strategy {self.strategy!r}")
        named = isinstance(self.classes, tuple) and all(isinstance(c, str) and 0 < len(c) <= 100 for c in self.classes)
        if not named or not 2 <= len(self.classes) <= MAX_CLASSES or len(set(self.classes)) != len(self.classes):
            raise ConfigError(f"classes must be 2 to {MAX_CLASSES} different names")
        for name in ("batch_norm", "standardise"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} must be true or false, not {getattr(self, name)!r}")
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

    def to_dict(self) -> dict:
        """Plain JSON types; `from_dict` reads it back."""
        return asdict(self) | {"classes": list(self.classes), "blocks": list(self.blocks)}

    @classmethod
    def from_dict(cls, values: dict) -> ClassifierConfig:
        """Build from JSON types. Raises ConfigError for a missing or unknown field, a wrong type or range."""
        if not isinstance(values, dict):
            raise ConfigError(f"a classifier configuration is a JSON object, not {type(values).__name__}")
        names = {field.name for field in fields(cls)}
        if unknown := sorted(map(str, set(values) - names)):
            raise ConfigError(f"unknown fields in the classifier configuration: {', '.join(unknown)}")
        if missing := sorted(names - set(values)):
            raise ConfigError(f"fields missing from the classifier configuration: {', '.join(missing)}")
        lists = {name: tuple(values[name]) for name in ("classes", "blocks") if isinstance(values[name], list)}
        return cls(**values | lists)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


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
        if config.hidden:
            self.net = nn.Sequential(
                nn.Linear(config.features, config.hidden),
                nn.BatchNorm1d(config.hidden) if config.batch_norm else nn.Identity(),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden, len(config.classes)),
            )
        else:
            self.net = nn.Linear(config.features, len(config.classes))
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
