"""UCF101 (Soomro et al. 2012): where its clips are found, what the name of one says, and which are for the test."""

from __future__ import annotations

import re
from typing import NamedTuple

# A dataset on the Hugging Face Hub that holds a part of the clips as single files, at a fixed revision; opened as any
# other, by `vp.clips.hub_dataset`.
ON_THE_HUB = "hf://datasets/bitmind/UCF101-Videos@b6cdcff7436de912f7fb8d8d21105ba4167b71a3"
# The groups that each split keeps for the test. The networks were trained on the others of split 1.
TEST_GROUPS = {1: range(1, 8), 2: range(8, 15), 3: range(15, 22)}

_NAME = re.compile(r"v_(?P<label>.+)_g(?P<group>\d\d)_c(?P<clip>\d\d)", re.IGNORECASE)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ClipName(NamedTuple):
    """What `v_ApplyLipstick_g01_c02` says."""

    label: str  # class, "ApplyLipstick"
    group: int  # clips of one group are cut from one video
    title: str  # for people, "Apply Lipstick g01 c02"


def read_name(stem: str) -> ClipName | None:
    """What the name of a clip without its type says, None for a name that is not of UCF101."""
    name = _NAME.fullmatch(stem)
    if name is None:
        return None
    label, group, clip = name.groups()
    return ClipName(label, int(group), f"{spaced(label)} g{group} c{clip}")


def spaced(label: str) -> str:
    """The name of a class in words: "Apply Lipstick" for "ApplyLipstick"."""
    return _WORD_START.sub(" ", label)
