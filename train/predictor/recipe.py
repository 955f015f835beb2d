"""A training recipe: one small YAML file that says everything about a run but where its data lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from vp.models import NAMES, ConfigError, LadderConfig, preset
from vp.models.config import DESIGNS

from ..data.batches import Augmentation
from ..typed import Count, Kind, NotNegative, NotNegativeInt, Positive, Share, build
from .losses import PredictionLoss

DATA = ("ucf101", "circle")
OPTIMISERS = ("muon", "adam", "adamw")
TRAIN = Path(__file__).parents[1]


@dataclass
class Recipe:
    """What to train and how.

    model: a preset's name; design: "motion" or "paper"; network: changes of its `LadderConfig`.
    data: "ucf101" (or any video, --data says which) or "circle"; clips: only so many training clips.
    loss: {term: weight}, see `PredictionLoss`. levels: weight of the loss of each level's motion.
    seen: frames seen of a clip. feedback: frames predicted from predictions after the first one. every_step: supervise
        the prediction after every seen frame but the first, or the last only.
    trained: the parts of the network that learn, by the beginnings of their names; the others stay as they start. All
        but the encoder by default.
    optimiser: "muon" (Muon for convolutions, AdamW for the rest), "adamw" or "adam"; learning_rate: its
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
    batch: Count = 8
    optimiser: str = "muon"
    learning_rate: Positive = 0.015
    weight_decay: NotNegative = 0.01
    warmup: Count = 50
    clip_gradient: Positive = 1.0
    steps: Count = 100_000
    ema: Share = 0.998
    seed: NotNegativeInt = 1

    def config(self) -> LadderConfig:
        """The network. Raises ConfigError for one that cannot be."""
        return LadderConfig.from_dict(preset(self.model, self.design).to_dict() | self.network)

    @property
    def length(self) -> int:
        """Frames of a training clip."""
        return self.seen + 1 + self.feedback


def shipped(room: str) -> dict[str, Path]:
    """Recipes by name: those of the bundled networks, in `train/ROOM/recipes/`, and those of the findings.

    room: "predictor" or "classifier".
    """
    folders = (TRAIN / room / "recipes", TRAIN / "findings" / "recipes" / room)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def read_recipe(name: str | Path, room: str, kind: type[Kind]) -> tuple[Path, Kind]:
    """A recipe, given by its name among those of a room or by path, and its file.

    kind: the dataclass that it is, whose fields it may set. Raises ValueError, in one line, for an unknown recipe or
    field, or a value that a field cannot have.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else shipped(room).get(str(name))
    if path is None or not path.is_file():
        raise ValueError(f"no recipe {name}; there are {', '.join(shipped(room))}, or give the path of a .yaml file")
    try:
        values = yaml.safe_load(path.read_bytes()) or {}  # UTF-8 or UTF-16, as YAML says
    except (yaml.YAMLError, ValueError) as error:  # the latter for dates that are none, for example
        raise ValueError(f"{path} is not YAML in UTF-8 or UTF-16: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no fields of a recipe (name: value)")
    try:
        return path, build(kind, values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe by its name or by path. Raises ValueError, in one line, for one that cannot be trained by."""
    path, recipe = read_recipe(name, "predictor", Recipe)
    choices = {"data": DATA, "model": NAMES, "design": DESIGNS, "optimiser": OPTIMISERS}
    for field_name, known in choices.items():
        if (value := getattr(recipe, field_name)) not in known:
            raise ValueError(f"{path}: {field_name} must be one of {', '.join(known)}, not {value}")
    try:
        recipe.config()
    except ConfigError as error:
        raise ConfigError(f"{path}: network: {error}") from None
    try:
        PredictionLoss(recipe.loss)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return recipe
