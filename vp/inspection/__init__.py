"""Experiments on a predictor and one window of a clip: what happens if a part is silenced, the memory wiped, fewer
frames are seen, which pixels a prediction depends on, and whether it has a grid; and what is behind one number, one
filter and one moment of a memory. Frames in, numbers out; nothing here knows of a page."""

from .exemplars import FilterProfile, Moment, Polar, exemplars, filter_profile
from .importance import Importance, rank_convgrus
from .index import Index, Passage, index_passage, merge
from .ladder_map import LadderMap, ladder_map
from .levels import Level, built_up, moved_by, predicted_gain
from .moments import Again, Alike, Course, again, alike, course
from .number import Number, Sum, explain_number, receptive_field
from .reset import MemoryReset, memory_reset
from .saliency import Saliency, saliency
from .silence_parts import silence_parts
from .spectrum import Spectra, compare_spectra, spectra
from .sweep import SeenSweep, sweep_seen

__all__ = [
    "Again",
    "Alike",
    "Course",
    "FilterProfile",
    "Importance",
    "Index",
    "LadderMap",
    "Level",
    "MemoryReset",
    "Moment",
    "Number",
    "Passage",
    "Polar",
    "Saliency",
    "SeenSweep",
    "Spectra",
    "Sum",
    "again",
    "alike",
    "built_up",
    "compare_spectra",
    "course",
    "exemplars",
    "explain_number",
    "filter_profile",
    "index_passage",
    "ladder_map",
    "memory_reset",
    "merge",
    "moved_by",
    "predicted_gain",
    "rank_convgrus",
    "receptive_field",
    "saliency",
    "silence_parts",
    "spectra",
    "sweep_seen",
]
