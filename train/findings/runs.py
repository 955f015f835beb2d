"""What a run has exported."""

from __future__ import annotations

from pathlib import Path

from vp import Predictor, load_predictor
from vp.checkpoints import open_checkpoints
from vp.errors import CheckpointError
from vp.models import NAMES


def only_predictor(checkpoints: Path) -> Predictor:
    """The predictor in a folder that a run exported, which holds no other.

    Raises SystemExit with what is wrong if there is none: findings are commands.
    """
    try:
        names = open_checkpoints(str(checkpoints)).names() or NAMES  # with none there, loading says so
        return load_predictor(names[0], str(checkpoints))
    except CheckpointError as error:
        raise SystemExit(f"no predictor; a run exports it at its end. {error}") from None
