"""What a ladder network is made of: one configuration, from which every variant is built; and what a classifier is.

The networks, all of them bundled, are presets of the first: their names, what they are for, how they are made.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, replace

BLOCKS = ("C1", "C2", "C3", "C4")
KERNELS = ("3x3", "5x5", "7x7")
DESIGNS = ("paper", "motion")
UPSAMPLING = ("pixel_shuffle", "bilinear", "nearest")
STREAMS_STRATEGY = "streams"
STRATEGIES = ("c4", "subsample", "c4+subsample", STREAMS_STRATEGY)

# A config.json comes from strangers: bounds that no real ladder network reaches, but that keep a crafted
# one from asking for terabytes.
MAX_SIDE = 1024
MAX_WIDTH = 2048
MAX_CLASSES = 10_000
MAX_REMEMBERED = 1_000_000


class ConfigError(ValueError):
    """A configuration has unknown fields, wrong types or values out of range."""


def require(valid: bool, name: str, what: str, value: object) -> None:
    """Raise ConfigError, which says what a field must be or hold and what it is, unless it is valid."""
    if not valid:
        raise ConfigError(f"{name} must {what}, not {value!r}")


def require_int(name: str, value: object, low: int, high: int, multiple_of: int = 1) -> None:
    """Raise ConfigError unless a value is a whole number in a range."""
    # bool is an int in Python, but "true" is no width.
    valid = type(value) is int and low <= value <= high and value % multiple_of == 0
    kind = "whole number" if multiple_of == 1 else f"multiple of {multiple_of}"
    require(valid, name, f"be a {kind} from {low} to {high}", value)


class Config:
    """A frozen dataclass that is stored as JSON."""

    def to_dict(self) -> dict:
        """Plain JSON types; `from_dict` reads it back. Only what differs from its default: a field that is removed one
        day leaves the files of all who did not use it as they are."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def from_dict(cls, values: dict):
        """Build from JSON types; a field that is not there has its default. Raises ConfigError for an unknown field, a
        missing one without a default, a wrong type or range."""
        if not isinstance(values, dict):
            raise ConfigError(f"a configuration is a JSON object, not {type(values).__name__}")
        if unknown := sorted(map(str, set(values) - {field.name for field in fields(cls)})):
            raise ConfigError(f"unknown fields in the configuration: {', '.join(unknown)}")
        if missing := [f.name for f in fields(cls) if f.default is MISSING and f.name not in values]:
            raise ConfigError(f"fields missing from the configuration: {', '.join(missing)}")
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


@dataclass(frozen=True)
class LadderConfig(Config):
    """Configuration of a `Ladder`.

    Sizes are in pixels, widths in channels.

    height, width: frame size; multiples of 32, the stride of the encoder's last tap.
    seen: frames the network is meant to see before it predicts (it accepts any number from 1 up).
    full_resolution: C1 reads a stride-1 convolution of the frame and C2 to C4 read the encoder one level
        finer (paper section 4.2, Fig. 14).
    gru_widths: filters of each ConvGRU, and of the convolution beside them, in C1 to C4.
    decoder_width: channels of a decoder block before its pixel shuffle; `lateral_width` after it.
    location: which of C1 to C4 use the location-dependent convolution (paper Fig. 1: the deeper two).
    design: "paper", a network that paints its frames as the paper describes it, or "motion", whose memories move the
        pixels of the last frame level by level (`vp.models.motion_ladder`).
    upsampling: how the paper's half-resolution ladder reaches full resolution (paper Fig. 9). Unused otherwise.
    """

    height: int = 128
    width: int = 160
    seen: int = 3
    full_resolution: bool = False
    gru_widths: tuple[int, int, int, int] = (64, 64, 64, 64)
    decoder_width: int = 1024
    lateral_width: int = 64
    location: tuple[bool, bool, bool, bool] = (False, False, True, True)
    design: str = "paper"
    upsampling: str = "pixel_shuffle"

    def __post_init__(self) -> None:
        require_int("height", self.height, 32, MAX_SIDE, multiple_of=32)  # the encoder's stride
        require_int("width", self.width, 32, MAX_SIDE, multiple_of=32)
        require_int("seen", self.seen, 1, 64)
        require_int("decoder_width", self.decoder_width, 16, MAX_WIDTH, multiple_of=16)  # pixel shuffle 4
        require_int("lateral_width", self.lateral_width, 1, MAX_WIDTH)
        for name, kind in (("gru_widths", int), ("location", bool)):
            value = getattr(self, name)
            valid = isinstance(value, tuple) and len(value) == len(BLOCKS) and all(type(v) is kind for v in value)
            require(valid, name, f"hold one {kind.__name__} for each of {', '.join(BLOCKS)}", value)
        for width in self.gru_widths:
            require_int("gru_widths", width, 1, MAX_WIDTH)
        require(type(self.full_resolution) is bool, "full_resolution", "be true or false", self.full_resolution)
        require(self.design in DESIGNS, "design", f"be one of {', '.join(DESIGNS)}", self.design)
        require(self.upsampling in UPSAMPLING, "upsampling", f"be one of {', '.join(UPSAMPLING)}", self.upsampling)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a frame, in pixels."""
        return self.height, self.width

    @property
    def strides(self) -> tuple[int, int, int, int]:
        """Pixels of the frame for one place of the maps of C1 to C4."""
        return (1, 2, 4, 8) if self.full_resolution else (2, 4, 8, 16)

    def map_size(self, block: str) -> tuple[int, int]:
        """(height, width) of the maps of a block "C1" to "C4"."""
        stride = self.strides[BLOCKS.index(block)]
        return self.height // stride, self.width // stride


@dataclass(frozen=True)
class Network:
    """title, purpose: for people. paper: as the paper describes it."""

    title: str
    purpose: str
    paper: LadderConfig


# What is otherwise in our design. C1's and the decoder's maps are the largest, and take the time.
OURS = {"gru_widths": (16, 32, 32, 32), "decoder_width": 128}
_SMALL = LadderConfig(height=64, width=96, seen=5)
NETWORKS = {
    # The Location-dependent Video Ladder Network, section 3, Fig. 1.
    "lvln": Network("L-VLN", "the largest frames", LadderConfig()),
    # Section 4.1: fed back for more.
    "one_frame": Network("One-frame", "trained on one frame ahead", _SMALL),
    # Section 4.2, Fig. 14: with fewer filters.
    "full_res": Network(
        "Full-res",
        "predicts at full resolution",
        replace(_SMALL, full_resolution=True, gru_widths=(16, 32, 64, 64)),
    ),
}
NAMES = tuple(NETWORKS)
DEFAULT = "one_frame"  # what a page shows first, and an endpoint runs where nobody says
# The paper's network at the size of `one_frame`, a third of its parameters, trained for 45 minutes.
PAPER = "paper_one_frame"
NETWORKS[PAPER] = Network("The paper's design", "paints every frame anew, to compare with", _SMALL)
ALL_NAMES = tuple(NETWORKS)  # what checkpoints may hold
TITLES = {name: network.title for name, network in NETWORKS.items()}


def preset(name: str, design: str = "paper", **changes: object) -> LadderConfig:
    """The configuration of one of the three networks.

    name: "lvln", "one_frame" or "full_res".
    design: "paper" for the paper's network with its filter counts, "motion" for ours.
    changes: fields of `LadderConfig` to set otherwise, e.g. seen=8.
    Raises KeyError for an unknown name, ConfigError for an unknown design.
    """
    if name not in NAMES:
        raise KeyError(f"no preset {name!r}; there are {', '.join(NAMES)}")
    ours = OURS if design == "motion" else {}
    return replace(NETWORKS[name].paper, design=design, **ours | changes)


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Configuration of a `StateClassifier`.

    predictor: preset name of the network whose states it reads; blocks: those of its lateral blocks that it reads, in
        the order C1 to C4 (the paper's strategies: all); strategy: "streams", ours, or one of the paper's
        (`classifier_inputs`); features: how many.
    classes: their names, in the order of the scores.
    hidden: units of the hidden layer (the paper's 2,000), 0 for none.
    batch_norm, dropout: of the hidden layer.
    standardise: whether each feature has its mean and spread over the training clips taken out.
    temperature: what the scores are divided by before the softmax (Guo et al. 2017). soft_cap: what they stay below
        then, see `calibrated`; None for no limit.
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
    soft_cap: float | None = None
    directions: int = 0
    remembered: int = 0
    familiar: float | None = None

    def __post_init__(self) -> None:
        require(self.predictor in NAMES, "predictor", f"be one of {', '.join(NAMES)}", self.predictor)
        require(self.strategy in STRATEGIES, "strategy", f"be one of {', '.join(STRATEGIES)}", self.strategy)
        require_int("features", self.features, 1, 10_000_000)
        require_int("hidden", self.hidden, 0, 8 * MAX_WIDTH)
        require_int("directions", self.directions, 0, 1000)
        require_int("remembered", self.remembered, 0, MAX_REMEMBERED)
        ordered = isinstance(self.blocks, tuple) and self.blocks == tuple(b for b in BLOCKS if b in self.blocks)
        require(ordered and self.blocks != (), "blocks", f"be some of {', '.join(BLOCKS)} in that order", self.blocks)
        all_read = self.strategy == STREAMS_STRATEGY or self.blocks == BLOCKS
        require(all_read, "blocks", f"be all four for the strategy {self.strategy!r}", self.blocks)
        named = isinstance(self.classes, tuple) and all(isinstance(c, str) and 0 < len(c) <= 100 for c in self.classes)
        if not named or not 2 <= len(self.classes) <= MAX_CLASSES or len(set(self.classes)) != len(self.classes):
            raise ConfigError(f"classes must be 2 to {MAX_CLASSES} different names")
        for name in ("batch_norm", "standardise"):
            require(type(getattr(self, name)) is bool, name, "be true or false", getattr(self, name))
        dropout, temperature = self.dropout, self.temperature
        require(_number(dropout) and 0 <= dropout < 1, "dropout", "be a number from 0 to below 1", dropout)
        require(_number(temperature) and 0 < temperature <= 1000, "temperature", "be a number above 0", temperature)
        for name in ("soft_cap", "familiar"):
            value = getattr(self, name)
            require(value is None or (_number(value) and value > 0), name, "be a number above 0 or absent", value)
        both = bool(self.directions) == bool(self.remembered)
        require(both, "directions and remembered", "both be 0, or neither", (self.directions, self.remembered))
        measurable = self.familiar is None or self.remembered > 0
        require(measurable, "familiar", "be absent where no training clip is remembered", self.familiar)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
