"""From a configuration to a network."""

from __future__ import annotations

import torch

from .config import LadderConfig
from .ladder import Ladder
from .motion_ladder import MotionLadder
from .paper_ladder import PaperLadder

DESIGN = {"paper": PaperLadder, "motion": MotionLadder}


def build(config: LadderConfig) -> Ladder:
    """The network that a configuration describes, with fresh weights, its encoder's too."""
    return DESIGN[config.design](config)


def untrained(model: Ladder, seed: int = 0) -> Ladder:
    """A network of the same configuration before it learned anything, in eval mode, fp32, on the CPU.

    The encoder, and what was set from its features, stay: they are not what training for prediction makes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build(model.config)
    given = ("encoder.", "standardise.", "matchers.")
    kept = {name: value for name, value in model.state_dict().items() if name.startswith(given)}
    fresh.load_state_dict(kept, strict=False)
    return fresh.eval()
