"""What a prediction has to beat, without a network: the last frame repeated, and motion carried on by optical flow.

Three bars and a ceiling, each the `horizon` frames after the last seen one:

    copy_last           nothing moves
    constant_velocity   everything moves on as it moved between the last two seen frames
    tuned_flow          the same with caution: two numbers for each step, which training clips chose
    flow_oracle         not a prediction: the best that moving the last frame's pixels could do, as it is told
                        the true frames. What separates it from the truth is new content, light and the flow's errors.

The flow is Dense Inverse Search (Kroeger et al. 2016) from OpenCV.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .metrics import LUMA
from .models.matching import warp

# Factors and blends of `tuned_flow` for steps 1 to 10, by height of the frames in pixels: what did best on 240 training
# clips of UCF101 at 10 fps, `python -m train.evaluation.tuned_flow --data UCF-101`.
TUNED = {
    64: (
        [0.7, 0.8, 0.7, 0.7, 0.65, 0.6, 0.55, 0.55, 0.5, 0.5],
        [0.3, 0.35, 0.45, 0.5, 0.55, 0.55, 0.55, 0.6, 0.6, 0.6],
    ),
    128: (
        [0.75, 0.8, 0.7, 0.7, 0.6, 0.55, 0.55, 0.5, 0.5, 0.5],
        [0.35, 0.4, 0.5, 0.5, 0.55, 0.55, 0.55, 0.55, 0.6, 0.6],
    ),
}


def copy_last(seen: Tensor, horizon: int) -> Tensor:
    """The last of the seen frames [B, T, 3, H, W] -> [B, horizon, 3, H, W]."""
    return seen[:, -1:].expand(-1, horizon, -1, -1, -1)


def constant_velocity(seen: Tensor, horizon: int) -> Tensor:
    """Seen frames [B, T, 3, H, W] in [0, 1], T at least 2 -> the next [B, horizon, 3, H, W].

    The flow v takes each pixel of the last frame back to the frame before it: last(x) = before(x + v(x)). Frame k
    is the last one fetched at x + k v(x): k steps back along the way that the pixel at x has just come.
    """
    # Other ways, measured on UCF101: the flow from before to last loses 0.15 dB, following the flow from place to
    # place changes nothing. Warping the result again at each step gains 0.2 to 0.3 dB and shrinking the flow by a fifth
    # 0.4 dB, but by blur and by caution: neither is a better account of the motion.
    if seen.shape[1] < 2:
        raise ValueError("a velocity needs at least two seen frames")
    last, flow = seen[:, -1], optical_flow(seen[:, -1], seen[:, -2])
    return torch.stack([warp(last, k * flow) for k in range(1, horizon + 1)], dim=1)


def tuned_flow(seen: Tensor, horizon: int, factors: Sequence[float], blends: Sequence[float]) -> Tensor:
    """Seen frames [B, T, 3, H, W] in [0, 1], T at least 2 -> the next [B, horizon, 3, H, W].

    Step k is b_k last + (1 - b_k) warp(last, a_k k flow): factors a and blends b for each step, as
    `train.evaluation.tuned_flow` fits them.
    """
    last, flow = seen[:, -1], enlarged_flow(seen[:, -1], seen[:, -2])
    moved = [warp(last, factor * k * flow) for k, factor in zip(range(1, horizon + 1), factors, strict=True)]
    return torch.stack([torch.lerp(frame, last, blend) for frame, blend in zip(moved, blends, strict=True)], dim=1)


def carried_on(seen: np.ndarray, horizon: int) -> np.ndarray:
    """`tuned_flow` of seen frames float32 [T, H, W, 3] in [0, 1], by the numbers of `TUNED` for the size nearest to
    theirs. -> the same [horizon, H, W, 3]. Raises ImportError without OpenCV."""
    height = min(TUNED, key=lambda height: abs(height - seen.shape[1]))
    factors, blends = (numbers[:horizon] for numbers in TUNED[height])
    frames = torch.from_numpy(seen[-2:]).permute(0, 3, 1, 2)[None]
    return tuned_flow(frames, horizon, factors, blends)[0].permute(0, 2, 3, 1).numpy()


def enlarged_flow(start: Tensor, end: Tensor) -> Tensor:
    """`optical_flow` found on frames of twice the size, where DIS sees finer motion; in pixels of the frames given."""
    double = [F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False) for x in (start, end)]
    return F.avg_pool2d(optical_flow(*double), 2) / 2


def flow_oracle(last: Tensor, truth: Tensor) -> Tensor:
    """Last frame [B, 3, H, W] and true next ones [B, T, 3, H, W], in [0, 1] -> the last one moved to where the flow
    from each true frame back to it says, [B, T, 3, H, W]."""
    sources = last.unsqueeze(1).expand_as(truth).flatten(0, 1)
    return warp(sources, optical_flow(truth.flatten(0, 1), sources)).unflatten(0, truth.shape[:2])


def optical_flow(start: Tensor, end: Tensor) -> Tensor:
    """Where in `end` each pixel of `start` is: frames [N, 3, H, W] in [0, 1] -> [N, 2, H, W] in pixels (x right,
    y down), so that warp(end, flow) resembles start. The medium preset of DIS, on 8-bit luma.

    Raises ImportError without OpenCV.
    """
    method = _dense_inverse_search()
    luma = torch.tensor(LUMA, device=start.device).view(3, 1, 1)
    pairs = [(x.float() * luma).sum(1).mul(255).round().clamp(0, 255).byte().cpu().numpy() for x in (start, end)]
    flows = [torch.from_numpy(method.calc(a, b, None)) for a, b in zip(*pairs, strict=True)]
    return torch.stack(flows).permute(0, 3, 1, 2).to(start.device, torch.float32)


def _dense_inverse_search():
    try:
        import cv2
    except ImportError as error:
        raise ImportError("optical flow needs OpenCV: pip install -r requirements.txt") from error
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
