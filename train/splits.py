"""The official UCF101 splits: which clip is for training and which for test (Soomro et al. 2012).

Clips of one group (`g01` to `g25`) come from one source video, so a split never divides a group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vp.limits import VIDEO_SUFFIXES

NAME = re.compile(r"v_(?P<label>.+)_g(?P<group>\d\d)_c(?P<clip>\d\d)$")
# Cut from the TRAINING groups for choosing recipes, so that the test groups stay unseen until the end.
VALIDATION_GROUPS = (8, 15, 22)


@dataclass(frozen=True)
class ClipFile:
    """One UCF101 clip: its name without type (`v_YoYo_g01_c01`), class, group number 1 to 25 and file."""

    name: str
    label: str
    group: int
    path: Path


def find_clips(folder: Path) -> list[ClipFile]:
    """All UCF101 clips below a folder, sorted by name. Raises FileNotFoundError if there are none."""
    clips = {}
    for path in Path(folder).rglob("v_*"):
        if path.suffix.lower() in VIDEO_SUFFIXES and (match := NAME.match(path.stem)):
            clips[path.stem] = ClipFile(path.stem, match["label"], int(match["group"]), path)
    if not clips:
        raise FileNotFoundError(
            f"no UCF101 clips (CLASS/v_CLASS_gXX_cYY.avi or .mp4) below {folder}: point --data at the folder of classes"
        )
    return [clips[name] for name in sorted(clips)]


def read_list(path: Path) -> set[str]:
    """Clip names in an official `trainlist0N.txt` or `testlist0N.txt`."""
    lines = Path(path).read_text().splitlines()
    return {Path(line.split()[0]).stem for line in lines if line.strip()}


def select(clips: list[ClipFile], part: str, splits: Path | None = None, split: int = 1) -> list[ClipFile]:
    """The clips of one part of a split.

    part: "train" (without the validation groups), "validation", "train+validation" or "test".
    splits: the folder with the official lists; without it the groups decide, as the lists do
        (split 1 tests on g01 to g07, split 2 on g08 to g14, split 3 on g15 to g21).
    """
    if splits is not None and (listed := Path(splits) / f"testlist{split:02d}.txt").exists():
        test_names = read_list(listed)
        is_test = {clip.name: clip.name in test_names for clip in clips}
    else:
        first = 7 * (split - 1) + 1
        is_test = {clip.name: first <= clip.group < first + 7 for clip in clips}

    def validation(clip: ClipFile) -> bool:
        return clip.group in VALIDATION_GROUPS

    wanted = {
        "train": lambda clip: not is_test[clip.name] and not validation(clip),
        "validation": lambda clip: not is_test[clip.name] and validation(clip),
        "train+validation": lambda clip: not is_test[clip.name],
        "test": lambda clip: is_test[clip.name],
    }
    if part not in wanted:
        raise ValueError(f"part must be one of {', '.join(wanted)}, not {part!r}")
    return [clip for clip in clips if wanted[part](clip)]
