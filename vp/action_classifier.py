"""Which action a whole clip shows, and what says so: which memory, in which stream, where and when."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .checkpoints import open_checkpoints
from .errors import RequestError
from .limits import MAX_CLASSIFIED
from .models import StateClassifier, clip_features
from .models.classifier_inputs import (
    OVER_PARTS,
    PLACES,
    SIDE,
    STREAMS,
    STREAMS_STRATEGY,
    cue_maps,
    cues_of,
    speed,
    step_features,
)
from .models.silence import LOCATION, SKIP
from .predictor import Predictor
from .states_along import states_along

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
    distance: to the nearest training clip, 1 for the furthest that counts as familiar; None where not
        measured.
    familiar: whether it lies within that.
    evidence[block][cue]: [C] for each of its maps (`vp.models.classifier_inputs`): by how much it raises the score of
        the top class against the mean of all, divided by the temperature, compared with the average training clip. For
        a classifier without a hidden layer all of it adds up to the score, but for the bias.
    by_stream: {"appearance", "motion"}: [T], the same of each stream and frame; their mean is what the stream says.
    looks: the frames [L] at which it was seen where; pictures [L, H, W, 3] in [0, 1]: as the network saw them.
    heat: {"appearance", "motion"}: [L, h, w], the evidence of each place, at the resolution of the finest block.
    seconds: time the networks took.
    """

    classes: tuple[str, ...]
    course: np.ndarray
    distance: float | None
    familiar: bool
    evidence: dict[str, dict[str, np.ndarray]] = field(repr=False)
    by_stream: dict[str, np.ndarray] = field(repr=False)
    looks: np.ndarray
    pictures: np.ndarray = field(repr=False)
    heat: dict[str, np.ndarray] = field(repr=False)
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
        if net.config.strategy != STREAMS_STRATEGY:
            raise ValueError(f"a classifier of the strategy {net.config.strategy!r} cannot say what speaks for a class")
        self.predictor = predictor
        self.net = net.eval().requires_grad_(False).to(predictor.device)
        self.config = net.config
        self.cues = cues_of(predictor.model.config, net.config.blocks)

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
        length, device = len(frames), self.predictor.device
        if not 1 <= length <= MAX_CLASSIFIED:
            raise RequestError(f"a clip to classify has 1 to {MAX_CLASSIFIED} frames, not {length}")
        start, done = time.perf_counter(), 0
        looks = np.unique(np.linspace(0, length - 1, LOOKS).round().astype(int))
        model, features, kept = self.predictor.model, [], []
        for seen, states, before in states_along(model, window.to(device), blocks=self.config.blocks, silence=masks):
            maps_of, moving = cue_maps(model, seen, states, before), speed(seen)
            features.append(step_features(maps_of, moving))
            here = torch.tensor([t - done for t in looks if done <= t < done + len(features[-1])], device=device)
            # Half precision: the maps of one frame are a megabyte or more.
            looked = {cue: maps[here.long()].half() for cue, maps in maps_of.items()}
            kept.append((looked, None if moving is None else moving[here.long()]))
            done += len(features[-1])
            yield done / length
        steps = torch.cat(features)
        # What was known after each frame.
        clips = torch.stack([clip_features(steps[: n + 1]) for n in range(length)])
        course = self.net.probabilities(clips).cpu().numpy()
        limit = self.config.familiar
        distance = None if limit is None else self.net.distance(clips[-1:]).item() / limit
        weight, usual = self._weigh(steps, int(course[-1].argmax()))
        counted = steps * weight - usual
        evidence, by_stream = self._evidence(counted)
        there = torch.from_numpy(looks).to(device)
        yield Classification(
            classes=self.config.classes,
            course=course,
            distance=distance,
            familiar=distance is None or distance <= 1,
            evidence=evidence,
            by_stream=by_stream,
            looks=looks,
            pictures=window[looks].permute(0, 2, 3, 1).numpy(),
            heat=self._heat(weight[there], counted[there], kept),
            seconds=time.perf_counter() - start,
        )

    def _weigh(self, steps: Tensor, top: int) -> tuple[Tensor, Tensor]:
        """What each number of each step [T, F] counts for a class, as if the step stood for the whole clip [T, F], and
        what the numbers of an average training clip say for it [F]."""
        with torch.enable_grad():
            steps = steps.clone().requires_grad_()
            clip = clip_features(steps)
            logits = self.net(clip.unsqueeze(0)) / self.config.temperature
            # Against the others: what raises all scores alike speaks for none.
            of_clip, of_steps = torch.autograd.grad(logits[0, top] - logits[0].mean(), (clip, steps))
        return of_steps * len(steps), (of_clip * self.net.mean).view(OVER_PARTS, -1).sum(0)

    def _evidence(self, counted: Tensor) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
        """What each number of each step says [T, F], by map of each cue and by stream: of `Classification`."""
        evidence = {cue.block: {} for cue in self.cues}
        by_stream = {stream: np.zeros(len(counted)) for stream in STREAMS}
        for cue, part in zip(self.cues, self._by_cue(counted), strict=True):
            by_stream[cue.stream] += part.sum((1, 2)).cpu().numpy()
            evidence[cue.block][cue.name] = part.sum(2).mean(0).cpu().numpy()
        return evidence, by_stream

    def _by_cue(self, numbers: Tensor) -> list[Tensor]:
        """Numbers of steps [T, F] as [T, maps, PLACES] for each cue."""
        parts = numbers.split([cue.maps * PLACES for cue in self.cues], dim=1)
        return [part.unflatten(1, (-1, PLACES)) for part in parts]

    def _heat(self, weight: Tensor, counted: Tensor, kept: list[tuple[dict, Tensor | None]]) -> dict[str, np.ndarray]:
        """Evidence of each place: of the maps of the looks, what their numbers count and what they say [L, F]. Over all
        places it adds up to what they say."""
        moving = None if kept[0][1] is None else torch.cat([moving for _, moving in kept])
        maps_of = {cue: torch.cat([looked[cue] for looked, _ in kept]).float() for cue in self.cues}
        with torch.enable_grad():
            maps = [x.requires_grad_() for x in maps_of.values()]
            gradients = torch.autograd.grad((step_features(maps_of, moving) * weight).sum(), maps)
        size = self.predictor.model.config.map_size(self.config.blocks[0])
        heat = {stream: torch.zeros(len(weight), *size, device=weight.device) for stream in STREAMS}
        means = self._by_cue(self.net.mean[None, : weight.shape[1]])
        sums = self._by_cue(counted)
        for (cue, x), gradient, mean, all_places in zip(maps_of.items(), gradients, means, sums, strict=True):
            share = (gradient * (x.detach() - _usual(mean, x))).sum(1, keepdim=True)
            # What no place can be given, such as how little a clip changes, is spread over all.
            missing = all_places.sum((1, 2)).view(-1, 1, 1, 1) - share.sum((2, 3), keepdim=True)
            share = share + missing / (share.shape[-2] * share.shape[-1])
            # Resized by area, so that coarse maps weigh as much as fine ones.
            scale = share.shape[-2] * share.shape[-1] / (size[0] * size[1])
            if share.shape[-2] > size[0]:
                share = F.adaptive_avg_pool2d(share, size)
            else:
                share = F.interpolate(share, size=size, mode="bilinear", align_corners=False)
            heat[cue.stream] += share[:, 0] * scale
        return {stream: maps.cpu().numpy() for stream, maps in heat.items()}


def _usual(mean: Tensor, like: Tensor) -> Tensor:
    """What maps are at each place on average over the training clips, [1, C, h, w], from the means of their features
    [1, C, PLACES]."""
    half = mean[..., :-1].unflatten(2, (SIDE, SIDE // 2 + 1))
    grid = torch.cat([half, half[..., :-1].flip(-1)], dim=-1)
    return F.interpolate(grid, size=like.shape[-2:], mode="bilinear", align_corners=False)


def load_classifier(source: str = "bundled", **placement: object) -> ActionClassifier:
    """Load the action classifier and its predictor.

    source: "bundled", a folder or "hf://owner/name@revision"; placement: `device` and `dtype` of `Predictor`. Raises
    CheckpointError with what to do.
    """
    checkpoints = open_checkpoints(source)
    net = checkpoints.load_classifier()
    model = checkpoints.load(net.config.predictor)
    return ActionClassifier(Predictor(net.config.predictor, model, source=checkpoints.spec, **placement), net)
