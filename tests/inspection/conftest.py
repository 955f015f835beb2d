import numpy as np
import pytest
import torch

from vp.models.config import DESIGNS
from vp.predictor import Predictor


@pytest.fixture(scope="package", params=DESIGNS)
def predictor(request, make_ladder) -> Predictor:
    """A tiny network in fp32 on the CPU, of either design."""
    model = make_ladder(design=request.param, seen=4)
    return Predictor("one_frame", model, device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="package")
def frames(moving) -> np.ndarray:
    return moving(8, 32, 64)
