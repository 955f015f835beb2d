"""What an action classifier is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from .config import BLOCKS, MAX_WIDTH, ConfigError, in_order
from .presets import NAMES

STRATEGIES = ("c4", "subsample", "c4+subsample", "pooled")
MAX_CLASSES = 10_000
MAX_REMEMBERED = 1_000_000


@dataclass(frozen=True)
class ClassifierConfig:
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
