"""The score that a run watches while it trains."""

from __future__ import annotations

import torch
from torch import Tensor

from vp.metrics import psnr
from vp.models import Ladder


@torch.inference_mode()
def validate(model: Ladder, windows: list[tuple[str, int, Tensor]], batch: int = 32) -> dict[str, float]:
    """Gain over repeating the last frame in dB, per step and on the mean, and the first step's PSNR of both.

    windows: of `fixed_windows`, as many frames longer than the network's `seen` as steps are to be scored.
    """
    model.eval()
    device, seen = next(model.parameters()).device, model.config.seen
    horizon = windows[0][2].shape[0] - seen
    ours, copies = [], []
    for i in range(0, len(windows), batch):
        clips = torch.stack([w[2] for w in windows[i : i + batch]]).to(device).float() / 255
        predictions = model.rollout(clips[:, :seen], horizon).frames[:, -horizon:].float().clamp(0, 1)
        truth = clips[:, seen:]
        ours.append(psnr(predictions, truth))
        copies.append(psnr(clips[:, seen - 1 : seen].expand_as(truth), truth))
    ours, copies = torch.cat(ours).mean(0), torch.cat(copies).mean(0)
    scores = {f"gain_{k + 1}": (ours[k] - copies[k]).item() for k in range(horizon)}
    return scores | {"gain": (ours - copies).mean().item(), "psnr_1": ours[0].item(), "copy_1": copies[0].item()}
