"""The Location-dependent Video Ladder Network (paper section 3, Fig. 1 and 14).

    frame -> encoder e1..e5      down: a frozen ResNet-18
             C1..C4              across: three ConvGRUs and a convolution at each resolution
             L4..L1              up: pixel-shuffle decoder, joined by C4..C1 on its way
             head                -> the next frame

The recurrent state is an argument and a result, never hidden in the module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import BLOCKS, KERNELS, LadderConfig
from .convgru import Gates
from .decoder import DecoderBlock
from .encoder import TAPS, Encoder
from .heads import Head, HeadOutput
from .lateral import LateralBlock
from .silence import Kept

# Which taps of the encoder `Ladder.features` gives, without and with full resolution.
TAPS_READ = {False: ("e1", "e2", "e3", "e4", "e5"), True: ("stem", "e1", "e2", "e3", "e5")}
# state[block][kernel]: [B, C, h, w], e.g. state["C1"]["3x3"].
State = dict[str, dict[str, Tensor]]
# trace[block][kernel]: Gates of tensors [B, T, C, h, w].
Trace = dict[str, dict[str, Gates]]


@dataclass
class LadderOutput:
    """What a ladder makes of T frames.

    frames: [B, T, 3, H, W], not clipped; frames[:, t] is the prediction of the frame AFTER input t.
    state: after the last input frame.
    trace: states and gates of all twelve ConvGRUs at every step, if asked for.
    flow [B, T, 2, H, W] in pixels and mask [B, T, 1, H, W] in [0, 1]: warp heads only.
    """

    frames: Tensor
    state: State
    trace: Trace | None = None
    flow: Tensor | None = None
    mask: Tensor | None = None


class Ladder(nn.Module):
    """A ladder network with its encoder. See `LadderConfig` for the variants."""

    def __init__(self, config: LadderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder()
        if config.full_resolution:
            # Paper Fig. 14: a new convolution of the frame feeds C1 at stride 1.
            self.stem = nn.Conv2d(3, TAPS[0], 7, padding=3)
            inputs = (TAPS[0], *TAPS[:3])
        else:
            self.stem = None
            inputs = TAPS[:4]
        self.laterals = nn.ModuleDict(
            {
                block: LateralBlock(
                    inputs=channels,
                    width=width,
                    location_size=config.map_size(block) if location else None,
                    # The stem of a full-resolution ladder is trained along: its scale is its own business.
                    standardise=config.standardise and not (config.full_resolution and block == "C1"),
                )
                for block, channels, width, location in zip(
                    BLOCKS, inputs, config.gru_widths, config.location, strict=True
                )
            }
        )
        c = [4 * width for width in config.gru_widths]
        m = config.lateral_width
        # L4 bridges from the encoder's last tap to C4: one octave, or two at full resolution.
        ladder = {"L4": (TAPS[4], 4 if config.full_resolution else 2)}
        ladder |= {"L3": (c[3] + m, 2), "L2": (c[2] + m, 2), "L1": (c[1] + m, 2)}
        self.decoder = nn.ModuleDict(
            {
                name: DecoderBlock(
                    inputs=channels,
                    width=config.decoder_width,
                    outputs=m,
                    factor=factor,
                    norm=config.norm,
                    activation=config.activation,
                )
                for name, (channels, factor) in ladder.items()
            }
        )
        self.head = Head(config, c[0] + m)

    def forward(
        self,
        frames: Tensor,
        state: State | None = None,
        *,
        record: bool = False,
        kept: dict[str, Kept] | None = None,
    ) -> LadderOutput:
        """Predict the frame after each of T frames.

        frames: [B, T, 3, H, W] in [0, 1]; H and W multiples of 32 (the configured size is what it was trained on).
        state: from an earlier call, to go on where it stopped; None starts empty.
        record: keep the states and gates of every step in `trace`.
        kept: {block: what is not silenced in it}, see `vp.models.silence`.

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
        return self.forward_features(
            flat, self.features(flat), state, batch=batch, steps=steps, record=record, kept=kept
        )

    def features(self, flat: Tensor, count: int = 5) -> list[Tensor]:
        """Frames [N, 3, H, W] in [0, 1] -> the inputs of C1 to C4 and of L4, or the first `count` of them."""
        if self.stem is None:
            return self.encoder(flat, count)
        # At full resolution each block reads one tap earlier, L4 the deepest all the same.
        taps = self.encoder(flat, count if count == 5 else count - 1)
        return [self.stem(self.encoder.normalise(flat)), *taps[:3], *taps[4:]]

    def forward_features(
        self,
        flat: Tensor,
        features: list[Tensor],
        state: State | None,
        *,
        batch: int,
        steps: int,
        record: bool,
        kept: dict[str, Kept] | None = None,
    ) -> LadderOutput:
        """`forward` from features already computed: flat [steps * batch, 3, H, W], time-major."""
        columns, after, trace = self.remember(features, state, batch=batch, steps=steps, record=record, kept=kept)
        out = self.decode(columns, features[4], flat)

        def batch_first(y: Tensor | None) -> Tensor | None:
            return None if y is None else y.unflatten(0, (steps, batch)).transpose(0, 1)

        return LadderOutput(batch_first(out.frame), after, trace, batch_first(out.flow), batch_first(out.mask))

    def remember(
        self,
        features: list[Tensor],
        state: State | None,
        *,
        batch: int,
        steps: int,
        record: bool = False,
        kept: dict[str, Kept] | None = None,
        blocks: Sequence[str] = BLOCKS,
    ) -> tuple[dict[str, Tensor], State, Trace | None]:
        """The lateral blocks over all steps: {block: output [steps * batch, C, h, w]}, state and trace.

        An output holds the channels of the block's convolution, then those of its ConvGRUs in the order of KERNELS.
        blocks: the ones to run; while real frames come in none of them hears another. `features` may end with the
        input of the last of them.
        """
        columns, after, trace = {}, {}, {} if record else None
        for block in blocks:
            x = features[BLOCKS.index(block)]
            lateral = self.laterals[block]
            before = state[block] if state is not None else lateral.initial_state(x, batch)
            columns[block], after[block], gates = lateral(x, before, steps=steps, kept=(kept or {}).get(block))
            if record:
                trace[block] = {
                    kernel: Gates(*(torch.stack(quantity, dim=1) for quantity in zip(*gates[kernel], strict=True)))
                    for kernel in KERNELS
                }
        return columns, after, trace

    def decode(self, columns: dict[str, Tensor], deepest: Tensor, flat: Tensor) -> HeadOutput:
        """From the lateral blocks' outputs, the deepest features and the frames [N, 3, H, W] to the next frames."""
        x = self.decoder["L4"](deepest)
        for name, block in (("L3", "C4"), ("L2", "C3"), ("L1", "C2")):
            x = self.decoder[name](torch.cat([columns[block], x], dim=1))
        return self.head(torch.cat([columns["C1"], x], dim=1), flat)

    def step(self, frame: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One frame [B, 3, H, W] in [0, 1] -> (the next frame, not clipped; the state after it)."""
        out = self(frame.unsqueeze(1), state)
        return out.frames[:, 0], out.state

    def rollout(
        self, frames: Tensor, horizon: int, *, record: bool = False, kept: dict[str, Kept] | None = None
    ) -> LadderOutput:
        """See T frames [B, T, 3, H, W], then predict `horizon` more.

        The output after the last seen frame IS the first prediction; further ones are made from predictions fed
        back, clipped to [0, 1]. Returns T + horizon - 1 steps: the last `horizon` of `.frames` are the
        predictions, the ones before are those made while seeing.
        """
        if horizon < 1:
            raise ValueError(f"horizon must be at least 1, not {horizon}")
        return self.feed_back(self(frames, record=record, kept=kept), horizon, record=record, kept=kept)

    def feed_back(
        self, seen: LadderOutput, horizon: int, *, record: bool = False, kept: dict[str, Kept] | None = None
    ) -> LadderOutput:
        """Go on from what was made of the seen frames, whose last frame is the first prediction, to `horizon` of
        them; as `rollout`."""
        outputs = [seen]
        for _ in range(horizon - 1):
            last = outputs[-1].frames[:, -1:].clamp(0, 1)
            outputs.append(self(last, outputs[-1].state, record=record, kept=kept))
        return join(outputs)


def join(outputs: list[LadderOutput]) -> LadderOutput:
    """Consecutive outputs as one, along time."""
    if len(outputs) == 1:
        return outputs[0]

    def cat(parts: list[Tensor | None]) -> Tensor | None:
        return None if parts[0] is None else torch.cat(parts, dim=1)

    trace = None
    if outputs[0].trace is not None:
        trace = {
            block: {
                kernel: Gates(*map(torch.cat, zip(*(o.trace[block][kernel] for o in outputs), strict=True), [1] * 4))
                for kernel in KERNELS
            }
            for block in BLOCKS
        }
    return LadderOutput(
        cat([o.frames for o in outputs]),
        outputs[-1].state,
        trace,
        cat([o.flow for o in outputs]),
        cat([o.mask for o in outputs]),
    )


def trained_parameters(model: Ladder) -> int:
    """Number of parameters outside the frozen encoder."""
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith("encoder."))
