"""Runs as findings take them from the command line, and what a run has logged and exported."""

from __future__ import annotations

import argparse
from pathlib import Path

from vp import Predictor, load_predictor
from vp.checkpoints import open_checkpoints
from vp.errors import CheckpointError
from vp.models import NAMES


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """`RUN... --figure FILE`, what a finding is told that draws runs."""
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--figure", type=Path, required=True)


def only_predictor(checkpoints: Path) -> Predictor:
    """The predictor in a folder that a run exported, which holds no other. Raises CheckpointError if there is none."""
    try:
        names = open_checkpoints(str(checkpoints)).names() or NAMES  # with none there, loading says so
        return load_predictor(names[0], str(checkpoints))
    except CheckpointError as error:
        raise CheckpointError(f"no predictor; a run exports it at its end. {error}") from None


def logged(run: Path, name: str) -> list[tuple[int, float]]:
    """(step, value) of a number such as "train/loss" or "validation/gain_1" from a run's TensorBoard log.

    A run that was killed and went on from an earlier checkpoint logged some steps twice: the later ones count. Raises
    ValueError without any.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(run), size_guidance={"scalars": 0}, purge_orphaned_data=False).Reload()
    if name not in log.Tags()["scalars"]:
        raise ValueError(f"{run} has no {name} in its log yet")
    rows: list[tuple[int, float]] = []
    for event in log.Scalars(name):
        while rows and rows[-1][0] >= event.step:
            rows.pop()
        rows.append((event.step, event.value))
    return rows
