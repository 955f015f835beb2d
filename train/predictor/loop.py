"""The training loop."""

from __future__ import annotations

import argparse

import torch
from lightning.fabric import Fabric
from torch import Tensor

from ..data.batches import Batches
from .losses import PredictionLoss
from .objective import Objective
from .run import Run, set_rate


def train(
    fabric: Fabric, run: Run, batches: Batches, windows: list[tuple[str, int, Tensor]], args: argparse.Namespace
) -> None:
    """Train until the run is over or stopped; log, score, save and export on the way and at the end.

    windows: of `fixed_windows`, to score on. args: those of `train.fit_predictor`. Raises ValueError for a loss that is
    not finite; the last good state stays.
    """
    recipe = run.recipe
    objective = Objective(run.model, PredictionLoss(recipe.loss), every_step=recipe.every_step)
    objective, *optimisers = fabric.setup(objective, *run.optimisers)
    check_every = 1 if fabric.device.type == "cpu" else 20  # a GPU is not kept waiting for a look at every loss
    loss = norm = torch.zeros(())
    run.model.train()
    run.start()
    while run.share < 1 and not run.stopped:
        if run.step in args.snapshots:
            run.export(args.out / f"step_{run.step}")
        rate = set_rate(run.optimisers, recipe, run.step, run.share)
        loss, terms = objective(batches[run.step], recipe.seen, recipe.feedback, recipe.levels)
        if run.step % check_every == 0:
            run.check(loss)
        fabric.backward(loss)
        # Of all optimisers together; Fabric would clip the gradients of each by themselves.
        norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), recipe.clip_gradient)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        run.advance(recipe.batch)
        if run.step % args.log_every == 0:
            run.check(norm)
            log(fabric, run, {"loss": loss, **terms, "gradient_norm": norm}, rate)
        if run.clock - run.scored > args.score_every * 60:
            score(fabric, run, windows)
        if run.clock - run.saved > args.save_every * 60:
            run.check(loss + norm)  # so that the last good state is not written over
            run.keep()
    run.check(loss + norm)
    score(fabric, run, windows)
    run.keep()
    if run.step in args.snapshots:
        run.export(args.out / f"step_{run.step}")


def log(fabric: Fabric, run: Run, terms: dict[str, Tensor], rate: float) -> None:
    """Print a step, and give its numbers to the loggers."""
    values = {name: float(value.detach()) for name, value in terms.items()}
    speed = run.progress["clips"] / run.progress["seconds"]
    more = {"learning_rate": rate, "clips_per_second": speed}
    fabric.log_dict({f"train/{name}": value for name, value in (values | more).items()}, run.step)
    loss, norm = values["loss"], values["gradient_norm"]
    fabric.print(f"step {run.step} loss {loss:.4f} norm {norm:.3f} {speed:.2f} clips/s", flush=True)


def score(fabric: Fabric, run: Run, windows: list[tuple[str, int, Tensor]]) -> None:
    """Score the averaged weights, print that, and give it to the loggers."""
    with fabric.autocast():
        scores = run.score(windows)
    fabric.log_dict({f"validation/{name}": value for name, value in scores.items()}, run.step)
    line = " ".join(f"{name} {value:+.3f}" for name, value in scores.items())
    fabric.print(f"step {run.step} {run.progress['seconds'] / 60:.1f} min {line}", flush=True)
