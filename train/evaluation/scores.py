"""The numbers of an evaluation: every method on the same windows, and what they come to.

`score` measures, window by window and step by step; `summary` makes of it means with intervals, in plain JSON types.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp import Predictor
from vp.baselines import constant_velocity, copy_last, flow_oracle, tuned_flow
from vp.grid import grid_index, periods
from vp.metrics import motion_psnr, psnr, sharpness, ssim

from ..data.clip_files import ClipFile
from ..data.windows import fixed_windows
from .tuned_flow import fit_tuned_flow

HORIZON = 3  # steps that are scored
BATCH = 16  # windows
# A flat true frame has no gradient to divide by: a tenth of a grey level of 255 is below every real one.
FLAT = 1e-4


@dataclass
class Scores:
    """What the methods scored at one frame size and number of seen frames.

    size: (height, width) in pixels. clips, labels: clip and class of each window, [windows].
    values[method][metric]: float [windows, HORIZON], NaN where the metric says nothing; names as in `train.evaluate`.
    tuned: of `fit_tuned_flow`, None from one seen frame.
    """

    size: tuple[int, int]
    seen: int
    clips: np.ndarray
    labels: np.ndarray
    values: dict[str, dict[str, np.ndarray]]
    tuned: dict | None = None


def grouped(predictors: list[Predictor]) -> list[list[Predictor]]:
    """Those with the same frame size and number of seen frames together."""
    groups: dict[tuple, list[Predictor]] = {}
    for predictor in predictors:
        groups.setdefault((predictor.size, predictor.default_seen), []).append(predictor)
    return list(groups.values())


def score(
    group: list[Predictor], cache: Path, clips: list[ClipFile], training: list[ClipFile], *, per_clip: int = 4
) -> Scores:
    """Score predictors with the same frame size and number of seen frames, and the baselines, on `per_clip` windows of
    each clip, at 10 fps. training: the clips on which tuned_flow is fitted. Clips that are too short, or that the cache
    does not hold, are left out; ValueError if that leaves none."""
    size, seen, device = group[0].size, group[0].default_seen, group[0].device
    shape = {"length": seen + HORIZON, "size": size, "per_clip": per_clip}
    tuned = None
    if seen > 1:
        # Windows like those that are scored: a clip's first two frames are often one.
        windows = fixed_windows(cache, [clip.name for clip in training], **shape)
        tuned = fit_tuned_flow([frames for _, _, frames in windows], HORIZON)
    names: list[str] = []
    measured: list[dict[str, dict[str, Tensor]]] = []
    stride = max(1, BATCH // per_clip)  # clips at a time: all of UCF101 would not fit into memory
    for i in tqdm(range(0, len(clips), stride), desc=f"{size[0]}x{size[1]}, {seen} seen", mininterval=10):
        windows = fixed_windows(cache, [clip.name for clip in clips[i : i + stride]], **shape)
        if not windows:
            continue
        names += [name for name, _, _ in windows]
        x = torch.stack([frames for _, _, frames in windows]).to(device).float() / 255
        with torch.inference_mode():
            predictions = predict(group, x[:, :seen], x[:, seen:], tuned)
            measured.append(measure(predictions, x[:, seen:], x[:, seen - 1 : seen]))
    if not names:
        raise ValueError(f"no clip is long enough for {seen + HORIZON} frames at 10 fps")
    values = {method: joined([batch[method] for batch in measured]) for method in measured[0]}
    label_of = {clip.name: clip.label for clip in clips}
    return Scores(size, seen, np.array(names), np.array([label_of[name] for name in names]), values, tuned)


def joined(batches: list[dict[str, Tensor]]) -> dict[str, np.ndarray]:
    """What was measured batch by batch, as one array for each name."""
    return {name: torch.cat([batch[name] for batch in batches]).cpu().double().numpy() for name in batches[0]}


def predict(group: list[Predictor], seen: Tensor, truth: Tensor, tuned: dict | None) -> dict[str, Tensor]:
    """What each method makes of the seen frames [B, T, 3, H, W], as frames like the true ones [B, horizon, 3, H, W]:
    from the copy, which knows least, to the oracle, which knows too much. tuned: None from one frame, where no motion
    is known."""
    horizon = truth.shape[1]
    methods = {"copy_last": copy_last(seen, horizon)}
    if tuned is not None:
        methods["constant_velocity"] = constant_velocity(seen, horizon)
        methods["tuned_flow"] = tuned_flow(seen, horizon, tuned["factors"], tuned["blends"])
    for predictor in group:
        methods[predictor.name] = predictor.model.rollout(seen, horizon).frames[:, -horizon:].float().clamp(0, 1)
    methods["flow_oracle"] = flow_oracle(seen[:, -1], truth)
    return methods


def measure(predictions: dict[str, Tensor], truth: Tensor, last: Tensor) -> dict[str, dict[str, Tensor]]:
    """Every metric of every method, each [B, horizon]; truth [B, horizon, 3, H, W], last [B, 1, 3, H, W].

    psnr and motion_psnr in dB, ssim, sharpness (the mean picture gradient over the truth's), grid_2, grid_4 and grid_8
    (`vp.grid`; as far as the frame is large enough).
    """
    return {
        method: {
            "psnr": psnr(frames, truth),
            "motion_psnr": motion_psnr(frames, truth, last),
            "ssim": ssim(frames, truth),
            "sharpness": sharpness(frames) / sharpness(truth).clamp_min(FLAT),
            **{f"grid_{period}": grid_index(frames, truth, period) for period in periods(truth.shape[-2:])},
        }
        for method, frames in predictions.items()
    }


def clip_psnr(psnr: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """The PSNR of each window's clip, by the mean squared error over its windows; both [windows, steps] in dB.

    Videos repeat frames exactly here and there. In such a window the last frame repeated has no error, and its PSNR,
    which has no bound, would outweigh many others.
    """
    _, index = np.unique(clips, return_inverse=True)
    errors = 10 ** (-psnr / 10)
    means = [np.bincount(index, step) / np.bincount(index) for step in errors.T]
    return -10 * np.log10(np.stack(means, axis=1))[index]


def summary(scores: Scores) -> dict:
    """Means and intervals in JSON types, None for NaN; the schema is in `train.evaluate`."""
    clips = scores.clips
    bar = clip_psnr(scores.values["copy_last"]["psnr"], clips)
    measured = {}
    for method, metrics in scores.values.items():
        decibels = clip_psnr(metrics["psnr"], clips)
        measured[method] = metrics | {"psnr": decibels, "gain": decibels - bar}
    gains = {method: metrics["gain"] for method, metrics in measured.items()}
    classes = {}
    for label in np.unique(scores.labels):
        here = scores.labels == label
        classes[str(label)] = {
            "clips": len(np.unique(clips[here])),
            "windows": len(clips[here]),
            "gain": {method: statistic(gain[here], clips[here]) for method, gain in gains.items()},
            # Three steps of a class with a dozen clips say little each: together they can be compared between classes.
            "overall_gain": {
                method: statistic(gain[here].mean(1, keepdims=True), clips[here]) for method, gain in gains.items()
            },
        }
    report = {
        "size": list(scores.size),
        "seen": scores.seen,
        "windows": len(clips),
        "clips": len(np.unique(clips)),
        "methods": {
            method: {metric: statistic(values, clips) for metric, values in metrics.items()}
            for method, metrics in measured.items()
        },
        "ahead": {method: share_ahead(gain, clips) for method, gain in gains.items()},
        "classes": classes,
    }
    if scores.tuned is not None:
        ahead = {method: share_ahead(gain - gains["tuned_flow"], clips) for method, gain in gains.items()}
        report |= {"tuned_flow": scores.tuned, "ahead_of_flow": ahead}
    return report


def share_ahead(gain: np.ndarray, clips: np.ndarray) -> float:
    """Share of the clips with a positive gain, mean of the steps; gain [windows, steps], that of a window's clip."""
    _, first = np.unique(clips, return_index=True)
    return round(float((gain[first].mean(1) > 0).mean()), 4)


def statistic(values: np.ndarray, clips: np.ndarray) -> dict[str, list[float | None]]:
    """Of values [windows, steps]: mean over windows and 95 % interval for each step."""
    result: dict[str, list[float | None]] = {"mean": [], "low": [], "high": []}
    for step in values.T:
        mean = step[np.isfinite(step)].mean() if np.isfinite(step).any() else np.nan
        for key, number in zip(result, (mean, *bootstrap(step, clips)), strict=True):
            result[key].append(round(float(number), 4) if np.isfinite(number) else None)
    return result


def bootstrap(values: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean of `values`, resampling whole groups: windows of one clip are not independent. NaN is
    left out; the interval of nothing is (NaN, NaN)."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.nan, np.nan
    names, index = np.unique(groups[finite], return_inverse=True)
    sums, counts = np.bincount(index, values[finite]), np.bincount(index)
    picks = np.random.default_rng(0).integers(0, len(names), (1000, len(names)))
    means = sums[picks].sum(1) / counts[picks].sum(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
