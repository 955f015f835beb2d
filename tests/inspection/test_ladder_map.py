"""vp.inspection.ladder_map: every stage of the ladder at work."""

import itertools

import numpy as np
import pytest
import torch

from vp.inspection import ladder_map
from vp.models import BLOCKS, KERNELS
from vp.models.config import DESIGNS
from vp.predictor import Predictor


@pytest.fixture(scope="module", params=itertools.product(DESIGNS, [False, True]), ids="{0[0]}-{0[1]}".format)
def either(request, make_ladder) -> Predictor:
    design, full_resolution = request.param
    model = make_ladder(design=design, seen=4, full_resolution=full_resolution)
    return Predictor("one_frame", model, device=torch.device("cpu"), dtype=torch.float32)


def test_every_stage_is_there_at_every_step(either, frames):
    found = ladder_map(either, frames, seen=3, horizon=2)
    first = "stem" if either.model.config.full_resolution else "e1"
    # The paper's decoder begins with e5 and L4, ours with C4.
    top = ["L4"] if either.model.config.design == "paper" else []
    assert next(iter(found.stages)) == first and ("e5" in found.stages) == bool(top)
    assert list(found.stages)[4 + len(top) + 4 * 4 :] == [*top, "L3", "L2", "L1"]
    assert found.stages.keys() == found.channels.keys()
    for name, maps in found.stages.items():
        assert maps.shape[0] == 4 and np.isfinite(maps).all() and maps.min() >= 0 and maps.max() > 0, name
    for block in BLOCKS:
        size = either.model.config.map_size(block)
        assert found.stages[f"{block}.skip"].shape[1:] == found.stages[f"{block}.7x7"].shape[1:] == size


def test_it_agrees_with_the_rollout(either, frames):
    found, rollout = ladder_map(either, frames, horizon=2), either.run(frames, horizon=2)
    for block in BLOCKS:
        for kernel in KERNELS:
            want = np.sqrt(np.square(rollout.states[block][kernel].astype(np.float32)).mean(1))
            np.testing.assert_allclose(found.stages[f"{block}.{kernel}"], want, atol=1e-4)


def test_it_leaves_the_network_as_it_was(either, frames):
    before = either.run(frames).predictions
    ladder_map(either, frames)
    assert not any(module._forward_hooks for module in either.model.modules())
    np.testing.assert_array_equal(either.run(frames).predictions, before)
