"""vp.models.standardise and its place in the ladder."""

import torch

from train.calibrate import calibrate
from vp.models import BLOCKS
from vp.models.standardise import Standardise


def test_it_takes_out_mean_and_spread():
    layer = Standardise(3)
    x = torch.rand(4, 3, 5, 6) * torch.tensor([1.0, 5.0, 0.0]).view(1, 3, 1, 1) + 2
    assert torch.equal(layer(x), x)  # until it is set
    layer.set(x.mean((0, 2, 3)), x.std((0, 2, 3)))
    y = layer(x)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.std((0, 2, 3)), torch.tensor([1.0, 1.0, 0.0]), rtol=1e-3, atol=1e-4)
    assert layer(x.bfloat16()).dtype == torch.bfloat16


def test_calibration_centres_what_every_block_reads_once(make_ladder, moving_batch):
    model = make_ladder(standardise=True)
    frames = moving_batch(2, 6, 32, 64).flatten(0, 1)
    calibrate(model, frames)
    for block, x in zip(BLOCKS, model.features(frames), strict=False):
        y = model.laterals[block].standardise(x)
        alive = x.std((0, 2, 3)) > 1e-3
        assert y.mean((0, 2, 3))[alive].abs().max() < 1e-4
        torch.testing.assert_close(y.std((0, 2, 3))[alive], torch.ones(int(alive.sum())), rtol=1e-3, atol=1e-3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    calibrate(model, frames * 0.5)  # a network that started from another keeps its statistics
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_full_resolution_ladder_leaves_its_own_stem_alone(make_ladder, moving_batch):
    model = make_ladder(standardise=True, full_resolution=True)
    calibrate(model, moving_batch(1, 3, 32, 64)[0])
    kinds = {block: isinstance(model.laterals[block].standardise, Standardise) for block in BLOCKS}
    assert kinds == {"C1": False, "C2": True, "C3": True, "C4": True}
    assert model.laterals["C2"].standardise.mean.abs().max() > 0
