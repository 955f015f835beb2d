"""The networks: pure `torch.nn` modules. No files, no network, no page."""

from .classifier import ClassifierConfig, StateClassifier
from .config import BLOCKS, KERNELS, ConfigError, LadderConfig, in_order
from .convgru import ConvGRU, Gates
from .fresh import untrained
from .ladder import Ladder, LadderOutput, State, trained_parameters
from .presets import ALL_NAMES, NAMES, PAPER_RECIPE, TITLES, preset
from .readout import averaged, clip_features, feature_count, step_features

__all__ = [
    "ALL_NAMES",
    "BLOCKS",
    "KERNELS",
    "NAMES",
    "PAPER_RECIPE",
    "TITLES",
    "ClassifierConfig",
    "ConfigError",
    "ConvGRU",
    "Gates",
    "Ladder",
    "LadderConfig",
    "LadderOutput",
    "State",
    "StateClassifier",
    "averaged",
    "clip_features",
    "feature_count",
    "in_order",
    "preset",
    "step_features",
    "trained_parameters",
    "untrained",
]
