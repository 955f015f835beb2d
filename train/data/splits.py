"""The official UCF101 splits: which clip is for training and which for test (Soomro et al. 2012).

Clips of one group (`g01` to `g25`) come from one source video, so a split never divides a group.
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path

from vp.ucf101 import TEST_GROUPS, read_name

from .clip_files import ClipFile, same_name

# A clip in a line of a list: after folders of either system, before its type and perhaps a class number.
LISTED = re.compile(r"(?:^|[/\\\s\"',;])v_([^/\\]+_g\d\d_c\d\d)(?!\d)", re.IGNORECASE)
# Cut from the TRAINING groups for choosing recipes, so that the test groups stay unseen until the end.
VALIDATION_GROUPS = (8, 15, 22)


def read_list(path: Path) -> set[str]:
    """Clip names in an official `trainlist0N.txt` or `testlist0N.txt`, written by whichever system.

    UTF-8, UTF-16 or UTF-32; folders before a name, its type and a number after it do not matter. Raises
    FileNotFoundError without such a file and ValueError, naming the line, for one that names no clip.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no list {path}: point --splits at the folder of the official lists")
    data = path.read_bytes()
    try:
        text = data.decode(json.detect_encoding(data))  # names are ASCII, as the beginning of JSON is
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8 or UTF-16: save it as UTF-8") from None
    names = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if not (match := LISTED.search(line)):
            raise ValueError(f"{path}, line {number} names no clip: {line.strip()[:80]!r} (CLASS/v_CLASS_gXX_cYY.avi)")
        names.add(f"v_{match[1]}")
    if not names:
        raise ValueError(f"{path} names no clip: it is empty")
    return names


def select(clips: list[ClipFile], part: str, splits: Path | None = None, split: int = 1) -> list[ClipFile]:
    """The clips of one part of a split.

    part: "train" (without the validation groups), "validation", "train+validation" or "test".
    splits: the folder with the official lists; without it the groups decide, as the lists do (`TEST_GROUPS`).
    Raises ValueError for another part or for lists that do not fit the clips, FileNotFoundError without a list.
    """
    if splits is not None:
        test = _listed_for_test(clips, splits, split)
    else:
        test = {clip.name for clip in clips if clip.group in TEST_GROUPS[split]}
    training = [clip for clip in clips if clip.name not in test]
    parts = {
        "train": [clip for clip in training if clip.group not in VALIDATION_GROUPS],
        "validation": [clip for clip in training if clip.group in VALIDATION_GROUPS],
        "train+validation": training,
        "test": [clip for clip in clips if clip.name in test],
    }
    if part not in parts:
        raise ValueError(f"part must be one of {', '.join(parts)}, not {part!r}")
    return parts[part]


def spread(clips: list[ClipFile], count: int) -> list[ClipFile]:
    """So many of the clips, evenly over all."""
    step = max(1, len(clips) / count)
    return [clips[int(k * step)] for k in range(min(count, len(clips)))]


def _listed_for_test(clips: list[ClipFile], folder: Path, split: int) -> set[str]:
    """Names of the clips that the test list names, once it is sure that none is missed: a test clip that does not match
    would be trained on."""
    listed = folder / f"testlist{split:02d}.txt"
    test = {same_name(name) for name in read_list(listed)}
    test_names = {clip.name for clip in clips if same_name(clip.name) in test}
    if not test_names:
        raise ValueError(f"{listed} names none of the {len(clips)} clips of --data, such as {clips[0].name}")
    # Clips and lists may each be another part of UCF101, but not call one class by two names.
    classes = {same_name(clip.label) for clip in clips}
    named = {same_name(read_name(name).label) for name in test}
    for label in sorted(named - classes):
        if alike := difflib.get_close_matches(label, classes - named, n=1, cutoff=0.8):
            raise ValueError(f"{listed} has a class {label}, and --data one called {alike[0]}: call both alike")
    other = folder / f"trainlist{split:02d}.txt"
    if other.exists():
        train = {same_name(name) for name in read_list(other)}
        for clip in clips:
            if (same_name(clip.name) in train) == (clip.name in test_names):
                which = "both" if clip.name in test_names else "neither"
                raise ValueError(f"{which} {other.name} and {listed.name} in {folder} name {clip.name}: mend the lists")
    return test_names
