"""train.memory_dropout: clips that have to do without some memories."""

from collections import Counter

import pytest
import torch

from train.losses import PredictionLoss
from train.memory_dropout import draw
from train.objective import Objective
from vp.models import BLOCKS, KERNELS
from vp.models.silence import Lesion, keep


def drawn(share: float, seed: int = 0, batch: int = 2000) -> list[list[Lesion]]:
    return draw(batch, share, torch.Generator().manual_seed(seed))


def test_so_many_clips_lose_memories_and_each_memory_as_often():
    lesions = drawn(0.5)
    hit = [several for several in lesions if several]
    assert len(hit) / len(lesions) == pytest.approx(0.5, abs=0.05)
    counts = Counter((lesion.block, lesion.part) for several in hit for lesion in several)
    assert set(counts) == {(block, kernel) for block in BLOCKS for kernel in KERNELS}
    # A third of the blocks lose everything, and a third of the rest: five ninths.
    assert all(count / len(hit) == pytest.approx(5 / 9, abs=0.06) for count in counts.values())
    assert all(lesion.filter is None for several in hit for lesion in several)


def test_a_share_of_none_silences_nothing_and_the_same_seed_draws_the_same():
    assert drawn(0.0, batch=50) == [[]] * 50
    assert drawn(0.5, 3, 20) == drawn(0.5, 3, 20) != drawn(0.5, 4, 20)


def test_a_silenced_memory_learns_nothing_from_its_clip(make_ladder, moving_batch):
    model = make_ladder(head="warp", refine=6, norm="layer")
    objective, clips = Objective(model, PredictionLoss({"l1": 1.0}, model.encoder)), moving_batch(2, 5, 32, 64)
    lesions = [[Lesion("C1", "3x3")], [Lesion("C1", "3x3"), Lesion("C4", "7x7")]]
    loss, _ = objective(clips, 3, 1, keep(lesions, model.config, clips))
    loss.backward()
    silent, heard = (model.laterals["C1"].grus[k].input.weight.grad.abs().max() for k in ("3x3", "5x5"))
    assert silent == 0 and heard > 0
    assert model.laterals["C4"].grus["7x7"].input.weight.grad.abs().max() > 0  # in the other clip it was heard
    untouched, _ = objective(clips, 3, 1)
    assert untouched.item() != pytest.approx(loss.item(), rel=1e-6)
