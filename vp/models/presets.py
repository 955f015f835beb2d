"""The paper's three networks, as configurations of one ladder.

| name        | frame   | seen | what                                                              |
|-------------|---------|------|-------------------------------------------------------------------|
| `lvln`      | 128x160 | 3    | the Location-dependent Video Ladder Network, section 3, Fig. 1    |
| `one_frame` | 64x96   | 5    | the same, trained on one frame ahead, fed back for more, 4.1      |
| `full_res`  | 64x96   | 5    | predicts at full resolution with fewer filters, 4.2, Fig. 14      |
"""

from __future__ import annotations

from dataclasses import replace

from .config import DESIGNS, LadderConfig

_PAPER = {
    "lvln": LadderConfig(),
    "one_frame": LadderConfig(height=64, width=96, seen=5),
    "full_res": LadderConfig(height=64, width=96, seen=5, full_resolution=True, gru_widths=(16, 32, 64, 64)),
}
_MOTION = {
    "lvln": {"gru_widths": (32, 32, 32, 32)},
    "one_frame": {"gru_widths": (32, 32, 32, 32)},
    "full_res": {"gru_widths": (16, 32, 32, 32)},
}

NAMES = tuple(_PAPER)
# The paper's network at the size of `one_frame`, a third of its parameters, trained for 45 minutes: to compare with.
PAPER = "paper_one_frame"
ALL_NAMES = (*NAMES, PAPER)  # what checkpoints may hold
TITLES = {"lvln": "L-VLN", "one_frame": "One-frame", "full_res": "Full-res", PAPER: "The paper's design"}


def preset(name: str, design: str = "paper", **changes: object) -> LadderConfig:
    """The configuration of one of the three networks.

    name: "lvln", "one_frame" or "full_res".
    design: "paper" for the paper's network with its filter counts, "motion" for ours.
    changes: fields of `LadderConfig` to set otherwise, e.g. seen=8.
    Raises KeyError for an unknown name or design.
    """
    if name not in _PAPER:
        raise KeyError(f"no preset {name!r}; there are {', '.join(NAMES)}")
    if design not in DESIGNS:
        raise KeyError(f"no design {design!r}; there are {', '.join(DESIGNS)}")
    ours = {"design": "motion", "decoder_width": 256, **_MOTION[name]} if design == "motion" else {}
    return replace(_PAPER[name], **{**ours, **changes})
