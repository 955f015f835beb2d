"""Train a predictor.

    python -m train.fit_predictor RECIPE --data DIR --out runs/NAME --minutes N

RECIPE is a name in `train/predictor/recipes/` or a YAML file. The run writes `last.ckpt` every few minutes and when it
is stopped, goes on from it when started again, and exports what the app loads into `runs/NAME/export/`.
`--minutes` is the budget of the whole run, over all its restarts: the learning rate falls to zero at its end.

On a GPU all clips are kept in its memory. `train/all_networks.sh` trains the three bundled ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from torch.nn import functional as F

from vp.models import Ladder, build
from vp.precision import choose_device, choose_dtype

from .arguments import above_zero, add_data, at_least_one, told, zero_or_more
from .data.batches import Batches
from .data.windows import fixed_windows
from .encoder_weights import load_imagenet, load_shared, read_weights
from .predictor.losses import PredictionLoss
from .predictor.objective import Objective
from .predictor.recipe import Recipe, load_recipe
from .predictor.run import Run, set_rate
from .sources import prepare
from .splits import VALIDATION_GROUPS

HORIZON = 3  # steps that validation scores
LEVELS_UNTIL = 0.75  # share of the run in which each level's motion has a loss of its own
CALIBRATION = 16  # batches of clips whose features are measured before the first step


def fit(args: argparse.Namespace, recipe: Recipe) -> None:
    fabric = make_fabric(args)
    fabric.seed_everything(recipe.seed, verbose=False)
    torch.backends.cudnn.benchmark = True  # worth it only where shapes stay: `seen` of a recipe for GPUs is one number
    torch.backends.cudnn.benchmark_limit = 4
    config = recipe.config()
    names = prepare(
        args.data, args.cache, kind=recipe.data, clips=recipe.clips, splits=args.splits, ready=args.prepared
    )
    shape = {"length": recipe.length, "size": config.size, "batch": recipe.batch}
    batches = Batches(
        args.cache, names.train, **shape, augmentation=recipe.augmentation, seed=recipe.seed, device=fabric.device
    )
    windows = fixed_windows(
        args.cache, names.validation, length=config.seen + HORIZON, size=config.size, per_clip=args.validation_windows
    )
    if not windows:
        raise ValueError(
            f"no validation clip has {config.seen + HORIZON} frames at 10 Hz. A folder needs some of the groups "
            f"{', '.join(map(str, VALIDATION_GROUPS))}; or set `clips` in the recipe, to validate on what it trains on"
        )
    model, evaluation_model = (fabric.to_device(build(config).to(memory_format=torch.channels_last)) for _ in range(2))
    provenance = load_shared(model.encoder, args.encoder) if args.encoder else load_imagenet(model.encoder)
    if args.start:
        start(model, args.start)
    elif config.design == "motion":
        model.calibrate(torch.cat([batches[i][:, ::3].flatten(0, 1) for i in range(CALIBRATION)])[:1024])
    args.out.mkdir(parents=True, exist_ok=True)
    run = Run(model, recipe, args.out, minutes=args.minutes, provenance=provenance)
    if run.resume():
        fabric.print(f"goes on at step {run.step}, {run.progress['seconds'] / 60:.1f} min")
    objective = fabric.setup_module(Objective(model, PredictionLoss(recipe.loss), every_step=recipe.every_step))
    optimisers = fabric.setup_optimizers(*run.optimisers)
    optimisers = [optimisers] if len(run.optimisers) == 1 else list(optimisers)

    def score() -> None:
        with fabric.autocast():
            scores = run.score(evaluation_model, windows)
        fabric.log_dict({f"validation/{name}": value for name, value in scores.items()}, run.step)
        line = " ".join(f"{name} {value:+.3f}" for name, value in scores.items())
        fabric.print(f"step {run.step} {run.progress['seconds'] / 60:.1f} min {line}", flush=True)

    # ---- the loop ----
    model.train()
    every = 1 if fabric.device.type == "cpu" else 20  # a GPU is not kept waiting for a look at every loss
    loss = norm = torch.zeros(())
    run.start()
    while run.share < 1 and not run.stopped:
        if run.step in args.snapshots:
            run.export(evaluation_model, args.out / f"step_{run.step}")
        rate = set_rate(run.optimisers, recipe, run.step, run.share)
        rng = np.random.default_rng((recipe.seed, run.step))
        seen = int(rng.integers(recipe.seen[0], recipe.seen[1] + 1))
        clips = batches[run.step][:, recipe.length - (seen + 1 + recipe.feedback) :]
        weight = recipe.levels if run.share < LEVELS_UNTIL else 0.0
        loss, terms = objective(clips, seen, recipe.feedback, weight)
        if run.step % every == 0:
            run.check(loss)
        fabric.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_gradient)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        run.advance(recipe.batch)
        if run.step % args.log_every == 0:
            run.check(norm)
            values = {name: float(value.detach()) for name, value in {"loss": loss, **terms}.items()}
            speed = run.progress["clips"] / run.progress["seconds"]
            more = {"gradient_norm": float(norm), "learning_rate": rate, "clips_per_second": speed}
            fabric.log_dict({f"train/{name}": value for name, value in (values | more).items()}, run.step)
            fabric.print(f"step {run.step} loss {values['loss']:.4f} norm {norm:.3f} {speed:.2f} clips/s", flush=True)
        if run.clock - run.scored > args.score_every * 60:
            score()
        if run.clock - run.saved > args.save_every * 60:
            run.check(loss + norm)  # so that the last good state is not written over
            run.keep(evaluation_model)
    run.check(loss + norm)
    score()
    run.keep(evaluation_model)
    if run.step in args.snapshots:
        run.export(evaluation_model, args.out / f"step_{run.step}")


def start(model: Ladder, folder: Path) -> None:
    """Give a network the weights of an exported predictor of its shape; location maps are brought to its size."""
    state, path = model.state_dict(), folder / "model.safetensors"
    if not path.exists():
        raise SystemExit(f"{path} is missing: --start takes the folder of an exported predictor")
    for name, value in read_weights(path).items():
        if name not in state:
            raise SystemExit(f"{path} is of another network: this one has no {name}")
        value = value.float()
        if name.endswith(".location") and value.shape != state[name].shape:
            value = F.interpolate(value, size=state[name].shape[-2:], mode="bilinear", align_corners=False)
        if value.shape != state[name].shape:
            raise SystemExit(f"{path} is of another network: {name} has other shapes")
        state[name] = value
    model.load_state_dict(state)


def make_fabric(args: argparse.Namespace) -> Fabric:
    """Precision as asked for, else bf16-mixed where the hardware has bf16."""
    device = torch.device("cpu") if args.accelerator == "cpu" else choose_device()
    native = "bf16-mixed" if choose_dtype(device) == torch.bfloat16 else "32-true"
    loggers = [TensorBoardLogger(args.out, name="", version="")]
    try:
        if args.wandb:
            from lightning.pytorch.loggers import WandbLogger

            loggers.append(WandbLogger(project=args.wandb, name=args.out.name, save_dir=args.out))
        return Fabric(accelerator=args.accelerator, devices=1, precision=args.precision or native, loggers=loggers)
    except ModuleNotFoundError as error:
        raise ValueError(f"--wandb needs a package that is not here: {error}") from error
    except RuntimeError as error:
        raise ValueError(f"--accelerator {args.accelerator}: {error}") from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name in train/predictor/recipes/ or path of a .yaml file")
    add_data(parser, required=False, more=", or one video")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--prepared", action="store_true", help="take the cache as it is")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--encoder", type=Path, default=None, help="folder of checkpoints whose encoder to take")
    parser.add_argument("--start", type=Path, default=None, help="folder of an exported predictor to start from")
    parser.add_argument("--minutes", type=above_zero, default=None, help="training budget over all restarts")
    parser.add_argument("--batch", type=at_least_one, default=None, help="clips a step, instead of the recipe's")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument(
        "--precision", default=None, help="bf16-mixed or 32-true; default: bf16-mixed where the hardware has bf16"
    )
    parser.add_argument("--save-every", type=zero_or_more, default=3, metavar="MINUTES")
    parser.add_argument("--score-every", type=zero_or_more, default=5, metavar="MINUTES")
    parser.add_argument("--log-every", type=at_least_one, default=50, metavar="STEPS")
    parser.add_argument("--validation-windows", type=at_least_one, default=1, help="windows per validation clip")
    parser.add_argument("--snapshots", type=int, nargs="*", default=[], help="export after these steps too")
    parser.add_argument("--wandb", default=None, metavar="PROJECT", help="log to Weights & Biases too")
    args = parser.parse_args()
    with told():
        recipe = load_recipe(args.recipe)
        if args.batch:
            recipe.batch = args.batch
        fit(args, recipe)


if __name__ == "__main__":
    main()
