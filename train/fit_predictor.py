"""Train a predictor.

    python -m train.fit_predictor RECIPE --data DIR --out runs/NAME --minutes N

RECIPE is a name in `train/predictor/recipes/` or `train/findings/recipes/predictor/`, or a YAML file. The run writes
`last.ckpt` every few minutes and when it is stopped, goes on from it when started again, and exports what the app loads
into `runs/NAME/export/`. `--minutes` is the budget of the whole run, over all its restarts: the learning rate falls to
zero at its end. `train/all_networks.sh` trains the three bundled ones.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from torch import Tensor

from vp.limits import FPS
from vp.models import build
from vp.precision import choose_device, choose_dtype

from .arguments import above_zero, add_data, at_least_one, errors_in_one_line, zero_or_more
from .data.batches import Batches
from .data.sources import prepare
from .data.splits import VALIDATION_GROUPS
from .data.windows import fixed_windows
from .predictor.initial_weights import load_exported, load_imagenet, load_shared
from .predictor.losses import Objective
from .predictor.recipe import Recipe, load_recipe
from .predictor.run import Run, validate

HORIZON = 3  # steps that validation scores
CALIBRATION = 16  # batches of clips whose features are measured before the first step


def fit(args: argparse.Namespace, recipe: Recipe) -> None:
    """Train a recipe as the command line asks, until the run is over or stopped; log, score, save and export on the way
    and at the end. Raises ValueError for a loss that is not finite; the last good state stays."""
    fabric = make_fabric(args)
    fabric.seed_everything(recipe.seed, verbose=False)
    torch.backends.cudnn.benchmark = True  # worth it only where shapes stay: `seen` of a recipe for GPUs is one number
    torch.backends.cudnn.benchmark_limit = 4
    config = recipe.config()
    batches, windows = make_data(args, recipe, fabric.device)
    model, ema_model = (fabric.to_device(build(config).to(memory_format=torch.channels_last)) for _ in range(2))
    args.out.mkdir(parents=True, exist_ok=True)
    run = Run(model, ema_model, recipe, args.out, args.minutes)
    if run.resume():
        fabric.print(f"goes on at step {run.step}, {run.progress['seconds'] / 60:.1f} min")
    else:
        provenance = load_shared(model.encoder, args.encoder) if args.encoder else load_imagenet(model.encoder)
        before = {}
        if args.start:
            before = load_exported(model, args.start)
        elif config.design == "motion":
            model.calibrate(torch.cat([batches[i][:, ::3].flatten(0, 1) for i in range(CALIBRATION)])[:1024])
        run.begin(provenance, before)

    objective, *optimisers = fabric.setup(Objective(model, recipe), *run.optimisers)
    check_every = 1 if fabric.device.type == "cpu" else 20  # a GPU is not kept waiting for a look at every loss
    loss = norm = torch.zeros(())
    model.train()
    while run.share < 1 and not run.stopped:
        if run.step in args.snapshots:
            run.export(args.out / f"step_{run.step}")
        rate = run.set_rate()
        loss, terms = objective(batches[run.step])
        if run.step % check_every == 0:
            run.check(loss)
        fabric.backward(loss)
        # Of all optimisers together; Fabric would clip the gradients of each by themselves.
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_gradient)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        run.advance()
        if run.step % args.log_every == 0:
            run.check(norm)
            speed = run.progress["clips"] / run.progress["seconds"]
            terms |= {"loss": loss, "gradient_norm": norm, "learning_rate": rate, "clips_per_second": speed}
            fabric.log_dict({f"train/{name}": value for name, value in terms.items()}, run.step)
            fabric.print(f"step {run.step} loss {loss:.4f} norm {norm:.3f} {speed:.2f} clips/s", flush=True)
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


def make_data(args: argparse.Namespace, recipe: Recipe, device: torch.device) -> tuple[Batches, Tensor]:
    """The batches that it is trained on, and the windows that it is scored on, uint8 [N, seen + HORIZON, 3, H, W].
    Raises ValueError without any."""
    size, length = recipe.config().size, recipe.config().seen + HORIZON
    names = prepare(args.data, args.cache, kind=recipe.data, clips=recipe.clips, splits=args.splits)
    shape = {"length": recipe.length, "size": size, "batch": recipe.batch}
    more = {"augmentation": recipe.augmentation, "seed": recipe.seed, "device": device}
    batches = Batches(args.cache, names.train, **shape, **more)
    windows = fixed_windows(args.cache, names.validation, length=length, size=size, per_clip=1)
    if not windows:
        raise ValueError(
            f"no validation clip has {length} frames at {FPS} Hz. A folder needs some of the groups "
            f"{', '.join(map(str, VALIDATION_GROUPS))}; or set `clips` in the recipe, to validate on what it trains on"
        )
    return batches, torch.stack([frames for _, _, frames in windows])


def score(fabric: Fabric, run: Run, windows: Tensor) -> None:
    """Score the averaged weights, note and print that, and give it to the loggers."""
    with fabric.autocast():
        scores = run.progress["scores"] = validate(run.ema_model, windows, run.recipe.silenced())
    run.scored = run.clock = time.monotonic()  # scoring does not count as training
    fabric.log_dict({f"validation/{name}": value for name, value in scores.items()}, run.step)
    line = " ".join(f"{name} {value:+.3f}" for name, value in scores.items())
    fabric.print(f"step {run.step} {run.progress['seconds'] / 60:.1f} min {line}", flush=True)


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of a recipe or path of a .yaml file")
    add_data(parser, required=False, more=", or one video")
    parser.add_argument("--splits", type=Path, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--encoder", type=Path, help="folder of checkpoints whose encoder to take")
    parser.add_argument("--start", type=Path, help="folder of an exported predictor to start from")
    parser.add_argument("--minutes", type=above_zero, help="training budget over all restarts")
    parser.add_argument("--batch", type=at_least_one, help="clips a step, instead of the recipe's")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--precision", help="bf16-mixed or 32-true; default: bf16-mixed where the hardware has bf16")
    parser.add_argument("--save-every", type=zero_or_more, default=3, metavar="MINUTES")
    parser.add_argument("--score-every", type=zero_or_more, default=5, metavar="MINUTES")
    parser.add_argument("--log-every", type=at_least_one, default=50, metavar="STEPS")
    parser.add_argument("--snapshots", type=int, nargs="*", default=[], help="export after these steps too")
    parser.add_argument("--wandb", metavar="PROJECT", help="log to Weights & Biases too")
    args = parser.parse_args()
    recipe = load_recipe(args.recipe)
    if args.batch:
        recipe.batch = args.batch
    fit(args, recipe)


if __name__ == "__main__":
    main()
