"""Train a predictor.

    python -m train.fit_predictor RECIPE --data DIR --out runs/NAME --minutes N

RECIPE is a name in `train/recipes/` or a YAML file. The run writes `last.ckpt` every few minutes and when it
is stopped, goes on from it when started again, and exports what the app loads into `runs/NAME/export/`.
`--minutes` is the budget of the whole run, over all its restarts: the learning rate anneals to zero at its end.

Several processes (`--devices`, `--nodes`) share each batch and make the same steps as one would.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers import TensorBoardLogger
from lightning.fabric.strategies import DDPStrategy
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric

from vp.models import Ladder
from vp.models.silence import keep
from vp.precision import choose_device, choose_dtype

from . import resume
from .arguments import above_zero, at_least_one, at_least_zero
from .average import update_average
from .calibrate import calibrate
from .data import Collate, Windows, fixed_windows
from .encoder_weights import load_imagenet, load_shared
from .export import export
from .finer import coarser_config, take_over_head
from .fourier import is_faster, use_fourier
from .losses import PredictionLoss
from .memory_dropout import draw
from .objective import Objective
from .optimisers import learning_rate, make_optimiser, set_rate
from .recipe import Recipe, load_recipe
from .sources import Source, prepare
from .stopping import Stop, ignore_signals, share_done
from .validation import validate
from .warm_start import load_encoder, read_start, renew, share_memory, warm_start

HORIZON = 3  # steps that validation scores


def choose_precision(args: argparse.Namespace) -> str:
    """What was asked for, else bf16-mixed where the hardware has bf16."""
    device = torch.device("cpu") if args.accelerator == "cpu" else choose_device()
    return args.precision or ("bf16-mixed" if choose_dtype(device) == torch.bfloat16 else "32-true")


def make_fabric(args: argparse.Namespace, recipe: Recipe) -> Fabric:
    loggers = [TensorBoardLogger(args.out, name="", version="")]
    if args.wandb:
        from lightning.pytorch.loggers import WandbLogger  # asks for the wandb package, and says so

        loggers.append(WandbLogger(project=args.wandb, name=args.out.name, save_dir=args.out))
    strategy = "auto"
    if args.nodes > 1 or str(args.devices) not in ("auto", "1"):
        # An encoder that is frozen on the way leaves parameters without a gradient.
        strategy = DDPStrategy(find_unused_parameters=recipe.encoder_rate > 0)
    return Fabric(
        accelerator=args.accelerator,
        devices=args.devices,
        num_nodes=args.nodes,
        precision=choose_precision(args),
        strategy=strategy,
        loggers=loggers,
    )


def make_dataset(args: argparse.Namespace, recipe: Recipe, names: list[str]) -> Windows:
    return Windows(
        args.cache,
        names,
        length=recipe.seen[1] + 1 + recipe.feedback,
        augmentation=recipe.augmentation,
        seed=recipe.seed,
        samples=(recipe.steps + 1) * recipe.batch,
        curriculum={step * recipe.batch: rates for step, rates in recipe.curriculum.items()},
    )


def initialise(model: Ladder, args: argparse.Namespace, data: Windows) -> tuple[str, dict[str, float]]:
    """Give a network its first weights. Returns where its encoder comes from, and the time spent on it before."""
    if args.start:
        # First the encoder: the statistics of its features say how weights are to be rewritten.
        start = read_start(args.start)
        load_encoder(model, start)
    else:
        provenance = load_shared(model.encoder, args.encoder) if args.encoder else load_imagenet(model.encoder)
    clips = Collate(model.config.size)([data[i] for i in range(min(64, len(data)))])
    if model.config.standardise:
        calibrate(model, clips[:, ::3].flatten(0, 1))
    if not args.start:
        return provenance, {}
    warm_start(model, start)
    if model.config.full_resolution and model.config.refine and not start.full_resolution:
        source = Ladder(coarser_config(model.config, start.state)).eval()
        source.load_state_dict(start.state)
        print(f"took over {take_over_head(model.eval(), source, clips[:, :5]):.0%} of its output")
    renew(model, args.renew)
    if args.share_memory:
        share_memory(model)
    return start.provenance, start.spent


def make_loader(args: argparse.Namespace, recipe: Recipe, fabric: Fabric, names: list[str], done: int) -> DataLoader:
    """This process's share of the batches from step `done` on."""
    if recipe.batch % fabric.world_size:
        raise SystemExit(f"a batch of {recipe.batch} cannot be shared by {fabric.world_size} processes")
    data = make_dataset(args, recipe, names)
    return DataLoader(
        data,
        batch_size=recipe.batch // fabric.world_size,
        sampler=range(done * recipe.batch + fabric.global_rank, len(data), fabric.world_size),
        collate_fn=Collate(recipe.config().size),
        num_workers=args.workers,
        prefetch_factor=4 if args.workers else None,
        persistent_workers=args.workers > 0,
        worker_init_fn=ignore_signals,
    )


def agree(fabric: Fabric, share: float, stop: bool) -> tuple[float, bool]:
    """What all processes take for the share done and the wish to stop: the first one's clock, anybody's wish."""
    if fabric.world_size == 1:
        return share, stop
    told = fabric.all_reduce(torch.tensor([share * (fabric.global_rank == 0), float(stop)]), reduce_op="sum")
    return told[0].item(), bool(told[1] > 0)


def fit(args: argparse.Namespace, recipe: Recipe) -> None:
    fabric = make_fabric(args, recipe)
    fabric.launch()
    fabric.seed_everything(recipe.seed, verbose=False)
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True
    config = recipe.config()

    def sources(ready: bool) -> Source:
        options = {"kind": recipe.data, "clips": recipe.clips, "splits": args.splits, "ready": ready}
        return prepare(args.data, args.cache, **options)

    if fabric.is_global_zero:
        sources(args.prepared)
    fabric.barrier()
    names = sources(True)

    model = Ladder(config)
    provenance, before = "", {}
    if not (out / resume.NAME).exists():  # a run that goes on finds all of it there
        provenance, before = initialise(model, args, make_dataset(args, recipe, names.train))
    model = model.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    progress = {"step": 0, "seconds": 0.0, "clips": 0, "provenance": provenance, "before": before}
    if saved := resume.load(out, model, optimiser):
        average, progress = saved
        fabric.print(f"resumed at step {progress['step']}, {progress['seconds'] / 60:.1f} min")
    average = {name: value.to(fabric.device) for name, value in average.items()}
    criterion = PredictionLoss(recipe.loss, model.encoder)
    objective = Objective(model, criterion, every_step=recipe.every_step)
    dtype = torch.float32 if choose_precision(args) == "32-true" else torch.bfloat16
    if is_faster(fabric.device, dtype) and not args.direct:
        fabric.print(f"{use_fourier(objective)} convolutions by Fourier transform")
    objective, optimiser = fabric.setup(objective, optimiser)
    evaluation_model = Ladder(config).to(fabric.device).to(memory_format=torch.channels_last)
    loader = make_loader(args, recipe, fabric, names.train, progress["step"])
    length = loader.dataset.length
    windows = fixed_windows(
        args.cache,
        names.validation,
        length=config.seen + HORIZON,
        size=config.size,
        per_clip=args.validation_windows,
    )
    means = {name: MeanMetric().to(fabric.device) for name in ("loss", *criterion.weights)}

    def score() -> None:
        if not fabric.is_global_zero:
            return
        evaluation_model.load_state_dict(average)
        with fabric.autocast():
            scores = validate(evaluation_model, windows)
        fabric.log_dict({f"validation/{name}": value for name, value in scores.items()}, progress["step"])
        progress["scores"] = scores
        with (out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({k: progress[k] for k in ("step", "seconds", "clips")} | scores) + "\n")
        line = " ".join(f"{name} {value:+.3f}" for name, value in scores.items())
        fabric.print(f"step {progress['step']} {progress['seconds'] / 60:.1f} min {line}")

    def save() -> None:
        if fabric.is_global_zero:
            resume.save(out, model, optimiser, average, progress)

    def publish(folder: Path) -> None:
        if fabric.is_global_zero:
            evaluation_model.load_state_dict(average)
            export(evaluation_model, recipe, progress, folder)

    if progress["step"] == 0 and 0 in args.snapshots:
        publish(out / "step_0")
    model.train()
    model.encoder.eval()
    stop = Stop()
    clock, last_save = time.monotonic(), time.monotonic()
    # The first score is of the start; a run shorter than the interval is scored at its end only.
    last_score = -math.inf if args.score_every < (args.minutes or math.inf) else progress["seconds"]
    rng = torch.Generator()
    for batch in loader:
        share, asked = agree(fabric, share_done(progress, recipe, args.minutes), stop.asked)
        if share >= 1 or asked:
            break
        rate = learning_rate(recipe, progress["step"], share)
        set_rate(optimiser, rate)
        if share >= recipe.encoder_until:
            model.encoder.requires_grad_(False)
        rng.manual_seed(recipe.seed + progress["step"])
        seen = int(torch.randint(recipe.seen[0], recipe.seen[1] + 1, (), generator=rng))
        feedback = recipe.feedback if share >= recipe.feedback_from else 0
        clips = batch.to(fabric.device, non_blocking=True)[:, length - (seen + 1 + feedback) :]
        kept = None
        if recipe.memory_dropout and share < recipe.memory_dropout_until:
            lesions = draw(recipe.batch, recipe.memory_dropout, rng)[fabric.global_rank :: fabric.world_size]
            kept = keep(lesions, config, clips)
        loss, terms = objective(clips, seen, feedback, kept)
        fabric.backward(loss)
        norm = fabric.clip_gradients(objective, optimiser, max_norm=recipe.clip_gradient)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        update_average(average, model, recipe.ema, progress["step"])
        for name, value in {"loss": loss.detach(), **terms}.items():
            means[name].update(value)
        now = time.monotonic()
        progress["seconds"] += now - clock
        clock = now
        progress["step"] += 1
        progress["clips"] += recipe.batch
        if progress["step"] % args.log_every == 0:
            values = {name: float(mean.compute()) for name, mean in means.items()}  # over all processes
            for mean in means.values():
                mean.reset()
            speed = progress["clips"] / progress["seconds"]
            more = {"gradient_norm": float(norm), "learning_rate": rate, "clips_per_second": speed}
            fabric.log_dict({f"train/{name}": value for name, value in (values | more).items()}, progress["step"])
            fabric.print(
                f"step {progress['step']} loss {values['loss']:.4f} norm {float(norm):.3f} {speed:.2f} clips/s"
            )
        if progress["step"] in args.snapshots:
            publish(out / f"step_{progress['step']}")
        if progress["seconds"] - last_score > args.score_every * 60:
            last_score = progress["seconds"]
            score()
            clock = time.monotonic()  # scoring does not count as training
        if now - last_save > args.save_every * 60:
            save()
            last_save = time.monotonic()
    score()
    save()
    publish(out / "export")
    fabric.barrier()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name in train/recipes/ or path of a .yaml file")
    parser.add_argument(
        "--data", type=Path, default=None, help="UCF101 folder (CLASS/v_CLASS_gXX_cYY.avi or .mp4) or one video"
    )
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--prepared", action="store_true", help="take the cache as it is")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--start", type=Path, default=None, help="last.ckpt of another run, or a predictor's folder, to start from"
    )
    parser.add_argument(
        "--renew", nargs="*", default=[], metavar="PART", help="with --start: parts to begin anew, e.g. C1.7x7 or L2"
    )
    parser.add_argument(
        "--share-memory", action="store_true", help="with --start: C1's 5x5 and 7x7 begin as its 3x3, padded"
    )
    parser.add_argument("--encoder", type=Path, default=None, help="folder of checkpoints whose encoder to take")
    parser.add_argument("--minutes", type=above_zero, default=None, help="training budget over all restarts")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", default="auto", help="processes on this machine")
    parser.add_argument("--nodes", type=at_least_one, default=1, help="machines")
    parser.add_argument(
        "--precision", default=None, help="bf16-mixed or 32-true; default: bf16-mixed where the hardware has bf16"
    )
    parser.add_argument(
        "--direct", action="store_true", help="large kernels directly, not by Fourier transform (CPUs without bf16)"
    )
    parser.add_argument("--workers", type=at_least_zero, default=1, help="processes that prepare batches")
    parser.add_argument("--save-every", type=float, default=3, metavar="MINUTES")
    parser.add_argument("--score-every", type=float, default=5, metavar="MINUTES")
    parser.add_argument("--log-every", type=at_least_one, default=50, metavar="STEPS")
    parser.add_argument("--validation-windows", type=at_least_one, default=1, help="windows per validation clip")
    parser.add_argument(
        "--snapshots", type=int, nargs="*", default=[], metavar="STEP", help="export the weights after these steps too"
    )
    parser.add_argument("--wandb", default=None, metavar="PROJECT", help="log to Weights & Biases too")
    args = parser.parse_args()
    fit(args, load_recipe(args.recipe))


if __name__ == "__main__":
    main()
