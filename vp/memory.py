"""The memory along a whole clip: every ConvGRU's state after each frame, a few frames at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .models import BLOCKS, KERNELS, Ladder, Memories, State
from .models.silence import Mask

# Frames that go through the encoder and the input convolutions as one batch.
CHUNK = 16


class Memory:
    """What the ConvGRUs of a network hold while it watches a clip, from empty on. Nothing is predicted.

    blocks: the ones to watch; the others do not run. silence: {block: masks of what is silenced in it}, see
    `vp.models.silence`.
    """

    def __init__(
        self, model: Ladder, blocks: Sequence[str] = BLOCKS, *, silence: dict[str, Mask] | None = None
    ) -> None:
        self.model, self.blocks, self.silence = model, blocks, silence
        self.state: State | None = None

    @torch.inference_mode()
    def see(self, frames: Tensor) -> tuple[Memories, Memories]:
        """Go on with the next frames [steps, 3, H, W] in [0, 1], on the model's device.

        Returns the states after each of them and those before each of them, [steps, C, h, w] by block and kernel.
        """
        earlier = self.state
        frames = frames.contiguous(memory_format=torch.channels_last)
        seen = self.model.observe(frames, earlier, batch=1, blocks=self.blocks)
        _, self.state, trace = self.model.remember(seen, earlier, batch=1, record=True, silence=self.silence)
        states = {b: {k: trace[b][k].h[0] for k in KERNELS} for b in self.blocks}
        before = {
            b: {
                k: torch.cat([torch.zeros_like(h[:1]) if earlier is None else earlier.memory[b][k], h[:-1]])
                for k, h in states[b].items()
            }
            for b in self.blocks
        }
        return states, before


def states_along(
    model: Ladder,
    frames: Tensor,
    chunk: int = CHUNK,
    *,
    blocks: Sequence[str] = BLOCKS,
    silence: dict[str, Mask] | None = None,
) -> Iterator[tuple[Memories, Memories]]:
    """Show a network a clip, from an empty memory: frames [T, 3, H, W] in [0, 1], on the model's device.

    Yields what `Memory.see` returns for up to `chunk` frames at a time.
    """
    memory = Memory(model, blocks, silence=silence)
    yield from map(memory.see, frames.split(chunk))
