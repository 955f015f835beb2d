"""Two apps that share one cache folder and see it empty."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
# Waits for the other one, then makes every thumbnail.
PROGRAM = """
import pathlib, sys, time
from vp.clips import open_clips
source = open_clips(sys.argv[1])
here, other = map(pathlib.Path, sys.argv[2:])
here.touch()
while not other.exists():
    time.sleep(0.001)
for clip in source.search(limit=100):
    print(source.thumbnail(clip.id))
"""


def test_thumbnails_made_by_both_at_once_are_whole(tmp_path: Path, good: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for number in range(12):
        shutil.copy(good, folder / f"{number}.mp4")
    ready = [tmp_path / "a", tmp_path / "b"]
    environment = os.environ | {"VP_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(own), str(other)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for own, other in (ready, ready[::-1])
    ]  # fmt: skip
    answers = [process.communicate(timeout=120) for process in both]
    assert all(process.returncode == 0 for process in both), answers
    made = [text.split() for text, _ in answers]
    assert made[0] == made[1] and len(set(made[0])) == 12
    for path in made[0]:
        with Image.open(path) as picture:
            picture.load()
            assert picture.width == 160
    assert {path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()} == {".jpg"}  # nothing half made
