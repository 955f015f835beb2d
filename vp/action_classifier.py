"""Which action a whole clip shows, and which part of the memory says so (paper section 5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .checkpoints import open_checkpoints
from .errors import RequestError
from .limits import MAX_CLASSIFIED
from .memory import states_along
from .models import KERNELS, Memories, StateClassifier, clip_features, reads_every_step, step_features
from .models.readout import POOLED
from .models.silence import LOCATION, SKIP
from .predictor import Predictor

# Frames are read at this size and brought from there to the predictor's, as they were for training.
READ_SIZE = (128, 160)
# Below this score no class is named.
SURE = 0.6
# Steps at which the evidence is looked at, spread evenly over the clip.
LOOKS = 16


@dataclass(frozen=True)
class Classification:
    """What a classifier makes of a clip of T frames, at `vp.limits.FPS`.

    classes: their names. course: [T, classes] scores after each frame, of what was seen up to it; `scores` is the last.
    strangeness: distance to the nearest training clip, 1 for the furthest that counts as familiar; None where not
        measured.
    familiar: whether it lies within that.
    looks: the frames [L] at which the evidence was taken; pictures [L, H, W, 3] in [0, 1]: as the network saw them.
    evidence[block][kernel]: for the blocks that the classifier reads, [C] for each filter, how far its state is from
    what it is on average over the training clips (0 where features are not standardised) times the gradient of the top
    class's score (against the mean of all), summed over its map and averaged over the looks: above 0 it speaks for the
    class.
    heat: [L, h, w], the same for each place, summed over the filters of all these blocks, at the resolution of the
    finest.
    seconds: time the networks took.
    """

    classes: tuple[str, ...]
    course: np.ndarray
    strangeness: float | None
    familiar: bool
    looks: np.ndarray
    pictures: np.ndarray = field(repr=False)
    evidence: dict[str, dict[str, np.ndarray]] = field(repr=False)
    heat: np.ndarray = field(repr=False)
    seconds: float

    @property
    def scores(self) -> np.ndarray:
        """Score of every class for the whole clip; they sum to one."""
        return self.course[-1]

    @property
    def top(self) -> int:
        """Index of the class with the highest score."""
        return int(self.scores.argmax())

    @property
    def unsure(self) -> bool:
        """Whether no class should be named: the best score is too low, or the clip is like nothing in training."""
        return not self.familiar or float(self.scores[self.top]) < SURE


class ActionClassifier:
    """A classifier and the predictor whose states it reads."""

    def __init__(self, predictor: Predictor, net: StateClassifier) -> None:
        if net.config.predictor != predictor.name:
            raise ValueError(f"this classifier reads {net.config.predictor}, not {predictor.name}")
        self.predictor = predictor
        self.net = net.eval().requires_grad_(False).to(predictor.device)
        self.config = net.config

    def run(self, frames: np.ndarray, **options: object) -> Classification:
        """Classify a clip. Arguments and errors as of `watch`."""
        *_, result = self.watch(frames, **options)
        return result

    def relevant(self, silence: Sequence[str]) -> tuple[str, ...]:
        """Those of the parts to silence that its scores can depend on: memories and filters of the blocks it reads.
        While it watches no block hears another, so neither convolutions nor location biases reach its memories.

        Raises RequestError for a part that the network does not have.
        """
        parts = self.predictor.parts(silence)
        return tuple(str(x) for x in parts if x.block in self.config.blocks and x.part not in (SKIP, LOCATION))

    def watch(self, frames: np.ndarray, *, silence: Sequence[str] = ()) -> Iterator[float | Classification]:
        """Classify a clip, frames [T, H, W, 3] at `vp.limits.FPS`, uint8 or float in [0, 1]: yields the share of it
        that was watched, at last the result.

        silence: parts of the network to silence, e.g. ["C2.5x5"], see `vp.models.silence`.
        Raises RequestError for frames of another shape or type, none, or more than `MAX_CLASSIFIED`, and for a part
        that the network does not have.
        """
        masks = self.predictor.masks(silence)
        window = self.predictor.resize(frames)
        length, strategy, device = len(frames), self.config.strategy, self.predictor.device
        if not 1 <= length <= MAX_CLASSIFIED:
            raise RequestError(f"a clip to classify has 1 to {MAX_CLASSIFIED} frames, not {length}")
        start, done = time.perf_counter(), 0
        looks = np.unique(np.linspace(0, length - 1, LOOKS).round().astype(int))
        features, kept = [], []
        clip = window.to(device)
        for states, before in states_along(self.predictor.model, clip, blocks=self.config.blocks, silence=masks):
            features.append(step_features(strategy, states, before))
            here = torch.tensor([t - done for t in looks if done <= t < done + len(features[-1])], device=device)
            # Half precision: a look at one frame of all twelve memories would be a megabyte or more.
            kept.append(tuple(_map(lambda h, here=here: h[here.long()].half(), s) for s in (states, before)))
            done += len(features[-1])
            yield done / length
        steps = torch.cat(features)
        # What was known after each frame.
        clips = torch.stack([clip_features(strategy, steps[: n + 1]) for n in range(length)])
        course = self.net.probabilities(clips).cpu().numpy()
        limit = self.config.familiar
        strange = None if limit is None else self.net.strangeness(clips[-1:]).item() / limit
        evidence, heat = self._evidence(steps, looks, int(course[-1].argmax()), kept)
        yield Classification(
            classes=self.config.classes,
            course=course,
            strangeness=strange,
            familiar=strange is None or strange <= 1,
            looks=looks,
            pictures=window[looks].permute(0, 2, 3, 1).numpy(),
            evidence=evidence,
            heat=heat,
            seconds=time.perf_counter() - start,
        )

    def _evidence(
        self, steps: Tensor, looks: np.ndarray, top: int, kept: list
    ) -> tuple[dict[str, dict[str, np.ndarray]], np.ndarray]:
        with torch.enable_grad():
            steps = steps.requires_grad_()
            logits = self.net(clip_features(self.config.strategy, steps).unsqueeze(0))
            # Against the others: what raises all scores alike speaks for none.
            (weight,) = torch.autograd.grad(logits[0, top] - logits[0].mean(), steps)
            # As if each look stood for the whole clip: their mean is then what the clip says.
            weight = weight[looks] * len(steps) if reads_every_step(self.config.strategy) else weight[-1:]
            states, before = (
                _map(lambda *hs: torch.cat(hs).float(), *(part[side] for part in kept)) for side in (0, 1)
            )
            states = _map(lambda h: h.requires_grad_(), states)
            usual = self._usual(states)
            memories = [(b, k) for b in states for k in KERNELS]
            leaves = [states[b][k] for b, k in memories]
            said = (step_features(self.config.strategy, states, before) * weight).sum()
            gradients = torch.autograd.grad(said, leaves, allow_unused=True)
        evidence, heat = {b: {} for b in states}, None
        size = leaves[0].shape[-2:]
        for (block, kernel), h, gradient in zip(memories, leaves, gradients, strict=True):
            product = torch.zeros_like(h) if gradient is None else gradient * (h.detach() - usual[block][kernel])
            evidence[block][kernel] = product.sum((2, 3)).mean(0).cpu().numpy()
            share = product.sum(1, keepdim=True)
            # Enlarged by area, so that coarse maps weigh as much as fine ones.
            scale = share.shape[-2] * share.shape[-1] / (size[0] * size[1])
            share = F.interpolate(share, size=size, mode="bilinear", align_corners=False)[:, 0] * scale
            heat = share if heat is None else heat + share
        return evidence, heat.cpu().numpy()

    def _usual(self, states: Memories) -> Memories:
        """What each filter is on average over the training clips, [1, C, 1, 1], as far as the classifier knows it."""
        if self.config.strategy != "pooled":
            return _map(lambda h: h.new_zeros(()), states)
        means, place = {b: {} for b in states}, 0
        for block in states:
            for kernel in KERNELS:
                width = states[block][kernel].shape[1]
                # The mean over the map comes first among a filter's features.
                means[block][kernel] = self.net.mean[place : place + width].view(1, width, 1, 1)
                place += POOLED * width
        return means


def _map(function: Callable[..., Tensor], *states: Memories) -> Memories:
    return {b: {k: function(*(s[b][k] for s in states)) for k in KERNELS} for b in states[0]}


def load_classifier(source: str = "bundled", **placement: object) -> ActionClassifier:
    """Load the action classifier and its predictor.

    source: "bundled", a folder or "hf://owner/name@revision"; placement: `device` and `dtype` of `Predictor`. Raises
    CheckpointError with what to do.
    """
    checkpoints = open_checkpoints(source)
    net = checkpoints.load_classifier()
    model = checkpoints.load(net.config.predictor)
    return ActionClassifier(Predictor(net.config.predictor, model, source=checkpoints.spec, **placement), net)
