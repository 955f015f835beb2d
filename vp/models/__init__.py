"""The networks: pure `torch.nn` modules. No files, no network, no page."""

from .classifier import StateClassifier, feature_count, state_features
from .config import BLOCKS, KERNELS, ConfigError, LadderConfig
from .convgru import ConvGRU, Gates
from .ladder import Ladder, LadderOutput, State, trained_parameters
from .presets import NAMES, TITLES, preset

__all__ = [
    "BLOCKS",
    "KERNELS",
    "NAMES",
    "TITLES",
    "ConfigError",
    "ConvGRU",
    "Gates",
    "Ladder",
    "LadderConfig",
    "LadderOutput",
    "State",
    "StateClassifier",
    "feature_count",
    "preset",
    "state_features",
    "trained_parameters",
]
