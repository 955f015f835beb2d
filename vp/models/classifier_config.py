"""What an action classifier is made of."""

from __future__ import annotations

from dataclasses import dataclass

from .config import BLOCKS, MAX_WIDTH, Config, ConfigError, in_order, require_bool, require_choice, require_int
from .presets import NAMES

STRATEGIES = ("c4", "subsample", "c4+subsample", "streams")
MAX_CLASSES = 10_000
MAX_REMEMBERED = 1_000_000


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Configuration of a `StateClassifier`.

    predictor: preset name of the network whose states it reads; blocks: those of its lateral blocks that it reads, in
        the order C1 to C4 (the paper's strategies: all); strategy: "streams", ours, or one of the paper's (`readout`);
        features: how many.
    classes: their names, in the order of the scores.
    hidden: units of the hidden layer (the paper's 2,000), 0 for none.
    batch_norm, dropout: of the hidden layer.
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
        if self.strategy != "streams" and self.blocks != BLOCKS:
            raise ConfigError(f"blocks must be all four for the strategy {self.strategy!r}")
        named = isinstance(self.classes, tuple) and all(isinstance(c, str) and 0 < len(c) <= 100 for c in self.classes)
        if not named or not 2 <= len(self.classes) <= MAX_CLASSES or len(set(self.classes)) != len(self.classes):
            raise ConfigError(f"classes must be 2 to {MAX_CLASSES} different names")
        require_bool("batch_norm", self.batch_norm)
        require_bool("standardise", self.standardise)
        if not _number(self.dropout) or not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be a number from 0 to below 1, not {self.dropout!r}")
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
