"""Experiments on a predictor and one window of a clip: what happens if a part is silenced, the memory wiped, fewer
frames are seen, which pixels a prediction depends on, and whether it has a grid. Frames in, numbers out; nothing here
knows of a page."""

from .importance import Importance, rank_convgrus
from .ladder_map import LadderMap, ladder_map
from .levels import Level, built_up, moved_by, predicted_gain
from .reset import MemoryReset, memory_reset
from .saliency import Saliency, saliency
from .silence_parts import silence_parts
from .spectrum import Spectra, compare_spectra, spectra
from .sweep import SeenSweep, sweep_seen

__all__ = [
    "Importance",
    "LadderMap",
    "Level",
    "MemoryReset",
    "Saliency",
    "SeenSweep",
    "Spectra",
    "built_up",
    "compare_spectra",
    "ladder_map",
    "memory_reset",
    "moved_by",
    "predicted_gain",
    "rank_convgrus",
    "saliency",
    "silence_parts",
    "spectra",
    "sweep_seen",
]
