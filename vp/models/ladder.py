"""What every ladder network is: frames in, next frames out, with the recurrent state as an argument and a result.

    frame -> features e1..          down: a frozen ResNet-18
             C1..C4                 across: three ConvGRUs and a convolution at each resolution
             decoder                up, joined by C4..C1 on its way
                                    -> the next frame

`PaperLadder` and `MotionLadder` say what is observed of a frame (`observe`) and what becomes of the memories
(`decode`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor, nn

from .config import BLOCKS, KERNELS, LadderConfig
from .convgru import Gates
from .encoder import Encoder
from .silence import Mask

# memory[block][kernel]: a ConvGRU's state [B, C, h, w], e.g. memory["C1"]["3x3"].
Memories = dict[str, dict[str, Tensor]]
# trace[block][kernel]: Gates of tensors [B, T, C, h, w].
Trace = dict[str, dict[str, Gates]]


@dataclass(frozen=True)
class State:
    """All that a network keeps between two frames.

    memory: the ConvGRUs' states. frame: the last frame [B, 3, H, W] and keys: {block: what the next frame's features
    are compared with}; empty where nothing is matched (the paper's network).
    """

    memory: Memories
    frame: Tensor | None = None
    keys: dict[str, Tensor] = field(default_factory=dict)

    def wiped(self) -> State:
        """The same with every memory at zero, as it is before the first frame."""
        return replace(self, memory={b: {k: torch.zeros_like(h) for k, h in m.items()} for b, m in self.memory.items()})


@dataclass(frozen=True)
class Observation:
    """What a network makes of N = T * B frames before its memories come in, time-major: all of it runs as one batch.

    frames: [N, 3, H, W] in [0, 1]. inputs: {block: the features that it reads [N, C, h, w]}.
    deepest: [N, 512, H / 32, W / 32], the decoder's own input (paper).
    Where features are matched: before: the frame before each [N, 3, H, W]; evidence: {block: what its ConvGRUs read of
    the match}; displacement: {block: what was found in the end, [N, 2, h, w] in pixels, x right, y down, from the frame
    back to the one before}; keys: {block: [N, KEY, h, w]}.
    """

    frames: Tensor
    inputs: dict[str, Tensor]
    deepest: Tensor | None = None
    before: Tensor | None = None
    evidence: dict[str, Tensor] = field(default_factory=dict)
    displacement: dict[str, Tensor] = field(default_factory=dict)
    keys: dict[str, Tensor] = field(default_factory=dict)

    def map(self, change: Callable[[Tensor], Tensor]) -> Observation:
        """Every tensor changed along its first axis alike, e.g. `o.map(lambda x: x[-1:])` for the last frame."""

        def apply(value: Tensor | dict[str, Tensor] | None):
            if isinstance(value, dict):
                return {name: change(x) for name, x in value.items()}
            return None if value is None else change(value)

        return Observation(**{f.name: apply(getattr(self, f.name)) for f in fields(self)})


@dataclass(frozen=True)
class Decoded:
    """What the decoder makes of N steps.

    frame: the next frames [N, 3, H, W], not clipped. The rest is None or empty unless pixels are moved:
    flow: [N, 2, H, W] in pixels (x right, y down), from the new frame back to the last one.
    mask: [N, 1, H, W] in [0, 1], how much of each pixel is painted.
    levels: {block: [N, 2, h, w]}, the flow in pixels as it stands after that block, C4 first.
    stages: {"L4".."L1": the decoder blocks' outputs [N, C, h, w]}.
    """

    frame: Tensor
    flow: Tensor | None = None
    mask: Tensor | None = None
    levels: dict[str, Tensor] = field(default_factory=dict)
    stages: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class LadderOutput:
    """What a ladder makes of T frames.

    frames: [B, T, 3, H, W], not clipped; frames[:, t] is the prediction of the frame AFTER input t.
    state: after the last input frame.
    trace: states and gates of all twelve ConvGRUs at every step, if asked for.
    flow [B, T, 2, H, W], mask [B, T, 1, H, W] and levels {block: [B, T, 2, h, w]}: as in `Decoded`.
    """

    frames: Tensor
    state: State
    trace: Trace | None = None
    flow: Tensor | None = None
    mask: Tensor | None = None
    levels: dict[str, Tensor] = field(default_factory=dict)


class Ladder(nn.Module):
    """The common part of the ladder networks. Subclasses set `laterals` and say what they observe and decode."""

    laterals: nn.ModuleDict

    def __init__(self, config: LadderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder()

    def observe(
        self, frames: Tensor, state: State | None = None, *, batch: int, blocks: Sequence[str] = BLOCKS
    ) -> Observation:
        """All that does not depend on memories, for frames [T * batch, 3, H, W] in [0, 1], time-major, after `state`.

        blocks: the ones whose inputs are wanted; nothing deeper is computed, and nothing for the decoder unless all
        are.
        """
        raise NotImplementedError

    def decode(self, columns: dict[str, Tensor], seen: Observation) -> Decoded:
        """From the lateral blocks' outputs {block: [N, C, h, w]} and the observation of the same N frames."""
        raise NotImplementedError

    def moved(self, seen: Observation, states: Memories) -> dict[str, Tensor]:
        """What the memories make of what was matched: {block: [N, 2, h, w] in pixels (x right, y down), of the blocks
        of `states`}, maps [N, C, h, w] by block and kernel at N steps; empty where nothing is matched."""
        return {}

    def forward(
        self,
        frames: Tensor,
        state: State | None = None,
        *,
        record: bool = False,
        silence: dict[str, Mask] | None = None,
    ) -> LadderOutput:
        """Predict the frame after each of T frames.

        frames: [B, T, 3, H, W] in [0, 1]; H and W multiples of 32 (the configured size is what it was trained on).
        state: from an earlier call, to go on where it stopped; None starts empty.
        record: keep the states and gates of every step in `trace`.
        silence: {block: masks of what is silenced in it}, see `vp.models.silence`.

        Everything but the hidden recurrence runs over all T steps as one batch; the numbers are the same as
        when stepping frame by frame.
        """
        if frames.ndim != 5 or frames.shape[2] != 3:
            raise ValueError(f"frames must be [B, T, 3, H, W], not {list(frames.shape)}")
        if frames.shape[1] < 1:
            raise ValueError("at least one frame is needed")
        if frames.shape[3] % 32 or frames.shape[4] % 32:
            raise ValueError(f"height and width must be multiples of 32, not {frames.shape[3]}x{frames.shape[4]}")
        batch, steps = frames.shape[:2]
        # Time-major, so that the maps of one step lie together: [T * B, 3, H, W].
        flat = frames.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        seen = self.observe(flat, state, batch=batch)
        columns, after, trace = self.remember(seen, state, batch=batch, record=record, silence=silence)
        out = self.decode(columns, seen)

        def batch_first(y: Tensor | None) -> Tensor | None:
            return None if y is None else y.unflatten(0, (steps, batch)).transpose(0, 1)

        levels = {block: batch_first(flow) for block, flow in out.levels.items()}
        return LadderOutput(batch_first(out.frame), after, trace, batch_first(out.flow), batch_first(out.mask), levels)

    def remember(
        self,
        seen: Observation,
        state: State | None,
        *,
        batch: int,
        record: bool = False,
        silence: dict[str, Mask] | None = None,
    ) -> tuple[dict[str, Tensor], State, Trace | None]:
        """The lateral blocks over all steps of an observation: {block: output [T * batch, C, h, w]}, state and trace.

        An output holds the channels of the block's convolution, then those of its ConvGRUs in the order of KERNELS.
        While real frames come in no block hears another, so only those that were observed run.
        """
        columns, memory, trace = {}, {}, {} if record else None
        for block, x in seen.inputs.items():
            lateral = self.laterals[block]
            before = None if state is None else state.memory[block]
            columns[block], memory[block], gates = lateral(
                x, before, steps=len(x) // batch, silence=(silence or {}).get(block), evidence=seen.evidence.get(block)
            )
            if record:
                trace[block] = {
                    kernel: Gates(*(torch.stack(quantity, dim=1) for quantity in zip(*gates[kernel], strict=True)))
                    for kernel in KERNELS
                }
        keys = {block: key[-batch:] for block, key in seen.keys.items()}
        return columns, State(memory, seen.frames[-batch:] if keys else None, keys), trace

    def rollout(
        self, frames: Tensor, horizon: int, *, record: bool = False, silence: dict[str, Mask] | None = None
    ) -> LadderOutput:
        """See T frames [B, T, 3, H, W], then predict `horizon` more.

        The output after the last seen frame IS the first prediction; further ones are made from predictions fed
        back, clipped to [0, 1]. Returns T + horizon - 1 steps: the last `horizon` of `.frames` are the
        predictions, the ones before are those made while seeing.
        """
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1, not {horizon}")
        return self.feed_back(self(frames, record=record, silence=silence), horizon, record=record, silence=silence)

    def feed_back(
        self, seen: LadderOutput, horizon: int, *, record: bool = False, silence: dict[str, Mask] | None = None
    ) -> LadderOutput:
        """Go on from what was made of the seen frames, whose last frame is the first prediction, to `horizon` of
        them; as `rollout`."""
        outputs = [seen]
        for _ in range(horizon - 1):
            last = outputs[-1].frames[:, -1:].clamp(0, 1)
            outputs.append(self(last, outputs[-1].state, record=record, silence=silence))
        return join(outputs)


def join(outputs: list[LadderOutput]) -> LadderOutput:
    """Consecutive outputs as one, along time."""
    if len(outputs) == 1:
        return outputs[0]

    def cat(parts: list):
        first = parts[0]
        if isinstance(first, dict):
            return {name: cat([part[name] for part in parts]) for name in first}
        if isinstance(first, Gates):
            return Gates(*(cat(list(quantity)) for quantity in zip(*parts, strict=True)))
        return None if first is None else torch.cat(parts, dim=1)

    names = [f.name for f in fields(LadderOutput) if f.name != "state"]
    return LadderOutput(state=outputs[-1].state, **{name: cat([getattr(o, name) for o in outputs]) for name in names})


def trained_parameters(model: Ladder) -> int:
    """Number of parameters that training changes: those outside the frozen encoder and the matchers' directions."""
    fixed = ("encoder.", "matchers.")
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith(fixed))
