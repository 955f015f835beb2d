"""Train a predictor.

    python -m train.fit_predictor RECIPE --data DIR --out runs/NAME --minutes N

RECIPE is a name in `train/predictor/recipes/` or `train/findings/recipes/predictor/`, or a YAML file. The run writes
`last.ckpt` every few minutes and when it is stopped, goes on from it when started again, and exports what the app loads
into `runs/NAME/export/`. `--minutes` is the budget of the whole run, over all its restarts: the learning rate falls to
zero at its end.

On a GPU all clips are kept in its memory. `train/all_networks.sh` trains the three bundled ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger

from vp.limits import FPS
from vp.models import Ladder, build
from vp.models.encoder import Encoder
from vp.precision import choose_device, choose_dtype

from .arguments import above_zero, add_data, at_least_one, errors_in_one_line, zero_or_more
from .data.batches import Batches
from .data.sources import prepare
from .data.splits import VALIDATION_GROUPS
from .data.windows import fixed_windows
from .predictor.initial_weights import load_exported, load_imagenet, load_shared
from .predictor.loop import train
from .predictor.recipe import Recipe, load_recipe
from .predictor.run import Run

HORIZON = 3  # steps that validation scores
CALIBRATION = 16  # batches of clips whose features are measured before the first step


def fit(args: argparse.Namespace, recipe: Recipe) -> None:
    """Train a recipe as the command line asks."""
    fabric = make_fabric(args)
    fabric.seed_everything(recipe.seed, verbose=False)
    torch.backends.cudnn.benchmark = True  # worth it only where shapes stay: `seen` of a recipe for GPUs is one number
    torch.backends.cudnn.benchmark_limit = 4
    config = recipe.config()
    names = prepare(args.data, args.cache, kind=recipe.data, clips=recipe.clips, splits=args.splits)
    shape = {"length": recipe.length, "size": config.size, "batch": recipe.batch}
    more = {"augmentation": recipe.augmentation, "seed": recipe.seed, "device": fabric.device}
    batches = Batches(args.cache, names.train, **shape, **more)
    length, per_clip = config.seen + HORIZON, args.validation_windows
    windows = fixed_windows(args.cache, names.validation, length=length, size=config.size, per_clip=per_clip)
    if not windows:
        raise ValueError(
            f"no validation clip has {length} frames at {FPS} Hz. A folder needs some of the groups "
            f"{', '.join(map(str, VALIDATION_GROUPS))}; or set `clips` in the recipe, to validate on what it trains on"
        )
    model, ema_model = (fabric.to_device(build(config).to(memory_format=torch.channels_last)) for _ in range(2))
    args.out.mkdir(parents=True, exist_ok=True)
    run = Run(model, ema_model, recipe, args.out, minutes=args.minutes)

    def load_encoder(encoder: Encoder) -> str:
        return load_shared(encoder, args.encoder) if args.encoder else load_imagenet(encoder)

    if run.resume(load_encoder):
        fabric.print(f"goes on at step {run.step}, {run.progress['seconds'] / 60:.1f} min")
    else:
        provenance = load_encoder(model.encoder)
        run.begin(provenance, before=initialise(model, args.start, batches))
    train(fabric, run, batches, windows, args)


def initialise(model: Ladder, exported: Path | None, batches: Batches) -> dict[str, float]:
    """What a network begins with beside its encoder: another's weights, or the statistics of its clips' features.
    Returns the training that is in those weights."""
    if exported:
        return load_exported(model, exported)
    if model.config.design == "motion":
        model.calibrate(torch.cat([batches[i][:, ::3].flatten(0, 1) for i in range(CALIBRATION)])[:1024])
    return {}


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


@errors_in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of a recipe or path of a .yaml file")
    add_data(parser, required=False, more=", or one video")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
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
    recipe = load_recipe(args.recipe)
    if args.batch:
        recipe.batch = args.batch
    fit(args, recipe)


if __name__ == "__main__":
    main()
