"""A classifier's recipe: one small YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vp.models import ClassifierConfig

from . import recipe
from .recipe import read_recipe

FOLDER = recipe.FOLDER / "classifiers"


@dataclass(frozen=True)
class ClassifierRecipe:
    """What to fit and how.

    strategy, hidden, batch_norm, dropout, input_dropout, standardise: of `ClassifierConfig`.
    optimiser: "sgd", "adam" or "adamw"; learning_rate: its peak, annealed to zero over the `epochs` by half a cosine.
    partial: odds that a clip is shown as a random run of its parts; strategy "pooled" only.
    """

    strategy: str = "pooled"
    hidden: int = 2000
    batch_norm: bool = True
    dropout: float = 0.0
    input_dropout: float = 0.0
    standardise: bool = False
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 60
    batch: int = 64
    partial: float = 0.0
    label_smoothing: float = 0.0

    def config(self, predictor: str, features: int, classes: list[str]) -> ClassifierConfig:
        """The network that it fits."""
        return ClassifierConfig(
            predictor=predictor,
            strategy=self.strategy,
            features=features,
            classes=tuple(classes),
            hidden=self.hidden,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
            input_dropout=self.input_dropout,
            standardise=self.standardise,
        )


def load_classifier_recipe(name: str | Path) -> ClassifierRecipe:
    """Read a recipe by its name in `train/recipes/classifiers/` or by path. Raises ValueError for an unknown one."""
    return ClassifierRecipe(**read_recipe(name, FOLDER, ClassifierRecipe)[1])
