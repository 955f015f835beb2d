"""What a ladder network is made of: one configuration, from which every variant is built.

The three networks of the paper are presets of this one configuration (`vp.models.presets`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass, fields

BLOCKS = ("C1", "C2", "C3", "C4")
KERNELS = ("3x3", "5x5", "7x7")
DESIGNS = ("paper", "motion")
UPSAMPLING = ("pixel_shuffle", "bilinear", "nearest")

# A config.json comes from strangers: bounds that no real ladder network reaches, but that keep a crafted
# one from asking for terabytes.
MAX_SIDE = 1024
MAX_WIDTH = 2048


def in_order(blocks: Iterable[str]) -> tuple[str, ...]:
    """Some of the lateral blocks, in the order C1 to C4, each once. What is no block is left out."""
    given = set(blocks)
    return tuple(block for block in BLOCKS if block in given)


class ConfigError(ValueError):
    """A configuration has unknown fields, wrong types or values out of range."""


def require_int(name: str, value: object, low: int, high: int) -> None:
    """Raise ConfigError unless a value is a whole number in a range."""
    # bool is an int in Python, but "true" is no width.
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {value!r}")


def require_bool(name: str, value: object) -> None:
    """Raise ConfigError unless a value is true or false."""
    if type(value) is not bool:
        raise ConfigError(f"{name} must be true or false, not {value!r}")


def require_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise ConfigError unless a value is one of some words."""
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


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
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        if missing := sorted(needed - set(values)):
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
        for name in ("height", "width"):
            require_int(name, getattr(self, name), 32, MAX_SIDE)
            if getattr(self, name) % 32:
                raise ConfigError(f"{name} must be a multiple of 32, the encoder's stride, not {getattr(self, name)}")
        require_int("seen", self.seen, 1, 64)
        require_int("decoder_width", self.decoder_width, 16, MAX_WIDTH)
        require_int("lateral_width", self.lateral_width, 1, MAX_WIDTH)
        if self.decoder_width % 16:
            raise ConfigError(f"decoder_width must be a multiple of 16 (pixel shuffle 4), not {self.decoder_width}")
        for name, kind in (("gru_widths", int), ("location", bool)):
            value = getattr(self, name)
            if not isinstance(value, tuple) or len(value) != len(BLOCKS) or any(type(v) is not kind for v in value):
                raise ConfigError(
                    f"{name} must hold one {kind.__name__} for each of {', '.join(BLOCKS)}, not {value!r}"
                )
        for width in self.gru_widths:
            require_int("gru_widths", width, 1, MAX_WIDTH)
        require_bool("full_resolution", self.full_resolution)
        require_choice("design", self.design, DESIGNS)
        require_choice("upsampling", self.upsampling, UPSAMPLING)

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
