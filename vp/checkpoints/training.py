"""The training that is in a predictor's weights."""

from __future__ import annotations


def spent(training: dict) -> dict[str, float]:
    """Minutes, steps and clips in weights, from "training" of their config.json: those of the run that gave them and,
    under "before", of the weights that it started from. What is not recorded counts as 0."""
    before = training.get("before", {})
    return {key: round(training.get(key, 0) + before.get(key, 0), 1) for key in ("minutes", "steps", "clips")}
