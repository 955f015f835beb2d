"""Train a predictor.

    python -m train.fit_predictor RECIPE --data DIR --out runs/NAME --minutes N

RECIPE is a name in `train/recipes/` or a YAML file. The run writes `last.ckpt` every few minutes and when it
is stopped, goes on from it when started again, and exports what the app loads into `runs/NAME/export/`.
`--minutes` is the budget of the whole run, over all its restarts: the learning rate anneals to zero at its end.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import time
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from vp.metrics import psnr
from vp.models import Ladder

from .cache import build
from .data import Collate, Windows, fixed_windows
from .encoder_weights import load_imagenet
from .losses import PredictionLoss
from .recipe import Recipe, load_recipe
from .splits import find_clips, select

OPTIMISERS = {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam}
OPTIMISERS["adamw"] = torch.optim.AdamW


def make_optimiser(model: Ladder, recipe: Recipe) -> torch.optim.Optimizer:
    """Two groups: the ladder, and the encoder at its own share of the learning rate.

    Layers of the encoder that had no weights to start from are trained at the full rate.
    """
    ladder = [p for name, p in model.named_parameters() if not name.startswith("encoder.")]
    groups = [{"params": ladder, "share": 1.0}]
    if recipe.encoder_rate:
        layer4 = list(model.encoder.layer4.parameters())
        known = {id(p) for p in layer4}
        rest = [p for p in model.encoder.parameters() if id(p) not in known]
        groups += [{"params": layer4, "share": 0.5}, {"params": rest, "share": recipe.encoder_rate}]
    else:
        model.encoder.requires_grad_(False)
    options = {"lr": recipe.learning_rate}
    if recipe.optimiser == "adamw":
        options["weight_decay"] = recipe.weight_decay
    if recipe.optimiser == "sgd":
        options["momentum"] = 0.9
    return OPTIMISERS[recipe.optimiser](groups, **options)


def training_loss(
    model: torch.nn.Module, clips: Tensor, seen: int, feedback: int, criterion: PredictionLoss, every_step: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of one batch of clips [B, seen + 1 + feedback, 3, H, W].

    The ladder sees `seen` real frames; each of its outputs but the first is compared with the next frame. Then it
    is fed its own predictions `feedback` times.
    """
    out = model(clips[:, :seen])
    predictions = out.frames if every_step else out.frames[:, -1:]
    targets = clips[:, 1 : seen + 1] if every_step else clips[:, seen : seen + 1]
    if every_step and seen > 1:  # after one frame there is no motion to know yet
        predictions, targets = predictions[:, 1:], targets[:, 1:]
    predictions, targets = [predictions], [targets]
    for k in range(feedback):
        out = model(predictions[-1][:, -1:].clamp(0, 1), out.state)
        predictions.append(out.frames)
        targets.append(clips[:, seen + 1 + k : seen + 2 + k])
    predictions, targets = torch.cat(predictions, dim=1), torch.cat(targets, dim=1)
    return criterion(predictions.flatten(0, 1).float(), targets.flatten(0, 1))


@torch.no_grad()
def update_average(average: dict[str, Tensor], model: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of the weights (`ema` in the recipe)."""
    for name, value in model.state_dict().items():
        if value.dtype.is_floating_point:
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


@torch.inference_mode()
def validate(model: Ladder, windows: list, seen: int, batch: int = 32) -> dict[str, float]:
    """Gain over copying the last frame in dB, per step, and the PSNR of both, on fixed windows."""
    model.eval()
    horizon = windows[0][2].shape[0] - seen
    ours, copies = [], []
    for i in range(0, len(windows), batch):
        clips = torch.stack([w[2] for w in windows[i : i + batch]]).float() / 255
        predictions = model.rollout(clips[:, :seen], horizon).frames[:, -horizon:].float().clamp(0, 1)
        truth = clips[:, seen:]
        ours.append(psnr(predictions, truth))
        copies.append(psnr(clips[:, seen - 1 : seen].expand_as(truth), truth))
    ours, copies = torch.cat(ours).mean(0), torch.cat(copies).mean(0)
    scores = {f"gain_{k + 1}": (ours[k] - copies[k]).item() for k in range(horizon)}
    return scores | {"gain": (ours - copies).mean().item(), "psnr_1": ours[0].item(), "copy_1": copies[0].item()}


def _ignore_signals(_worker: int) -> None:
    # A signal to the whole process group must not kill the workers before the run has saved.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class Stop:
    """Turned on by SIGTERM or Ctrl-C: the run then finishes its step, saves and exits."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def fit(args: argparse.Namespace, recipe: Recipe) -> None:
    fabric = Fabric(accelerator=args.accelerator, devices=args.devices, num_nodes=args.nodes, precision=args.precision)
    fabric.launch()
    fabric.seed_everything(recipe.seed, verbose=False)
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True
    config = recipe.config()

    clips = find_clips(args.data)
    names = {part: [c.name for c in select(clips, part, args.splits)] for part in ("train", "validation")}
    wanted = set(names["train"] + names["validation"])
    if fabric.is_global_zero and not args.prepared:
        build([c for c in clips if c.name in wanted], args.cache)
    fabric.barrier()

    model = Ladder(config)
    provenance = load_imagenet(model.encoder)
    if args.start:
        from .warm_start import warm_start

        provenance = warm_start(model, args.start) or provenance
    model = model.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(model, recipe)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    progress = {"step": 0, "seconds": 0.0, "clips": 0, "provenance": provenance}
    checkpoint = out / "last.ckpt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        average, progress = saved["average"], saved["progress"]
        fabric.print(f"resumed at step {progress['step']}, {progress['seconds'] / 60:.1f} min")
    average = {name: value.to(fabric.device) for name, value in average.items()}
    bare = model
    model, optimiser = fabric.setup(model, optimiser)
    evaluation_model = Ladder(config).to(fabric.device).to(memory_format=torch.channels_last)

    length = recipe.seen[1] + 1 + recipe.feedback
    world = fabric.world_size
    data = Windows(
        args.cache,
        names["train"],
        length=length,
        augmentation=recipe.augmentation,
        seed=recipe.seed,
        samples=(recipe.steps + 1) * recipe.batch * world,
    )
    done = progress["step"] * recipe.batch * world
    sampler = range(done + fabric.global_rank, len(data), world)
    loader = DataLoader(
        data,
        batch_size=recipe.batch,
        sampler=sampler,
        collate_fn=Collate(config.size),
        num_workers=args.workers,
        prefetch_factor=4 if args.workers else None,
        persistent_workers=args.workers > 0,
        worker_init_fn=_ignore_signals,
    )
    windows = fixed_windows(
        args.cache, names["validation"], length=config.seen + 3, size=config.size, per_clip=args.validation_windows
    )
    criterion = PredictionLoss(recipe.loss)
    writer = SummaryWriter(str(out)) if fabric.is_global_zero else None
    budget = args.minutes * 60 if args.minutes else math.inf
    stop = Stop()

    def save() -> None:
        if not fabric.is_global_zero:
            return
        state = {"model": bare.state_dict(), "optimiser": optimiser.state_dict()}
        temporary = checkpoint.with_suffix(".tmp")
        torch.save({**state, "average": average, "progress": progress}, temporary)
        temporary.replace(checkpoint)

    def score() -> None:
        if not fabric.is_global_zero:
            return
        evaluation_model.load_state_dict(average)
        with fabric.autocast():
            scores = validate(evaluation_model, windows, config.seen)
        for name, value in scores.items():
            writer.add_scalar(f"validation/{name}", value, progress["step"])
        progress["scores"] = scores
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps({k: progress[k] for k in ("step", "seconds", "clips")} | scores) + "\n")
        line = " ".join(f"{name} {value:+.3f}" for name, value in scores.items())
        fabric.print(f"step {progress['step']} {progress['seconds'] / 60:.1f} min {line}")

    model.train()
    bare.encoder.eval()
    clock, last_save, last_score = time.monotonic(), time.monotonic(), -math.inf
    rng = torch.Generator()
    for batch in loader:
        share = max(progress["seconds"] / budget, progress["step"] / recipe.steps)
        if share >= 1 or stop.asked:
            break
        rate = recipe.learning_rate * min(1.0, (progress["step"] + 1) / recipe.warmup)
        # Flat, then a straight line to zero over the last half: it keeps learning for as long as it can.
        rate *= min(1.0, 2 * (1 - share))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        if share >= recipe.encoder_until:
            bare.encoder.requires_grad_(False)
        rng.manual_seed(recipe.seed + progress["step"])
        seen = int(torch.randint(recipe.seen[0], recipe.seen[1] + 1, (), generator=rng))
        feedback = recipe.feedback if share >= recipe.feedback_from else 0
        batch = batch.to(fabric.device, non_blocking=True)
        batch = batch[:, length - (seen + 1 + feedback) :] if seen + 1 + feedback < length else batch
        loss, terms = training_loss(model, batch, seen, feedback, criterion, recipe.every_step)
        fabric.backward(loss)
        norm = fabric.clip_gradients(model, optimiser, max_norm=recipe.clip_gradient)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        update_average(average, bare, min(recipe.ema, (1 + progress["step"]) / (10 + progress["step"])))
        now = time.monotonic()
        progress["seconds"] += now - clock
        clock = now
        progress["step"] += 1
        progress["clips"] += len(batch) * world
        if progress["step"] % 50 == 0 and writer:
            writer.add_scalar("train/loss", loss.item(), progress["step"])
            writer.add_scalar("train/gradient_norm", float(norm), progress["step"])
            writer.add_scalar("train/learning_rate", rate, progress["step"])
            for name, value in terms.items():
                writer.add_scalar(f"train/{name}", value.item(), progress["step"])
            speed = progress["clips"] / progress["seconds"]
            fabric.print(f"step {progress['step']} loss {loss.item():.4f} norm {float(norm):.3f} {speed:.2f} clips/s")
        if progress["seconds"] - last_score > args.score_every * 60:
            last_score = progress["seconds"]
            score()
            clock = time.monotonic()  # scoring does not count as training
        if now - last_save > args.save_every * 60:
            save()
            last_save = time.monotonic()
    score()
    save()
    if fabric.is_global_zero:
        from .export import export

        evaluation_model.load_state_dict(average)
        export(evaluation_model, recipe, progress, out / "export")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name in train/recipes/ or path of a .yaml file")
    parser.add_argument("--data", type=Path, required=True, help="UCF101 folder: CLASS/v_CLASS_gXX_cYY.avi or .mp4")
    parser.add_argument("--splits", type=Path, default=None, help="folder of the official lists; default by group")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of decoded frames")
    parser.add_argument("--prepared", action="store_true", help="take the cache as it is")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--start", type=Path, default=None, help="last.ckpt of another run to start from")
    parser.add_argument("--minutes", type=float, default=None, help="training budget over all restarts")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", default="auto")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--precision", default="bf16-mixed", help="bf16-mixed or 32-true")
    parser.add_argument("--workers", type=int, default=1, help="processes that prepare batches")
    parser.add_argument("--save-every", type=float, default=3, metavar="MINUTES")
    parser.add_argument("--score-every", type=float, default=5, metavar="MINUTES")
    parser.add_argument("--validation-windows", type=int, default=1, help="windows per validation clip")
    args = parser.parse_args()
    fit(args, load_recipe(args.recipe))


if __name__ == "__main__":
    main()
