"""What the parts of a network are for, on one window of each clip: what is lost without a block's memories and without
each ConvGRU, how far the picture has got after each level, and what the same weights do at twice the frame size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vp import Predictor
from vp.errors import VideoError
from vp.inspection import moved_by
from vp.limits import FPS
from vp.metrics import psnr
from vp.models import BLOCKS, KERNELS, State
from vp.models.ladder import tree_map
from vp.models.silence import Part, masks

from ..data.clip_files import ClipFile
from ..data.frame_cache import decode
from ..data.windows import fixed_windows, frame_steps
from .scores import HORIZON, joined, predict, statistic
from .tuned_flow import fit_tuned_flow

BATCH = 4  # windows: each is run as often as there are parts
# What is silenced: a block's three ConvGRUs at once, then each.
PARTS = {block: [Part(block, kernel) for kernel in KERNELS] for block in BLOCKS}
PARTS |= {f"{block}.{kernel}": [Part(block, kernel)] for block in BLOCKS for kernel in KERNELS}


@torch.inference_mode()
def lost_and_levels(predictor: Predictor, windows: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Of windows [B, seen + horizon, 3, H, W] in [0, 1]: {part: dB lost without it [B, horizon]}, {block: gain [B, 1]
    at the first step of the last frame moved by the flow as it stands after that block}, the latter empty for a network
    that moves nothing."""
    model, seen, size = predictor.model, predictor.default_seen, len(windows)
    frames, truth = windows.to(predictor.device).tensor_split([seen], dim=1)
    variants = [[], *PARTS.values()]

    def repeated(x: Tensor) -> Tensor:
        return x.repeat(len(variants), *[1] * (x.ndim - 1))

    state = None
    if seen > 1:
        # A ConvGRU as a whole is silenced from here on only: it hears no other while real frames come in.
        before = model(frames[:, :-1]).state
        state = State(**tree_map(repeated, vars(before)))
    parts = [part for part in variants for _ in range(size)]
    silence = masks(parts, model.config, torch.empty(0, device=predictor.device, dtype=predictor.dtype))
    out = model(repeated(frames[:, -1:]), state, silence=silence)
    made = model.feed_back(out, truth.shape[1], silence=silence).frames.float().clamp(0, 1)
    whole, *rest = psnr(made, repeated(truth)).split(size)
    copy = psnr(frames[:, -1], truth[:, 0])
    gains = {}
    for block, flow in out.levels.items():
        moved = moved_by(flow[:size, 0].float(), frames[:, -1])
        gains[block] = (psnr(moved, truth[:, 0]) - copy).unsqueeze(1)
    return {part: whole - without for part, without in zip(PARTS, rest, strict=True)}, gains


def study(group: list[Predictor], cache: Path, clips: list[ClipFile], training: list[ClipFile]) -> dict:
    """The "parts" of a group in `train.evaluate`'s report, from predictors that share frame size and seen frames."""
    size, seen = group[0].size, group[0].default_seen
    windows = fixed_windows(cache, [clip.name for clip in clips], length=seen + HORIZON, size=size, per_clip=1)
    if not windows:
        raise ValueError(f"none of the {len(clips)} clips whose parts are studied is long enough")
    which = np.array([name for name, _, _ in windows])
    result: dict = {"windows": len(windows), "lost": {}, "levels": {}}
    for predictor in group:
        batches = []
        for i in tqdm(range(0, len(windows), BATCH), desc=f"{predictor.name}, part by part", mininterval=10):
            x = torch.stack([frames for _, _, frames in windows[i : i + BATCH]]).float() / 255
            batches.append(lost_and_levels(predictor, x))
        for kind, values in zip(("lost", "levels"), zip(*batches, strict=True), strict=True):
            result[kind][predictor.name] = {part: statistic(v, which) for part, v in joined(values).items()}
    if seen > 1:
        result["fine"] = fine(group, clips, training)
    return result


def fine(group: list[Predictor], clips: list[ClipFile], training: list[ClipFile]) -> dict:
    """Gains at twice the frame size, the clips decoded for it; tuned_flow is fitted at that size too."""
    size, seen = tuple(2 * side for side in group[0].size), group[0].default_seen
    tuned = fit_tuned_flow([frames for _, frames in _decoded(training, size, seen + HORIZON)], HORIZON)
    names, gains = [], []
    for name, frames in tqdm(_decoded(clips, size, seen + HORIZON), total=len(clips), desc="fine", mininterval=10):
        x = frames[None].to(group[0].device).float() / 255
        with torch.inference_mode():
            made = predict(group, x[:, :seen], x[:, seen:], tuned)
        bar = psnr(made["copy_last"], x[:, seen:])
        names.append(name)
        gains.append({method: psnr(pictures, x[:, seen:]) - bar for method, pictures in made.items()})
    statistics = {method: statistic(gain, np.array(names)) for method, gain in joined(gains).items()}
    return {"size": list(size), "windows": len(names), "tuned_flow": tuned, "gain": statistics}


def _decoded(clips: list[ClipFile], size: tuple[int, int], length: int) -> Iterator[tuple[str, Tensor]]:
    """The first window of each clip that can be decoded and is long enough: uint8 [length, 3, h, w]."""
    for clip in clips:
        try:
            frames, native = decode(clip.path, size)
        except VideoError:
            continue
        steps = frame_steps(length, native, FPS)
        if steps[-1] < len(frames):
            yield clip.name, torch.from_numpy(frames[steps]).permute(0, 3, 1, 2)
