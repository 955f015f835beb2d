"""What the parts of a network are for, on one window of each clip: what is lost without a block's memories and without
each ConvGRU, how far the picture has got after each level, and what the same weights do at twice the frame size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
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
from vp.models.silence import Part, masks

from ..data.clip_files import ClipFile
from ..data.frame_cache import decode, read_index
from ..data.windows import fixed_windows, frame_steps
from .scores import predict, statistic
from .tuned_flow import fit_tuned_flow

BATCH = 4  # windows: each is run as often as there are parts
# What is silenced: a block's three ConvGRUs at once, then each.
PARTS = {block: [Part(block, kernel) for kernel in KERNELS] for block in BLOCKS}
PARTS |= {f"{block}.{kernel}": [Part(block, kernel)] for block in BLOCKS for kernel in KERNELS}


@torch.inference_mode()
def lost_and_levels(predictor: Predictor, windows: Tensor, horizon: int) -> tuple[dict, dict]:
    """Of windows [B, seen + horizon, 3, H, W] in [0, 1]: {part: dB lost without it [B, horizon]}, {block: gain [B, 1]
    at the first step of the last frame moved by the flow as it stands after that block}, the latter empty for a network
    that moves nothing."""
    model, seen, size = predictor.model, predictor.default_seen, len(windows)
    frames, truth = windows[:, :seen].to(predictor.device), windows[:, seen:].to(predictor.device)
    variants = [[], *PARTS.values()]
    state = None
    if seen > 1:
        # A ConvGRU as a whole is silenced from here on only: it hears no other while real frames come in.
        before = model(frames[:, :-1]).state
        memory = {b: {k: _repeated(h, len(variants)) for k, h in m.items()} for b, m in before.memory.items()}
        frame = None if before.frame is None else _repeated(before.frame, len(variants))
        state = State(memory, frame, {b: _repeated(key, len(variants)) for b, key in before.keys.items()})
    parts = [part for part in variants for _ in range(size)]
    silence = masks(parts, model.config, torch.empty(0, device=predictor.device, dtype=predictor.dtype))
    out = model(_repeated(frames[:, -1:], len(variants)), state, silence=silence)
    levels = {block: moved_by(flow[:size, 0].float(), frames[:, -1]) for block, flow in out.levels.items()}
    made = model.feed_back(out, horizon, silence=silence).frames.float().clamp(0, 1)
    whole, *rest = psnr(made, _repeated(truth, len(variants))).cpu().split(size)
    copy = psnr(frames[:, -1], truth[:, 0])
    gains = {block: (psnr(moved, truth[:, 0]) - copy).unsqueeze(1).cpu() for block, moved in levels.items()}
    return {part: whole - without for part, without in zip(PARTS, rest, strict=True)}, gains


def _repeated(x: Tensor, times: int) -> Tensor:
    return x.repeat(times, *[1] * (x.ndim - 1))


def study(
    group: list[Predictor], cache: Path, clips: list[ClipFile], training: list[ClipFile], horizon: int = 3
) -> dict:
    """The "parts" of a group in `train.evaluate`'s report, from predictors that share frame size and seen frames."""
    size, seen = group[0].size, group[0].default_seen
    held = read_index(cache)
    names = [clip.name for clip in clips if clip.name in held]
    windows = fixed_windows(cache, names, length=seen + horizon, size=size, per_clip=1)
    which = np.array([name for name, _, _ in windows])
    result: dict = {"windows": len(windows), "lost": {}, "levels": {}}
    for predictor in group:
        collected: dict[str, dict[str, list[Tensor]]] = {"lost": {}, "levels": {}}
        for i in tqdm(range(0, len(windows), BATCH), desc=f"{predictor.name}, part by part", mininterval=10):
            x = torch.stack([frames for _, _, frames in windows[i : i + BATCH]]).float() / 255
            for kind, values in zip(collected, lost_and_levels(predictor, x, horizon), strict=True):
                for part, value in values.items():
                    collected[kind].setdefault(part, []).append(value)
        for kind, parts in collected.items():
            result[kind][predictor.name] = {
                part: statistic(torch.cat(values).double().numpy(), which) for part, values in parts.items()
            }
    if seen > 1:
        result["fine"] = fine(group, clips, training, horizon)
    return result


def fine(group: list[Predictor], clips: list[ClipFile], training: list[ClipFile], horizon: int) -> dict:
    """Gains at twice the frame size, the clips decoded for it; tuned_flow is fitted at that size too."""
    size, seen = tuple(2 * side for side in group[0].size), group[0].default_seen
    some = [frames for _, frames in _decoded(training, size, seen + horizon)]
    tuned = fit_tuned_flow(torch.stack(some), horizon)
    names: list[str] = []
    gains: dict[str, list[Tensor]] = {}
    for name, frames in tqdm(_decoded(clips, size, seen + horizon), total=len(clips), desc="fine", mininterval=10):
        x = frames[None].to(group[0].device).float() / 255
        names.append(name)
        with torch.inference_mode():
            made = predict(group, x[:, :seen], x[:, seen:], tuned)
        bar = psnr(made["copy_last"], x[:, seen:])
        for method, pictures in made.items():
            gains.setdefault(method, []).append((psnr(pictures, x[:, seen:]) - bar).cpu())
    statistics = {m: statistic(torch.cat(v).double().numpy(), np.array(names)) for m, v in gains.items()}
    return {"size": list(size), "windows": len(names), "tuned_flow": asdict(tuned), "gain": statistics}


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
