"""A rollout as one .npz file, for notebooks.

    data = numpy.load("rollout.npz")

| key | type | shape | what |
|---|---|---|---|
| seen_frames | uint8 | [seen, h, w, 3] | what the network was shown |
| predictions, truth | uint8 | [horizon, h, w, 3] | truth may be shorter: the clip may end |
| one_step | uint8 | [seen - 1, h, w, 3] | what it predicted for seen frames 2, 3, ... |
| state/C1/3x3 ... state/C4/7x7 | float16 | [steps, filters, mh, mw] | ConvGRU states h in [-1, 1] |
| update/..., reset/..., candidate/... | float16 | the same | gates z and r in [0, 1], candidate n in [-1, 1] |
| flow | float16 | [steps, h, w, 2] | pixels, right and down, from a new frame back to the last (where pixels move) |
| flow/C4 ... flow/C1 | float16 | [steps, mh, mw, 2] | the same, still in pixels, as it stands after that block |
| mask | float16 | [steps, h, w] | share painted rather than moved (where pixels move) |
| scores/psnr ... | float64 | [up to horizon] | psnr, ssim, copy_last_psnr, copy_last_ssim |
| about | str | | JSON: model, seen, horizon, steps and what the caller added |

steps = seen + horizon - 1; step t reads frame t and predicts frame t + 1.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .render import to_uint8
from .rollout import Rollout

GATES = {"z": "update", "r": "reset", "n": "candidate"}


def save_npz(rollout: Rollout, path: str | Path, **about: object) -> Path:
    """Write a rollout, compressed. about: further JSON values to note, such as the clip's name."""
    arrays = {
        "seen_frames": to_uint8(rollout.seen_frames),
        "predictions": to_uint8(rollout.predictions),
        "truth": to_uint8(rollout.truth),
        "one_step": to_uint8(rollout.one_step),
    }
    for block, kernels in rollout.states.items():
        for kernel, state in kernels.items():
            arrays[f"state/{block}/{kernel}"] = state.astype(np.float16)
            for gate, name in GATES.items():
                arrays[f"{name}/{block}/{kernel}"] = rollout.gates[block][kernel][gate].astype(np.float16)
    for name in ("flow", "mask"):
        if (values := getattr(rollout, name)) is not None:
            arrays[name] = values.astype(np.float16)
    arrays |= {f"flow/{block}": flow.astype(np.float16) for block, flow in rollout.levels.items()}
    arrays |= {f"scores/{name}": np.array(values, dtype=float) for name, values in rollout.scores.items()}
    own = {"model": rollout.model, "seen": rollout.seen, "horizon": rollout.horizon, "steps": rollout.steps}
    np.savez_compressed(path, about=np.array(json.dumps(about | own)), **arrays)
    return Path(path)
