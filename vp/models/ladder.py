"""What every ladder network is: frames in, next frames out, with the recurrent state as an argument and a result.

frame -> features e1..          down: a frozen ResNet-18
         C1..C4                 across: three ConvGRUs and a convolution at each resolution
         decoder                up, joined by C4..C1 on its way
                                -> the next frame
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import BLOCKS, KERNELS, LadderConfig
from .convgru import Gates
from .encoder import Encoder
from .matching import composed
from .silence import Masks

# memory[block][kernel]: a ConvGRU's state [B, C, h, w], e.g. memory["C1"]["3x3"].
Memories = dict[str, dict[str, Tensor]]
# trace[block][kernel]: Gates of tensors [B, T, C, h, w].
Trace = dict[str, dict[str, Gates]]


def tree_map(change: Callable[..., Tensor], *trees):
    """`change` of tensors, or of those in the same place of dictionaries and named tuples of them; None stays None."""
    first = trees[0]
    if isinstance(first, dict):
        return {name: tree_map(change, *(tree[name] for tree in trees)) for name in first}
    if isinstance(first, tuple):
        return type(first)(*(tree_map(change, *alike) for alike in zip(*trees, strict=True)))
    return None if first is None else change(*trees)


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
        return replace(self, memory=tree_map(torch.zeros_like, self.memory))


class Origin(NamedTuple):
    """Where a prediction that is fed back was fetched from: the last real frame [B, 3, H, W] and the flow to it of all
    steps since [B, 2, H, W], in pixels."""

    frame: Tensor
    flow: Tensor


@dataclass(frozen=True)
class Observation:
    """What a network makes of N = T * B frames before its memories come in, time-major: all of it runs as one batch,
    with the numbers of stepping frame by frame.

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
        return Observation(**tree_map(change, vars(self)))


@dataclass(frozen=True)
class LadderOutput:
    """What a ladder makes of T frames; from `decode` [T * B, ...] in place of [B, T, ...], time-major.

    frames: [B, T, 3, H, W], not clipped; frames[:, t] is the prediction of the frame AFTER input t.
    state: after the last input frame. trace: states and gates of all twelve ConvGRUs at every step, if asked for.
    The rest is None or empty unless pixels are moved:
    flow: [B, T, 2, H, W] in pixels (x right, y down), from the new frame back to the last one.
    mask: [B, T, 1, H, W] in [0, 1], how much of each pixel is painted.
    levels: {block: [B, T, 2, h, w]}, the flow in pixels as it stands after that block, C4 first.
    stages: of `decode` alone, of any network: {"L4".."L1": the decoder blocks' outputs [T * B, C, h, w]}.
    """

    frames: Tensor
    state: State | None = None
    trace: Trace | None = None
    flow: Tensor | None = None
    mask: Tensor | None = None
    levels: dict[str, Tensor] = field(default_factory=dict)
    stages: dict[str, Tensor] = field(default_factory=dict)


class Ladder(nn.Module):
    """The common part of the ladder networks. `PaperLadder` and `MotionLadder` set `laterals`, {block: LateralBlock},
    and say what is observed of a frame (`observe`) and what becomes of the memories (`decode`)."""

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

    def decode(self, columns: dict[str, Tensor], seen: Observation, origin: Origin | None = None) -> LadderOutput:
        """From the lateral blocks' outputs {block: [N, C, h, w]} and the observation of the same N frames.

        origin: of predictions that are fed back, where pixels are moved.
        """
        raise NotImplementedError

    def forward(
        self,
        frames: Tensor,
        state: State | None = None,
        *,
        record: bool = False,
        silence: Masks | None = None,
        origin: Origin | None = None,
    ) -> LadderOutput:
        """Predict the frame after each of T frames.

        frames: [B, T, 3, H, W] in [0, 1]; H and W multiples of 32 (the configured size is what it was trained on).
        state: from an earlier call, to go on where it stopped; None starts empty.
        record: keep the states and gates of every step in `trace`.
        silence: {block: masks of what is silenced in it}, see `vp.models.silence`.
        origin: of a single frame that is a prediction, as `fed_back` gives it.
        """
        if frames.ndim != 5 or frames.shape[2] != 3 or not frames.shape[1]:
            raise ValueError(f"frames must be [B, T, 3, H, W], at least one of them, not {list(frames.shape)}")
        if frames.shape[3] % 32 or frames.shape[4] % 32:
            raise ValueError(f"height and width must be multiples of 32, not {frames.shape[3]}x{frames.shape[4]}")
        batch, steps = frames.shape[:2]
        # Time-major, so that the maps of one step lie together: [T * B, 3, H, W].
        flat = frames.transpose(0, 1).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        seen = self.observe(flat, state, batch=batch)
        columns, after, trace = self.remember(seen, state, batch=batch, record=record, silence=silence)
        out = replace(self.decode(columns, seen, origin), stages={})  # a rollout would keep them all
        batch_first = tree_map(lambda y: y.unflatten(0, (steps, batch)).transpose(0, 1), vars(out))
        return LadderOutput(**batch_first | {"state": after, "trace": trace})

    def remember(
        self, seen: Observation, state: State | None, *, batch: int, record: bool = False, silence: Masks | None = None
    ) -> tuple[dict[str, Tensor], State, Trace | None]:
        """The lateral blocks over all steps of an observation: {block: output [T * batch, C, h, w]}, state and trace.

        While real frames come in no block hears another, so only those that were observed run.
        """
        columns, memory, trace = {}, {}, {} if record else None
        for block, x in seen.inputs.items():
            lateral, mask, steps = self.laterals[block], (silence or {}).get(block), len(x) // batch
            read = lateral.gru_input(x, seen.evidence.get(block))
            before = dict.fromkeys(KERNELS) if state is None else state.memory[block]
            gates = {k: lateral.recur(k, read, before[k], steps=steps, silence=mask) for k in KERNELS}
            memory[block] = {k: made[-1].h for k, made in gates.items()}
            states = [torch.cat([g.h for g in made]) if steps > 1 else made[0].h for made in gates.values()]
            columns[block] = lateral.column(x, states, mask)
            if record:  # they are computed anyway: recording is only keeping them
                trace[block] = {k: tree_map(lambda *each: torch.stack(each, dim=1), *made) for k, made in gates.items()}
        keys = {block: key[-batch:] for block, key in seen.keys.items()}
        return columns, State(memory, seen.frames[-batch:] if keys else None, keys), trace

    def rollout(
        self, frames: Tensor, horizon: int, *, record: bool = False, silence: Masks | None = None
    ) -> LadderOutput:
        """See T frames [B, T, 3, H, W], then predict `horizon` more.

        The output after the last seen frame IS the first prediction; further ones are made from predictions fed
        back, clipped to [0, 1], without a gradient. Returns T + horizon - 1 steps: the last `horizon` of `.frames` are
        the predictions, the ones before are those made while seeing.
        """
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1, not {horizon}")
        return self.feed_back(self(frames, record=record, silence=silence), horizon, record=record, silence=silence)

    def feed_back(
        self, seen: LadderOutput, horizon: int, *, record: bool = False, silence: Masks | None = None
    ) -> LadderOutput:
        """Go on from what was made of the seen frames, whose last frame is the first prediction, to `horizon` of
        them; as `rollout`."""
        if horizon == 1:
            return seen
        outputs, origin = [seen], None
        for _ in range(horizon - 1):
            last = outputs[-1]
            origin = fed_back(last, origin)
            frame = last.frames[:, -1:].detach().clamp(0, 1)
            outputs.append(self(frame, last.state, record=record, silence=silence, origin=origin))
        along_time = tree_map(lambda *each: torch.cat(each, dim=1), *(vars(out) | {"state": None} for out in outputs))
        return LadderOutput(**along_time | {"state": outputs[-1].state})


def fed_back(out: LadderOutput, before: Origin | None) -> Origin | None:
    """The origin of an output's last prediction, which was made from a real frame (before: None) or from a prediction
    of that origin. None where nothing is moved. No gradient passes."""
    if out.flow is None:
        return None
    flow = out.flow[:, -1].detach()
    return Origin(out.state.frame, flow) if before is None else Origin(before.frame, composed(flow, before.flow))


def trained_parameters(model: Ladder) -> int:
    """Number of parameters that training changes: those outside the frozen encoder and the matchers' directions."""
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith(("encoder.", "matchers.")))
