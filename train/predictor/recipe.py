"""A training recipe: one small YAML file that says everything about a run but where its data lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from vp.models import NAMES, ConfigError, LadderConfig, preset
from vp.models.config import DESIGNS
from vp.models.silence import Part

from ..data.batches import Augmentation
from ..typed import Count, Kind, NotNegative, NotNegativeInt, Positive, Share, build
from .losses import PredictionLoss

OPTIMISERS = ("muon", "adamw")
TRAIN = Path(__file__).parents[1]


@dataclass
class Recipe:
    """What to train and how. A file may name another recipe as its `base`: what it does not set is as there.

    model: a preset's name; design: "motion" or "paper"; network: changes of its `LadderConfig`.
    data: "ucf101" (or any video, --data says which) or "circle"; clips: only so many training clips.
    loss: {term: weight}, see `PredictionLoss`. levels: weight of the loss of each level's motion.
    seen: frames seen of a clip. feedback: frames predicted from predictions after the first one. every_step: supervise
        the prediction after every seen frame but the first, or the last only.
    trained: the parts of the network that learn, by the beginnings of their names; the others stay as they start. All
        but the encoder by default.
    silence: parts that are silenced throughout (`vp.models.silence`), for a network that has to do without them.
    optimiser: "muon" (Muon for convolutions, AdamW for the rest), or "adamw"; learning_rate: its
        peak, reached after `warmup` steps, falling to zero over the last half of the run.
    steps: length of the run unless --minutes bounds it. ema: decay of the averaged weights that are shipped.
    """

    model: str
    design: str = "motion"
    network: dict = field(default_factory=dict)
    data: str = "ucf101"
    clips: Count | None = None
    loss: dict[str, NotNegative] = field(
        default_factory=lambda: {"psnr": 0.5, "l1": 0.3, "dssim": 0.2, "contrast": 0.5}
    )
    levels: NotNegative = 0.3
    augmentation: Augmentation = field(default_factory=Augmentation)
    seen: Count = 5
    feedback: NotNegativeInt = 0
    every_step: bool = True
    trained: tuple[str, ...] = ()
    silence: tuple[str, ...] = ()
    batch: Count = 8
    optimiser: str = "muon"
    learning_rate: Positive = 0.015
    weight_decay: NotNegative = 0.01
    warmup: Count = 50
    clip_gradient: Positive = 1.0
    steps: Count = 100_000
    ema: Share = 0.998
    seed: NotNegativeInt = 1

    def __post_init__(self) -> None:
        """Raises ValueError, ConfigError or PartError for what cannot be trained."""
        choices = {"data": ("ucf101", "circle"), "model": NAMES, "design": DESIGNS, "optimiser": OPTIMISERS}
        for name, allowed in choices.items():
            if (value := getattr(self, name)) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value}")
        try:
            self.config()
        except ConfigError as error:
            raise ConfigError(f"network: {error}") from None
        PredictionLoss(self.loss)
        self.silenced()

    def config(self) -> LadderConfig:
        """The network."""
        return LadderConfig.from_dict(preset(self.model, self.design).to_dict() | self.network)

    def silenced(self) -> list[Part]:
        """The parts that it does without."""
        return [Part.parse(path, self.config()) for path in self.silence]

    @property
    def length(self) -> int:
        """Frames of a training clip."""
        return self.seen + 1 + self.feedback


def shipped(room: str) -> dict[str, Path]:
    """Recipes of a room ("predictor" or "classifier") by name: its own, of the bundled networks, and the findings'."""
    folders = (TRAIN / room / "recipes", TRAIN / "findings" / "recipes" / room)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def read_recipe(name: str | Path, room: str, kind: type[Kind]) -> tuple[Path, Kind]:
    """A recipe, given by its name among those of a room or by path, as a dataclass of some kind, and its file. Raises
    ValueError, in one line, for an unknown recipe or field, or a value that a field cannot have."""
    path, values = _fields(name, room, ())
    try:
        return path, build(kind, values)
    except ValueError as error:
        raise type(error)(f"{path}: {error}") from None


def _fields(name: str | Path, room: str, above: tuple[Path, ...]) -> tuple[Path, dict]:
    """A recipe's file and all that it sets, what it does not say being as in its `base`. above: the recipes that build
    on it."""
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else shipped(room).get(str(name))
    if path is None or not path.is_file():
        raise ValueError(f"no recipe {name}; there are {', '.join(shipped(room))}, or give the path of a .yaml file")
    if path in above:
        raise ValueError(f"{path}: builds on itself")
    try:
        values = yaml.safe_load(path.read_bytes()) or {}  # UTF-8 or UTF-16, as YAML says
    except (yaml.YAMLError, ValueError) as error:  # the latter for dates that are none, for example
        raise ValueError(f"{path} is not YAML in UTF-8 or UTF-16: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no fields of a recipe (name: value)")
    if (base := values.pop("base", None)) is None:
        return path, values
    try:
        return path, _fields(base, room, (*above, path))[1] | values
    except ValueError as error:
        raise ValueError(f"{path}: base: {error}") from None


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe by its name or by path. Raises ValueError, in one line, for one that cannot be trained by."""
    return read_recipe(name, "predictor", Recipe)[1]
