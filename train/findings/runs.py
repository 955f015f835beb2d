"""What a run has exported."""

from __future__ import annotations

from pathlib import Path

from vp import Predictor, load_predictor
from vp.checkpoints import open_checkpoints


def only_predictor(checkpoints: Path) -> Predictor:
    """The predictor in a folder that a run exported, which holds no other."""
    return load_predictor(open_checkpoints(str(checkpoints)).names()[0], str(checkpoints))
