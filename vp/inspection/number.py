"""One number of a memory, followed through the arithmetic that made it: from its neighbours through the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import RequestError
from ..limits import is_whole
from ..models import BLOCKS, Ladder
from ..models.matching import RADIUS
from ..predictor import Predictor
from ..rollout import Rollout
from .index import filter_row


@dataclass(frozen=True)
class Sum:
    """One of the three sums behind a number, of I input channels and C filters under a kernel of k x k places.

    input_kernel: float32 [I, k, k]. state_kernel: [C, k, k]; that of the candidate is laid on `Number.reset_state`.
    from_inputs: [I] and from_states: [C], what each channel adds, its products with its kernel summed up.
    strongest_inputs, strongest_states: their numbers, those that add or take most first.
    total: bias + all of these. value: sigmoid(total) for a gate, tanh(total) for the candidate.
    """

    input_kernel: np.ndarray
    state_kernel: np.ndarray
    from_inputs: np.ndarray
    from_states: np.ndarray
    bias: float
    total: float
    value: float

    @property
    def strongest_inputs(self) -> np.ndarray:
        return np.argsort(-np.abs(self.from_inputs), kind="stable")

    @property
    def strongest_states(self) -> np.ndarray:
        return np.argsort(-np.abs(self.from_states), kind="stable")


@dataclass(frozen=True)
class Number:
    """The state of one filter at one step and place: after = (1 - z) before + z n.

    path: "C1.3x3.7". step: from 0. row, column: on the block's map.
    input: float32 [I, k, k], what the ConvGRU reads under its kernel; zero beyond the border of the map. names: [I],
        "e1.12" for a feature; with matches "read.3" for one of the mixtures of the features that are read beside them.
    state: [C, k, k], the states before the step there; reset_state: r . state. inside: bool [k, k], within the map.
    sums: {"z": update gate, "r": reset gate, "n": candidate}.
    before, after: the number at this place before and after the step, in [-1, 1].
    recorded: {"z", "r", "n", "h"}: the same as the rollout has them, rounded as the network rounds.
    field: (top, left, bottom, right) in pixels, bottom and right excluded: the part of the frame that the features
        under the kernel depend on. A match looks further, by where it found something.
    reach: (stride, low, high): that part, of any place, is from row * stride + low up to row * stride + high, and the
        same for columns, as far as the frame goes.
    displacements: float32 [h, w, 2], pixels to the right and down from each place of the block's map back to where its
        match was found in the frame before; None for a network that matches nothing.
    """

    path: str
    step: int
    row: int
    column: int
    input: np.ndarray
    names: tuple[str, ...]
    state: np.ndarray
    reset_state: np.ndarray
    inside: np.ndarray
    sums: dict[str, Sum]
    before: float
    after: float
    recorded: dict[str, float]
    field: tuple[int, int, int, int]
    reach: tuple[int, int, int]
    displacements: np.ndarray | None

    @property
    def displacement(self) -> tuple[float, float] | None:
        """(right, down) in pixels: that of this place."""
        return None if self.displacements is None else tuple(self.displacements[self.row, self.column].tolist())


def explain_number(
    predictor: Predictor, rollout: Rollout, block: str, kernel: str, filter: int, step: int, row: int, column: int
) -> Number:
    """How the network came to the state of a filter at a step and place of a rollout by trained or other weights.

    predictor: the one that made the rollout, with nothing silenced. What the ConvGRU reads and the state before are the
    network's own, in its precision; from there on everything is fp32. Raises RequestError for what is not there.
    """
    model = predictor.model
    filter_row(model.config.gru_widths, block, kernel, filter)  # refuses what is not there
    states = rollout.states.get(block, {}).get(kernel)
    if states is None:
        raise RequestError("This rollout has kept nothing of what went on inside: predict once more.")
    steps, filters, height, width = states.shape
    if filters != model.config.gru_widths[BLOCKS.index(block)]:
        raise RequestError("This rollout is of another network: predict once more.")
    for name, value, count in (("step", step, steps), ("row", row, height), ("column", column, width)):
        if not is_whole(value) or not 0 <= value < count:
            raise RequestError(f"The {name} must be a whole number from 0 to {count - 1}, not {value!r}.")
    lateral = model.laterals[block]
    gru = lateral.grus[kernel]
    reach = int(kernel[0]) // 2
    with torch.inference_mode():
        observed = model.observe(_read(rollout, step).to(predictor.device), batch=1, blocks=(block,))
        observed = observed.map(lambda x: x[-1:])
        read = lateral.gru_input(observed.inputs[block], observed.evidence.get(block)).float().cpu()
        before = torch.from_numpy(states[step - 1] if step else np.zeros_like(states[0]))[None].float()
        # The candidate reads r . h under its kernel, and each of these r has neighbours of its own.
        wide_x, wide_h = (_patch(x, row, column, 2 * reach) for x in (read, before))
        x, h, inside = (_patch(x, row, column, reach)[0] for x in (read, before, torch.ones_like(before[:, :1])))
        of_x, bias = gru.input.weight.float().cpu(), gru.input.bias.float().cpu()
        of_h = torch.cat([gru.gates.weight, gru.candidate.weight]).float().cpu()
        of_r = slice(filters, 2 * filters)
        r = torch.sigmoid(F.conv2d(wide_x, of_x[of_r], bias[of_r]) + F.conv2d(wide_h, of_h[of_r]))[0]
        reset = r * h  # beyond the border h is zero, as the padding of r . h is
        sums = {}
        for at, (name, squash) in enumerate({"z": torch.sigmoid, "r": torch.sigmoid, "n": torch.tanh}.items()):
            own = at * filters + filter
            sums[name] = _sum(of_x[own], of_h[own], x, reset if name == "n" else h, bias[own], squash)
    old = float(h[filter, reach, reach])
    z, n = sums["z"].value, sums["n"].value
    recorded = {name: float(rollout.activation(block, kernel, name)[step, filter, row, column]) for name in "zrnh"}
    return Number(
        path=f"{block}.{kernel}.{filter}",
        step=int(step),
        row=int(row),
        column=int(column),
        input=x.numpy(),
        names=_names(model, block, len(x)),
        state=h.numpy(),
        reset_state=reset.numpy(),
        inside=inside[0].numpy() > 0,
        sums=sums,
        before=old,
        after=(1 - z) * old + z * n,
        recorded=recorded,
        field=receptive_field(model, block, row, column, reach, rollout.seen_frames.shape[1:3]),
        reach=_reach(model, block, reach),
        displacements=_displacements(observed.displacement.get(block)),
    )


def receptive_field(
    model: Ladder, block: str, row: int, column: int, reach: int = 0, size: tuple[int, int] | None = None
) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) in pixels, bottom and right excluded: what the features that a block reads depend on,
    at a place of its map and up to `reach` places around it. size: (height, width) of the frame, default the
    network's."""
    stride, low, high = _reach(model, block, reach)
    (top, bottom), (left, right) = (
        (max(0, at * stride + low), min(side, at * stride + high))
        for at, side in zip((row, column), size or model.config.size, strict=True)
    )
    return top, left, bottom, right


def _reach(model: Ladder, block: str, reach: int) -> tuple[int, int, int]:
    """`Number.reach` with `reach` places around each."""
    total, low, high = 1, -reach, reach
    for kernel, stride, padding in reversed(_convolutions(model, block)):
        total, low, high = total * stride, low * stride - padding, high * stride - padding + kernel - 1
    return total, low, high + 1


def _convolutions(model: Ladder, block: str) -> list[tuple[int, int, int]]:
    """(kernel, stride, padding) of what lies between the frame and a block's features, first to last. The shortcuts of
    a residual block see less than what they go around."""
    encoder, depth = model.encoder, BLOCKS.index(block)
    if model.config.full_resolution:
        if not depth:  # a first convolution at every pixel, the paper's or the encoder's
            return [(7, 1, 3)]
        depth -= 1
    layers = [encoder.conv1]
    for stage in (encoder.layer1, encoder.layer2, encoder.layer3)[:depth]:
        layers += [encoder.maxpool] if stage is encoder.layer1 else []
        layers += [conv for residual in stage for conv in (residual.conv1, residual.conv2)]
    return [tuple(_one(value) for value in (m.kernel_size, m.stride, m.padding)) for m in layers]


def _one(value: int | tuple[int, int]) -> int:
    return value if isinstance(value, int) else value[0]


def _read(rollout: Rollout, step: int) -> Tensor:
    """The frame that a step reads, behind the one before it if there is one: [1 or 2, 3, H, W]."""
    frames = np.concatenate([rollout.seen_frames, rollout.predictions])[max(0, step - 1) : step + 1]
    return torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _patch(maps: Tensor, row: int, column: int, reach: int) -> Tensor:
    """[1, C, h, w] -> [1, C, 2 reach + 1, 2 reach + 1] around a place, zero beyond the border."""
    side = 2 * reach + 1
    return F.pad(maps, (reach,) * 4)[..., row : row + side, column : column + side]


def _sum(of_x: Tensor, of_h: Tensor, x: Tensor, h: Tensor, bias: Tensor, squash: object) -> Sum:
    from_x, from_h = (of_x * x).sum((1, 2)), (of_h * h).sum((1, 2))
    total = bias + from_x.sum() + from_h.sum()
    arrays = (tensor.numpy() for tensor in (of_x, of_h, from_x, from_h))
    return Sum(*arrays, float(bias), float(total), float(squash(total)))


def _names(model: Ladder, block: str, count: int) -> tuple[str, ...]:
    """What the channels are that a block's ConvGRUs read."""
    if not isinstance(model.laterals[block].read, nn.Identity):
        side = range(-RADIUS, RADIUS + 1)
        match = [f"match ({x}, {y})" for y in side for x in side]
        match += ["residual x", "residual y", "peak", "texture", "displacement x", "displacement y"]
        return tuple([f"read.{k}" for k in range(count - len(match))] + match)
    taps = ("stem", "e1", "e2", "e3") if model.config.full_resolution else ("e1", "e2", "e3", "e4")
    return tuple(f"{taps[BLOCKS.index(block)]}.{k}" for k in range(count))


def _displacements(found: Tensor | None) -> np.ndarray | None:
    return None if found is None else found[0].float().permute(1, 2, 0).cpu().numpy()
