"""Some random damage; `python -m tests.load.fuzz` goes on for as long as asked."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from load.fuzz import KINDS, damage, fuzz

FILES = 40  # of each kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_readers_cope_with_damaged_files(kind: str) -> None:
    report = fuzz(kind, 5, first_seed=random.randrange(10**9), most_files=FILES)
    assert report["wrong"] == []
    assert report["files"] == FILES
    assert {"read", "refused"} >= set(report["outcomes"])


def test_damage_repeats_with_its_seed_and_changes_the_file() -> None:
    data = bytes(range(256)) * 8
    made = [damage(data, random.Random(seed)) for seed in range(50)]
    assert made == [damage(data, random.Random(seed)) for seed in range(50)]
    assert sum(one != data for one in made) > 40 and len(set(made)) > 40
