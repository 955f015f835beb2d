"""vp.inspection.importance: each ConvGRU silenced in turn."""

import numpy as np
import pytest

from vp.errors import RequestError
from vp.inspection import rank_convgrus
from vp.models import BLOCKS, KERNELS

PARTS = {f"{block}.{kernel}" for block in BLOCKS for kernel in KERNELS} | set(BLOCKS)


def silenced(part: str) -> list[str]:
    """A block's memories without its convolution of the present frame."""
    return [part] if "." in part else [f"{part}.{kernel}" for kernel in KERNELS]


def test_the_shortcut_gives_the_numbers_of_silencing_each_one_for_real(predictor, frames):
    plain = predictor.run(frames, horizon=1)
    found = rank_convgrus(predictor, frames)
    assert {part.part for part in found} == PARTS
    for part in found:
        hurt = predictor.run(frames, horizon=1, silence=silenced(part.part))
        lost = plain.scores["psnr"][0] - hurt.scores["psnr"][0]
        assert part.lost == pytest.approx(lost, abs=2e-3)
        change = 255 * np.sqrt(np.square(hurt.predictions - plain.predictions).mean())
        assert part.change == pytest.approx(change, abs=2e-3)
    assert max(part.change for part in found) > 0.05


def test_a_block_is_all_three_of_its_convgrus(predictor, frames):
    change = {part.part: part.change for part in rank_convgrus(predictor, frames)}
    assert len(change) == 4 + 12
    for block in BLOCKS:
        alone = [change[f"{block}.{kernel}"] for kernel in KERNELS]
        assert change[block] > 0 and all(abs(change[block] - one) > 1e-4 for one in alone), block


def test_the_most_important_comes_first(predictor, frames):
    lost = [part.lost for part in rank_convgrus(predictor, frames)]
    assert lost == sorted(lost, reverse=True) and lost[0] > lost[-1]


def test_without_the_truth_the_change_decides(predictor, frames):
    found = rank_convgrus(predictor, frames[:4], seen=4)
    assert all(part.lost is None for part in found)
    changes = [part.change for part in found]
    assert changes == sorted(changes, reverse=True)


def test_bad_frames_are_refused(predictor):
    with pytest.raises(RequestError, match="array"):
        rank_convgrus(predictor, np.zeros((4, 32)))
