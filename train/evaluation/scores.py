"""The numbers of an evaluation: every method on the same windows, and what they come to.

`score` measures, window by window and step by step; `summary` makes of it means with intervals, in plain JSON types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
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
from ..data.frame_cache import read_index
from ..data.windows import fixed_windows
from .tuned_flow import TunedFlow, fit_tuned_flow

BATCH = 16  # windows
# A flat true frame has no gradient to divide by: a tenth of a grey level of 255 is below every real one.
FLAT = 1e-4


@dataclass
class Scores:
    """What the methods scored at one frame size and number of seen frames.

    size: (height, width) in pixels. clips, labels: clip and class of each window, [windows].
    values[method][metric]: float [windows, horizon], NaN where the metric says nothing. Methods are "copy_last",
    "constant_velocity" and "tuned_flow" (from two seen frames up), the predictors by name and "flow_oracle".
    tuned: of tuned_flow, None from one seen frame.
    """

    size: tuple[int, int]
    seen: int
    clips: np.ndarray
    labels: np.ndarray
    values: dict[str, dict[str, np.ndarray]]
    tuned: TunedFlow | None = None


def grouped(predictors: list[Predictor]) -> list[list[Predictor]]:
    """Those with the same frame size and number of seen frames together."""
    groups: dict[tuple, list[Predictor]] = {}
    for predictor in predictors:
        groups.setdefault((predictor.size, predictor.default_seen), []).append(predictor)
    return list(groups.values())


def score(
    predictors: list[Predictor],
    cache: Path,
    clips: list[ClipFile],
    training: list[ClipFile],
    *,
    per_clip: int = 4,
    horizon: int = 3,
) -> list[Scores]:
    """Score predictors and baselines on `per_clip` windows of each clip in the cache, at 10 fps.

    Predictors with the same frame size and number of seen frames share windows and baselines. training: the clips on
    which tuned_flow is fitted. Clips that are too short, or that the cache does not hold, are left out;
    ValueError if that leaves none.
    """
    return [_score(group, cache, clips, training, per_clip, horizon) for group in grouped(predictors)]


def _score(
    group: list[Predictor], cache: Path, clips: list[ClipFile], training: list[ClipFile], per_clip: int, horizon: int
) -> Scores:
    size, seen, device = group[0].size, group[0].default_seen, group[0].device
    label_of = {clip.name: clip.label for clip in clips}
    held = read_index(cache)
    tuned = None
    if seen > 1:
        here = [clip.name for clip in training if clip.name in held]
        # Windows like those that are scored: a clip's first two frames are often one.
        windows = fixed_windows(cache, here, length=seen + horizon, size=size, per_clip=per_clip)
        if not windows:
            raise ValueError(f"tuned flow is fitted on training clips: none is long enough for {seen + horizon} frames")
        tuned = fit_tuned_flow(torch.stack([frames for _, _, frames in windows]), horizon)
    names: list[str] = []
    parts: dict[str, dict[str, list[Tensor]]] = {}
    title = f"{size[0]}x{size[1]}, {seen} seen"
    for batch in _batches(cache, clips, length=seen + horizon, size=size, per_clip=per_clip, title=title):
        names += [name for name, _, _ in batch]
        x = torch.stack([frames for _, _, frames in batch]).to(device).float() / 255
        with torch.inference_mode():
            predictions = predict(group, x[:, :seen], x[:, seen:], tuned)
            measured = measure(predictions, x[:, seen:], x[:, seen - 1 : seen])
        for method, metrics in measured.items():
            for metric, values in metrics.items():
                parts.setdefault(method, {}).setdefault(metric, []).append(values.cpu())
    if not names:
        raise ValueError(f"no clip is long enough for {seen + horizon} frames at 10 fps")
    values = {
        method: {metric: torch.cat(v).double().numpy() for metric, v in metrics.items()}
        for method, metrics in parts.items()
    }
    return Scores(size, seen, np.array(names), np.array([label_of[name] for name in names]), values, tuned)


def _batches(cache: Path, clips: list[ClipFile], *, per_clip: int, title: str, **shape) -> Iterator[list[tuple]]:
    """The fixed windows of all clips, a few clips at a time: all of UCF101 would not fit into memory."""
    held = read_index(cache)
    names = [clip.name for clip in clips if clip.name in held]
    stride = max(1, BATCH // per_clip)
    with tqdm(total=len(names), desc=title, unit="clip") as bar:
        for i in range(0, len(names), stride):
            some = names[i : i + stride]
            windows = fixed_windows(cache, some, per_clip=per_clip, **shape)
            for j in range(0, len(windows), BATCH):
                yield windows[j : j + BATCH]
            bar.update(len(some))


def predict(group: list[Predictor], seen: Tensor, truth: Tensor, tuned: TunedFlow | None) -> dict[str, Tensor]:
    """What each method makes of the seen frames [B, T, 3, H, W], as frames like the true ones [B, horizon, 3, H, W].

    From the copy, which knows least, to the oracle, which knows too much.
    """
    horizon = truth.shape[1]
    methods = {"copy_last": copy_last(seen, horizon)}
    if seen.shape[1] > 1:
        methods["constant_velocity"] = constant_velocity(seen, horizon)
    if tuned is not None:
        methods["tuned_flow"] = tuned_flow(seen, horizon, tuned.factors, tuned.blends)
    for predictor in group:
        frames = predictor.model.rollout(seen.to(predictor.device), horizon).frames[:, -horizon:]
        methods[predictor.name] = frames.float().clamp(0, 1).to(truth.device)
    methods["flow_oracle"] = flow_oracle(seen[:, -1], truth)
    return methods


def measure(predictions: dict[str, Tensor], truth: Tensor, last: Tensor) -> dict[str, dict[str, Tensor]]:
    """Every metric of every method, each [B, horizon]; truth [B, horizon, 3, H, W], last [B, 1, 3, H, W].

    psnr, gain (over the last frame repeated) and motion_psnr in dB, ssim, sharpness (the mean picture gradient over the
    truth's), grid_2, grid_4 and grid_8 (`vp.grid`; as far as the frame is large enough).
    """
    bar = psnr(last, truth)
    result = {}
    for method, frames in predictions.items():
        values = {"psnr": psnr(frames, truth)}
        values["gain"] = values["psnr"] - bar
        values["motion_psnr"] = motion_psnr(frames, truth, last)
        values["ssim"] = ssim(frames, truth)
        values["sharpness"] = sharpness(frames) / sharpness(truth).clamp_min(FLAT)
        values |= {f"grid_{period}": grid_index(frames, truth, period) for period in periods(truth.shape[-2:])}
        result[method] = values
    return result


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
    measured = {method: dict(metrics) for method, metrics in scores.values.items()}
    bar = clip_psnr(scores.values["copy_last"]["psnr"], scores.clips)
    for metrics in measured.values():
        metrics["psnr"] = clip_psnr(metrics["psnr"], scores.clips)
        metrics["gain"] = metrics["psnr"] - bar
    methods = {
        method: {metric: statistic(values, scores.clips) for metric, values in metrics.items()}
        for method, metrics in measured.items()
    }
    classes = {}
    for label in np.unique(scores.labels):
        here = scores.labels == label
        clips = scores.clips[here]
        gain = {method: statistic(m["gain"][here], clips) for method, m in measured.items()}
        # Three steps of a class with a dozen clips say little each: together they can be compared between classes.
        means = {method: m["gain"][here].mean(1, keepdims=True) for method, m in measured.items()}
        overall = {method: statistic(mean, clips) for method, mean in means.items()}
        counts = {"clips": len(np.unique(clips)), "windows": len(clips)}
        classes[str(label)] = counts | {"gain": gain, "overall_gain": overall}
    report = {
        "size": list(scores.size),
        "seen": scores.seen,
        "windows": len(scores.clips),
        "clips": len(np.unique(scores.clips)),
        "methods": methods,
        "ahead": {method: share_ahead(m["gain"], scores.clips) for method, m in measured.items()},
        "classes": classes,
    }
    if scores.tuned is not None:
        bar = measured["tuned_flow"]["gain"]
        ahead = {method: share_ahead(m["gain"] - bar, scores.clips) for method, m in measured.items()}
        report |= {"tuned_flow": asdict(scores.tuned), "ahead_of_flow": ahead}
    return report


def share_ahead(gain: np.ndarray, clips: np.ndarray) -> float:
    """Share of the clips with a positive gain, mean of the steps; gain [windows, steps], that of a window's clip."""
    _, first = np.unique(clips, return_index=True)
    return round(float((gain[first].mean(1) > 0).mean()), 4)


def statistic(values: np.ndarray, clips: np.ndarray) -> dict[str, list[float | None]]:
    """Of values [windows, steps]: mean over windows and 95 % interval for each step."""
    result: dict[str, list[float | None]] = {"mean": [], "low": [], "high": []}
    for step in values.T:
        known = step[np.isfinite(step)]
        numbers = (known.mean() if len(known) else np.nan, *bootstrap(step, clips))
        for key, number in zip(result, numbers, strict=True):
            result[key].append(round(float(number), 4) if np.isfinite(number) else None)
    return result


def bootstrap(values: np.ndarray, groups: np.ndarray, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of `values`, resampling whole groups: windows of one clip are not independent.

    NaN is left out; the interval of nothing is (NaN, NaN).
    """
    known = np.isfinite(values)
    if not known.any():
        return np.nan, np.nan
    names, index = np.unique(groups[known], return_inverse=True)
    sums, counts = np.bincount(index, values[known]), np.bincount(index)
    picks = np.random.default_rng(seed).integers(0, len(names), (draws, len(names)))
    means = sums[picks].sum(1) / counts[picks].sum(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
