"""A training recipe: one small YAML file that says everything about a run but where its data lies."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import yaml

from vp.models import LadderConfig, preset

from .data import Augmentation

DATA = ("ucf101", "circle")
FOLDER = Path(__file__).parent / "recipes"


@dataclass
class Recipe:
    """What to train and how.

    model: a preset name; variant: "paper" or "compact"; network: changes of its `LadderConfig`.
    data: "ucf101" (or any video, --data says which) or "circle"; clips: only so many training clips.
    loss: {term: weight}, see `PredictionLoss`. seen: (fewest, most) frames seen per clip, drawn per step.
    feedback: frames predicted from predictions after the first one, from the share `feedback_from` of the
        run on. every_step: supervise the prediction after every seen frame but the first, or the last only.
    optimiser: "sgd", "adagrad", "adam" or "adamw"; learning_rate: its peak, reached after `warmup` steps and
        annealed to zero over the run. encoder_rate: share of it for the encoder, 0 keeps it frozen;
        encoder_until: share of the run after which it is frozen all the same.
    gru_fan_in: a ConvGRU's convolution with more inputs than this to each of its sums learns at a lower rate, in
        inverse proportion (as sums grow with their inputs under Adam; Yang et al. 2022); 0: all at the same.
    memory_dropout: share of the clips of which a random set of memories is silenced (`train.memory_dropout`), up to
        the share `memory_dropout_until` of the run.
    steps: length of the run unless --minutes bounds it. ema: decay of the averaged weights that are shipped.
    """

    model: str
    variant: str = "compact"
    network: dict = field(default_factory=dict)
    data: str = "ucf101"
    clips: int | None = None
    loss: dict = field(default_factory=lambda: {"dssim": 0.5, "l1": 0.25, "l2": 0.25})
    augmentation: Augmentation = field(default_factory=Augmentation)
    curriculum: dict[int, tuple[float, float]] = field(default_factory=dict)
    seen: tuple[int, int] = (5, 5)
    feedback: int = 0
    feedback_from: float = 0.5
    every_step: bool = True
    batch: int = 8
    optimiser: str = "adamw"
    learning_rate: float = 7e-4
    weight_decay: float = 0.01
    warmup: int = 100
    encoder_rate: float = 0.0
    encoder_until: float = 1.0
    gru_fan_in: int = 0
    memory_dropout: float = 0.0
    memory_dropout_until: float = 0.6
    clip_gradient: float = 1.0
    steps: int = 100_000
    ema: float = 0.998
    seed: int = 1

    def config(self) -> LadderConfig:
        return replace(preset(self.model, self.variant), **self.network)


def read_recipe(name: str | Path, folder: Path, kind: type) -> tuple[Path, dict]:
    """The file of a recipe, given by its name in a folder or by path, and the values in it.

    kind: the dataclass whose fields it may set. Raises ValueError for an unknown recipe or field.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise ValueError(f"no recipe {name}; there are {known}, or give the path of a .yaml file")
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
    """Read a recipe by its name in `train/recipes/` or by path. Raises ValueError for unknown fields."""
    path, values = read_recipe(name, FOLDER, Recipe)
    if "augmentation" in values:
        pairs = {k: tuple(v) if isinstance(v, list) else v for k, v in values["augmentation"].items()}
        values["augmentation"] = Augmentation(**pairs)
    if "curriculum" in values:
        values["curriculum"] = {int(step): tuple(rates) for step, rates in sorted(values["curriculum"].items())}
    if values.get("data", "ucf101") not in DATA:
        raise ValueError(f"{path}: data must be one of {', '.join(DATA)}, not {values['data']}")
    if "seen" in values:
        values["seen"] = tuple(values["seen"])
    if "network" in values:
        values["network"] = {k: tuple(v) if isinstance(v, list) else v for k, v in values["network"].items()}
    return Recipe(**values)
