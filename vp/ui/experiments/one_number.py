"""One number of a memory with its arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..payload import packed_motion, short
from ..registry import FILTER, Answer, Argument, Subject, experiment

if TYPE_CHECKING:
    from vp.inspection import Number, Sum

STRONGEST = 5  # channels of a sum that are shown, of the input and of the state


@experiment(
    order=9,
    window=("seen", "horizon"),
    arguments=(
        *FILTER,
        Argument("step", 4, "from 0 to seen + horizon - 2; step t is after frame t was read"),
        Argument("row", 16, "of the map of the block, from 0"),
        Argument("column", 24, "of the map of the block, from 0"),
    ),
    file="one_number.npz",
    quick=True,
)
def one_number(on: Subject, block: str, kernel: str, filter: int, step: int, row: int, column: int) -> Answer:
    """Follow one number of a memory through the arithmetic of the ConvGRU that made it: what its kernels saw, their
    sums, the gates z and r, the candidate n, and the new state (1 - z) h + z n.

    Returns:
        An .npz with all that is summed up: input, state and reset_state [channels, k, k] under the kernel, for each of
        z, r and n the kernels and what each channel adds, and names, of the channels of the input. And a JSON object
        with model, part, step, row, column, before and after (the state), sums (for z, r and n: bias, total, value, and
        inputs and states: total, channels, and the strongest of these, each with name, adds, patch and kernel; the
        candidate reads the states times their reset gates), recorded (the same numbers as the network had them, in its
        precision), inside (which places under the kernel lie within the map), field (top, left, bottom and right of the
        part of the frame that it looks at, in pixels) and displacement (pixels right and down, from there back to where
        its match was found in the frame before; null for a network that matches nothing).
    """
    number = on.explorer.explain(on.rollout, block, kernel, filter, step=step, row=row, column=column)

    def drawing() -> dict:
        """What the page needs for other places of the map. reach: see `Number`. motion: where things went since the
        frame before, at each place of the map, see `packed_motion`; None for a network that matches nothing."""
        motion = None if number.displacements is None else packed_motion(-number.displacements[None])
        return {"reach": list(number.reach), "motion": motion}

    arrays = {"names": np.array(number.names), "input": number.input, "state": number.state}
    arrays["reset_state"] = number.reset_state
    for name, terms in number.sums.items():
        for part in ("input_kernel", "state_kernel", "from_inputs", "from_states"):
            arrays[f"{part}_{name}"] = getattr(terms, part)
    return Answer(
        {"model": on.rollout.model} | _numbers(number), drawing, lambda path: np.savez_compressed(path, **arrays)
    )


def _numbers(number: Number) -> dict:
    """The JSON object, but for its model."""
    states = [f"{number.path.rpartition('.')[0]}.{channel}" for channel in range(len(number.state))]

    def described(name: str, terms: Sum) -> dict:
        state = number.reset_state if name == "n" else number.state
        sides = {
            "inputs": (number.names, number.input, terms.input_kernel, terms.from_inputs, terms.strongest_inputs),
            "states": (states, state, terms.state_kernel, terms.from_states, terms.strongest_states),
        }
        return {
            "bias": terms.bias,
            "total": terms.total,
            "value": terms.value,
            **{
                side: {
                    "total": float(adds.sum()),
                    "channels": len(adds),
                    "strongest": [
                        {
                            "name": names[channel],
                            "adds": float(adds[channel]),
                            "patch": short(patches[channel]),
                            "kernel": short(kernels[channel]),
                        }
                        for channel in map(int, order[:STRONGEST])
                    ],
                }
                for side, (names, patches, kernels, adds, order) in sides.items()
            },
        }

    return {
        "part": number.path,
        "step": number.step,
        "row": number.row,
        "column": number.column,
        "sums": {name: described(name, terms) for name, terms in number.sums.items()},
        "before": number.before,
        "after": number.after,
        "recorded": number.recorded,
        "inside": number.inside.tolist(),
        "field": list(number.field),
        "displacement": None if number.displacement is None else list(number.displacement),
    }
