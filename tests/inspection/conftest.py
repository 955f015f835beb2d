import numpy as np
import pytest
import torch

from vp.predictor import Predictor


@pytest.fixture(scope="package")
def predictor(make_ladder) -> Predictor:
    """A tiny network in fp32 on the CPU."""
    model = make_ladder(head="warp", refine=6, norm="group", seen=4)
    return Predictor("one_frame", model, device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="package")
def frames(moving) -> np.ndarray:
    return moving(8, 32, 64)
