"""The networks: what they are called, what they are for, and how they are made. All of them are bundled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .config import DESIGNS, LadderConfig


@dataclass(frozen=True)
class Network:
    """title, purpose: for people. paper: as the paper describes it."""

    title: str
    purpose: str
    paper: LadderConfig


# What is otherwise in our design. C1's and the decoder's maps are the largest, and take the time.
OURS = {"design": "motion", "gru_widths": (16, 32, 32, 32), "decoder_width": 128}
_SMALL = LadderConfig(height=64, width=96, seen=5)
NETWORKS = {
    # The Location-dependent Video Ladder Network, section 3, Fig. 1.
    "lvln": Network("L-VLN", "the largest frames", LadderConfig()),
    # Section 4.1: fed back for more.
    "one_frame": Network("One-frame", "trained on one frame ahead", _SMALL),
    # Section 4.2, Fig. 14: with fewer filters.
    "full_res": Network(
        "Full-res",
        "predicts at full resolution",
        replace(_SMALL, full_resolution=True, gru_widths=(16, 32, 64, 64)),
    ),
}
NAMES = tuple(NETWORKS)
DEFAULT = "one_frame"  # what a page shows first, and an endpoint runs where nobody says
# The paper's network at the size of `one_frame`, a third of its parameters, trained for 45 minutes.
PAPER = "paper_one_frame"
NETWORKS[PAPER] = Network("The paper's design", "paints every frame anew, to compare with", _SMALL)
ALL_NAMES = tuple(NETWORKS)  # what checkpoints may hold
TITLES = {name: network.title for name, network in NETWORKS.items()}


def preset(name: str, design: str = "paper", **changes: object) -> LadderConfig:
    """The configuration of one of the three networks.

    name: "lvln", "one_frame" or "full_res".
    design: "paper" for the paper's network with its filter counts, "motion" for ours.
    changes: fields of `LadderConfig` to set otherwise, e.g. seen=8.
    Raises KeyError for an unknown name or design.
    """
    if name not in NAMES:
        raise KeyError(f"no preset {name!r}; there are {', '.join(NAMES)}")
    if design not in DESIGNS:
        raise KeyError(f"no design {design!r}; there are {', '.join(DESIGNS)}")
    return replace(NETWORKS[name].paper, **{**(OURS if design == "motion" else {}), **changes})
