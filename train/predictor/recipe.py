"""A training recipe: one small YAML file that says everything about a run but where its data lies."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import yaml

from vp.models import LadderConfig, preset

from ..data.batches import Augmentation

DATA = ("ucf101", "circle")
TRAIN = Path(__file__).parents[1]


@dataclass
class Recipe:
    """What to train and how.

    model: a preset's name; design: "motion" or "paper"; network: changes of its `LadderConfig`.
    data: "ucf101" (or any video, --data says which) or "circle"; clips: only so many training clips.
    loss: {term: weight}, see `PredictionLoss`. levels: weight of the loss of each level's motion, until three quarters
        of the run. seen: (fewest, most) frames seen per clip, drawn per step. feedback: frames predicted from
        predictions after the first one. every_step: supervise the prediction after every seen frame but the first, or
        the last only.
    optimiser: "muon" (Muon for convolutions, AdamW for the rest), "adamw" or "adam"; learning_rate: its
        peak, reached after `warmup` steps, falling to zero over the last half of the run.
    steps: length of the run unless --minutes bounds it. ema: decay of the averaged weights that are shipped.
    """

    model: str
    design: str = "motion"
    network: dict = field(default_factory=dict)
    data: str = "ucf101"
    clips: int | None = None
    loss: dict = field(default_factory=lambda: {"psnr": 0.5, "l1": 0.3, "dssim": 0.2})
    levels: float = 0.1
    augmentation: Augmentation = field(default_factory=Augmentation)
    seen: tuple[int, int] = (5, 5)
    feedback: int = 0
    every_step: bool = True
    batch: int = 8
    optimiser: str = "muon"
    learning_rate: float = 0.02
    weight_decay: float = 0.01
    warmup: int = 50
    clip_gradient: float = 1.0
    steps: int = 100_000
    ema: float = 0.998
    seed: int = 1

    def config(self) -> LadderConfig:
        return replace(preset(self.model, self.design), **self.network)

    @property
    def length(self) -> int:
        """Frames of a training clip."""
        return self.seen[1] + 1 + self.feedback


def shipped(room: str) -> dict[str, Path]:
    """Recipes by name: those of the bundled networks, in `train/ROOM/recipes/`, and those of the findings.

    room: "predictor" or "classifier".
    """
    folders = (TRAIN / room / "recipes", TRAIN / "findings" / "recipes" / room)
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def read_recipe(name: str | Path, room: str, kind: type) -> tuple[Path, dict]:
    """The file of a recipe, given by its name among those of a room or by path, and the values in it.

    kind: the dataclass whose fields it may set. Raises ValueError for an unknown recipe or field.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else shipped(room).get(str(name))
    if path is None or not path.exists():
        raise ValueError(f"no recipe {name}; there are {', '.join(shipped(room))}, or give the path of a .yaml file")
    try:
        values = yaml.safe_load(path.read_bytes()) or {}  # UTF-8 or UTF-16, as YAML says
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML in UTF-8 or UTF-16: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no fields of a recipe (name: value)")
    if unknown := set(values) - {f.name for f in fields(kind)}:
        raise ValueError(f"{path}: unknown fields {', '.join(sorted(unknown))}")
    return path, values


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe by its name or by path. Raises ValueError for an unknown one and for unknown fields."""
    path, values = read_recipe(name, "predictor", Recipe)
    if values.get("data", "ucf101") not in DATA:
        raise ValueError(f"{path}: data must be one of {', '.join(DATA)}, not {values['data']}")
    if "augmentation" in values:
        values["augmentation"] = Augmentation(**_tuples(values["augmentation"]))
    if "seen" in values:
        values["seen"] = tuple(values["seen"])
    if "network" in values:
        values["network"] = _tuples(values["network"])
    return Recipe(**values)


def _tuples(values: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
