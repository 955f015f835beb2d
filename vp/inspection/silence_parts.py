"""A prediction again, with parts of the network silenced."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..errors import RequestError
from ..models import BLOCKS, KERNELS, Ladder, LadderOutput, State
from ..models.silence import Masks
from ..predictor import Predictor, pictures
from ..rollout import Rollout


def silence_parts(predictor: Predictor, untouched: Rollout, parts: Sequence[str]) -> Rollout:
    """The predictions of a rollout without some parts of the network, e.g. ["C2.5x5", "C4.skip", "C1.3x3.7"].

    untouched: a run of the same network, with its states. The result has the predictions and their scores; of what
    went on inside and before (`states`, `gates`, `one_step`, `flow`, `mask`) it keeps nothing. Predictions are those
    of `Predictor.run(silence=parts)`, to rounding, in half the time: while real frames come in no ConvGRU hears
    another, so only those that lose some of their filters are run again. Raises RequestError for a part that the
    network does not have.
    """
    masks = predictor.masks(parts)
    if masks is None:
        raise RequestError("Name at least one part of the network to silence.")
    model, start = predictor.model, time.perf_counter()
    with torch.inference_mode():
        seen = torch.from_numpy(untouched.seen_frames).permute(0, 3, 1, 2).to(predictor.device)
        first = _see(model, seen.contiguous(memory_format=torch.channels_last), untouched, masks)
        out = model.feed_back(first, untouched.horizon, silence=masks)
        predictions = pictures(out.frames[0].clamp(0, 1))
    nothing: dict = {
        "states": {},
        "gates": {},
        "one_step": untouched.one_step[:0],
        "flow": None,
        "mask": None,
        "levels": {},
    }
    return replace(untouched, predictions=predictions, seconds=time.perf_counter() - start, **nothing)


def _see(model: Ladder, seen: Tensor, untouched: Rollout, masks: Masks) -> LadderOutput:
    """The first prediction, with the state and the flow that it was made with."""
    # Only a ConvGRU that loses some filters but not all has a past of its own: the others' is known.
    again = any(_partly(mask[kernel]) for mask in masks.values() for kernel in KERNELS)
    steps = len(seen) if again else min(2, len(seen))  # two: a frame is matched with the one before it
    shown = model.observe(seen[-steps:], batch=1)
    last = shown.map(lambda x: x[-1:])
    columns, memory = {}, {}
    for block in BLOCKS:
        lateral, mask = model.laterals[block], masks.get(block)
        read, memory[block] = None, {}
        for kernel in KERNELS:
            if mask is not None and _partly(mask[kernel]):
                read = lateral.gru_input(shown.inputs[block], shown.evidence.get(block)) if read is None else read
                memory[block][kernel] = lateral.recur(kernel, read, None, steps=steps, silence=mask)[-1].h
            else:
                state = _last_state(untouched, block, kernel).to(last.inputs[block])
                memory[block][kernel] = state if mask is None else state * mask[kernel]
        columns[block] = lateral.column(last.inputs[block], list(memory[block].values()), mask)
    made, state = model.decode(columns, last), State(memory, last.frames if last.keys else None, last.keys)
    return LadderOutput(made.frames[:, None], state, flow=None if made.flow is None else made.flow[:, None])


def _partly(mask: Tensor) -> bool:
    return bool(mask.any()) and not bool(mask.all())


def _last_state(rollout: Rollout, block: str, kernel: str) -> Tensor:
    """After the last seen frame: [1, C, h, w]."""
    state = np.ascontiguousarray(rollout.states[block][kernel][rollout.seen - 1])
    return torch.from_numpy(state)[None].contiguous(memory_format=torch.channels_last)
