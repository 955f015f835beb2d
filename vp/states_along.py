"""The memory along a whole clip: every ConvGRU's state after each frame, a few frames at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .models import BLOCKS, KERNELS, Ladder, Memories, Observation, State
from .models.silence import Mask

# Frames that go through the encoder and the input convolutions as one batch.
CHUNK = 16


@torch.inference_mode()
def states_along(
    model: Ladder,
    frames: Tensor,
    chunk: int = CHUNK,
    *,
    blocks: Sequence[str] = BLOCKS,
    silence: dict[str, Mask] | None = None,
) -> Iterator[tuple[Observation, Memories, Memories]]:
    """What the ConvGRUs of a network hold while it watches a clip, from an empty memory on. Nothing is predicted.

    frames: [T, 3, H, W] in [0, 1], on the model's device; chunk: how many go through the network as one batch.
    blocks: the ones to watch; the others do not run. silence: {block: masks of what is silenced in it}, see
    `vp.models.silence`.
    Yields, chunk by chunk, what was observed, the states after each frame and those before each, [up to chunk, C, h, w]
    by block and kernel.
    """
    earlier: State | None = None
    for shown in frames.split(chunk):
        seen = model.observe(shown.contiguous(memory_format=torch.channels_last), earlier, batch=1, blocks=blocks)
        states, before, earlier = remember(model, seen, earlier, silence)
        yield seen, states, before


@torch.inference_mode()
def remember(
    model: Ladder, seen: Observation, earlier: State | None, silence: dict[str, Mask] | None = None
) -> tuple[Memories, Memories, State]:
    """The states of an observed piece of one clip, as of `states_along`, and the state to go on from."""
    _, after, trace = model.remember(seen, earlier, batch=1, record=True, silence=silence)
    states = {b: {k: trace[b][k].h[0] for k in KERNELS} for b in seen.inputs}
    before = {
        b: {
            k: torch.cat([torch.zeros_like(h[:1]) if earlier is None else earlier.memory[b][k], h[:-1]])
            for k, h in states[b].items()
        }
        for b in states
    }
    return states, before, after
