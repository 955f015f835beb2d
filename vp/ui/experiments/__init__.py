"""The experiments, a module each, named as its endpoint: what it takes and answers, and what the page draws of it.

What they compute is `vp.inspection`'s, which brings PyTorch: it is imported where they name it. What is made from each
is in `vp.ui.registry`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..registry import Experiment

_FOUND = [getattr(import_module(f"{__name__}.{module.name}"), module.name) for module in iter_modules(__path__)]
EXPERIMENTS: dict[str, Experiment] = {one.name: one for one in sorted(_FOUND, key=lambda one: one.order)}
