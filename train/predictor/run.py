"""The state of a run: what is optimised, what is averaged, how far it is, and how it goes on after a stop."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from vp.checkpoints import save_encoder, save_predictor
from vp.errors import CheckpointError
from vp.metrics import psnr
from vp.models import Ladder
from vp.models.silence import Part, masks
from vp.replacing import replacing

from .muon import Muon
from .recipe import Recipe

CHECKPOINT = "last.ckpt"
ADAM_SHARE = 0.05  # rate of what is no matrix, for a rate of 1 of Muon's matrices
BATCH = 32  # windows that are scored at a time


def make_optimisers(model: Ladder, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Optimisers of everything but the encoder, which is frozen, or of the parts that the recipe names. Raises
    ValueError for a part that is none. Muon takes convolutions inside the network as matrices, not those that make
    flows or pictures, whose few outputs mean different things."""
    there = ", ".join(dict(model.named_children()))
    for part in recipe.trained:
        if not any(name.startswith(part) for name, _ in model.named_parameters()):
            raise ValueError(f"trained: {part} is no part of the network; there are {there}")
    for name, parameter in model.named_parameters():
        if name.startswith("encoder.") or not name.startswith(recipe.trained or ""):
            parameter.requires_grad_(False)
    trained, rate = [p for p in model.parameters() if p.requires_grad], recipe.learning_rate
    if recipe.optimiser != "muon":
        return [torch.optim.AdamW(trained, lr=rate, weight_decay=recipe.weight_decay)]
    edge = (model.blend if recipe.design == "motion" else model.head).output.weight
    matrices, others = [], []
    for p in trained:
        (matrices if p.ndim == 4 and len(p) > 3 and p is not edge else others).append(p)
    adamw = torch.optim.AdamW(others, lr=rate * ADAM_SHARE, betas=(0.9, 0.99), weight_decay=0.0)
    return [Muon(matrices, lr=rate, weight_decay=recipe.weight_decay), adamw]


def without_encoder(model: Ladder) -> dict[str, Tensor]:
    """A network's state without its encoder, which never changes."""
    return {k: v for k, v in model.state_dict().items() if not k.startswith("encoder.")}


class Run:
    """A network in training, with its optimisers, its averaged weights (which are what is shipped) and its progress.

    ema_model: a second network of the same shape; its weights are the averaged ones, which are scored and exported.
    progress: step, seconds (of training, over all restarts), clips, scores.
    """

    def __init__(self, model: Ladder, ema_model: Ladder, recipe: Recipe, folder: Path, minutes: float | None) -> None:
        self.model, self.ema_model, self.recipe, self.folder, self.minutes = model, ema_model, recipe, folder, minutes
        self.optimisers = make_optimisers(model, recipe)
        # In place: what is written to them is in the networks.
        self.trained, self.average = (
            [v for v in without_encoder(net).values() if v.is_floating_point()] for net in (model, ema_model)
        )
        self.progress = {"step": 0, "seconds": 0.0, "clips": 0, "scores": {}}
        self.stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopped", True))

    def begin(self, provenance: str, before: dict[str, float]) -> None:
        """Begin with the weights that the network has now; the clock runs. provenance: where those of its encoder come
        from; before: the training that is in them."""
        self.ema_model.load_state_dict(self.model.state_dict())
        self.provenance, self.before = provenance, before
        self.clock = self.saved = self.scored = time.monotonic()

    @property
    def step(self) -> int:
        return self.progress["step"]

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1: of its steps or of its minutes, whichever is further."""
        budget = self.minutes * 60 if self.minutes else math.inf
        return max(self.progress["seconds"] / budget, self.step / self.recipe.steps)

    def set_rate(self) -> float:
        """Set and return the rate of this step: a ramp over `warmup` steps, flat, then a straight line to zero over the
        last half of the run. Flat, because a run whose end is a time keeps learning for as long as it can."""
        factor = min(1.0, (self.step + 1) / self.recipe.warmup) * min(1.0, 2 * (1 - self.share))
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group.setdefault("peak", group["lr"]) * factor
        return self.recipe.learning_rate * factor

    @torch.no_grad()
    def advance(self) -> None:
        """After a step: the average follows, shorter at first, so that the random weights of the start are soon
        forgotten; the clock goes on."""
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.average, self.trained, 1 - decay)
        now = time.monotonic()
        self.progress["seconds"] += now - self.clock
        self.clock = now
        self.progress["step"] += 1
        self.progress["clips"] += self.recipe.batch

    def check(self, loss: Tensor) -> None:
        """Raises ValueError if the loss is not finite; what was saved before stays."""
        if not torch.isfinite(loss):
            raise ValueError(
                f"loss is not finite at step {self.step}: {self._kept()}. Start again with a lower learning_rate than "
                f"{self.recipe.learning_rate}, or a longer warmup than {self.recipe.warmup} steps."
            )

    def _kept(self) -> str:
        kept = self.folder / CHECKPOINT
        return f"the last good state is in {kept}" if kept.exists() else "no state was saved yet"

    def save(self) -> None:
        """Write everything that the run needs to go on; a run killed meanwhile leaves the state before. (`Fabric.save`
        writes into the system's folder for temporary files and copies from there.) Raises OSError."""
        state = {
            "recipe": asdict(self.recipe),
            "model": without_encoder(self.model),
            "encoder": self.model.encoder.state_dict(),
            "average": self.average,
            "optimisers": [o.state_dict() for o in self.optimisers],
            "progress": self.progress,
            "provenance": self.provenance,
            "before": self.before,
        }
        try:
            with replacing(self.folder / CHECKPOINT) as part:
                torch.save(state, part)
        except (OSError, RuntimeError) as error:  # the latter is PyTorch's word for a full disk
            why = (isinstance(error, OSError) and error.strerror) or "its disk may be full"
            raise OSError(
                f"the state at step {self.step} cannot be written to {self.folder}: {why}; {self._kept()}. Free "
                "some space, then start the same command again."
            ) from error
        self.saved = time.monotonic()

    def resume(self) -> bool:
        """Go on where the folder's state is, if it has one. Raises ValueError if that is damaged or of another
        recipe."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return False
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            was, now = saved["recipe"], asdict(self.recipe)
        except Exception as error:  # of many kinds on a file that is damaged or something else
            raise ValueError(
                f"{path} is not a whole state of a run ({type(error).__name__}). Take another --out, or delete it to "
                "begin anew."
            ) from error
        # A run may be made longer; anything else would go on as something that neither recipe describes.
        if different := sorted(k for k in now if k != "steps" and now[k] != was.get(k)):
            changes = "; ".join(f"{k} was {was.get(k)!r} and is {now[k]!r}" for k in different)
            raise ValueError(f"{path} is of another recipe: {changes}. Take another --out, or the recipe as it was.")
        self.model.load_state_dict(self.model.state_dict() | saved["model"])
        self.model.encoder.load_state_dict(saved["encoder"])
        self.begin(saved["provenance"], saved["before"])
        for optimiser, state in zip(self.optimisers, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        for average, value in zip(self.average, saved["average"], strict=True):
            average.copy_(value)
        self.progress = saved["progress"]
        return True

    def export(self, folder: Path) -> None:
        """`folder/encoder/` and `folder/MODEL/`, what the app loads."""
        training = {
            "recipe": asdict(self.recipe),
            "minutes": round(self.progress["seconds"] / 60, 1),
            "steps": self.step,
            "clips": self.progress["clips"],
            "before": self.before,
        }
        save_encoder(folder, self.ema_model, provenance=self.provenance)
        scores = {"validation": self.progress["scores"]}
        save_predictor(folder, self.recipe.model, self.ema_model, training=training, scores=scores)

    def keep(self) -> None:
        """Export and save. Weights that predict what is not finite, though they are finite, are refused before they are
        written over the last good state. Raises CheckpointError."""
        try:
            self.export(self.folder / "export")
        except CheckpointError as error:
            raise CheckpointError(f"at step {self.step}: {error} As of now {self._kept()}.") from error
        self.save()


@torch.inference_mode()
def validate(model: Ladder, windows: Tensor, silenced: Sequence[Part] = ()) -> dict[str, float]:
    """Gain over repeating the last frame in dB, per step and on the mean, and the first step's PSNR of both, on windows
    uint8 [N, seen + steps to be scored, 3, H, W]. silenced: parts that the network has to do without."""
    model.eval()
    device, seen = next(model.parameters()).device, model.config.seen
    horizon = windows.shape[1] - seen
    ours, copies = [], []
    for part in windows.split(BATCH):
        clips = part.to(device).float() / 255
        silence = masks([list(silenced)] * len(clips), model.config, clips)
        predictions = model.rollout(clips[:, :seen], horizon, silence=silence).frames[:, -horizon:].float().clamp(0, 1)
        truth = clips[:, seen:]
        ours.append(psnr(predictions, truth))
        copies.append(psnr(clips[:, seen - 1 : seen].expand_as(truth), truth))
    ours, copies = torch.cat(ours).mean(0), torch.cat(copies).mean(0)
    scores = {f"gain_{k + 1}": (ours[k] - copies[k]).item() for k in range(horizon)}
    return scores | {"gain": (ours - copies).mean().item(), "psnr_1": ours[0].item(), "copy_1": copies[0].item()}
