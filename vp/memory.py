"""The memory along a whole clip: every ConvGRU's state after each frame, a few frames at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .models import BLOCKS, KERNELS, Ladder, State
from .models.silence import Kept

# Frames that go through the encoder and the input convolutions as one batch.
CHUNK = 16


@torch.inference_mode()
def states_along(
    model: Ladder, frames: Tensor, chunk: int = CHUNK, *, kept: dict[str, Kept] | None = None
) -> Iterator[tuple[State, State]]:
    """Show a network a clip, from an empty memory: frames [T, 3, H, W] in [0, 1], on the model's device.

    kept: {block: what is not silenced in it}, see `vp.models.silence`.
    Yields for up to `chunk` frames at a time (states after each of them, states before each of them), each
    [steps, C, h, w] by block and kernel. Nothing is predicted: the decoder does not run.
    """
    state = None
    for flat in frames.split(chunk):
        flat = flat.contiguous(memory_format=torch.channels_last)
        features = model.features(flat)
        _, after, trace = model.remember(features, state, batch=1, steps=len(flat), record=True, kept=kept)
        states = {b: {k: trace[b][k].h[0] for k in KERNELS} for b in BLOCKS}
        before = {
            b: {
                k: torch.cat([torch.zeros_like(h[:1]) if state is None else state[b][k], h[:-1]])
                for k, h in states[b].items()
            }
            for b in BLOCKS
        }
        state = after
        yield states, before
