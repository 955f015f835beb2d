"""The networks: pure `torch.nn` modules. No files, no network, no page."""

from .build import build, untrained
from .classifier import ClassifierConfig, StateClassifier
from .config import BLOCKS, KERNELS, ConfigError, LadderConfig, in_order
from .convgru import ConvGRU, Gates
from .ladder import Ladder, LadderOutput, Memories, Observation, State, trained_parameters
from .presets import ALL_NAMES, NAMES, PAPER, TITLES, preset
from .readout import clip_features, feature_count, reads_every_step, step_features
