"""vp.models.paper_ladder: the bundled network of the paper's design predicts what it did before there were designs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vp import video
from vp.models import BLOCKS
from vp.moving_circle import Circle
from vp.predictor import Predictor, load_predictor

CLIPS = Path(__file__).resolve().parents[2] / "assets" / "clips"
CIRCLE = {
    "pixels": [
        [
            [[0.0483, 0.0533, 0.0778], [0.0445, 0.0556, 0.0583], [0.0513, 0.0487, 0.0786]],
            [[0.0509, 0.0519, 0.0668], [0.8944, 0.628, 0.286], [0.0444, 0.0524, 0.0688]],
            [[0.0543, 0.0481, 0.0797], [0.0428, 0.0523, 0.0884], [0.0607, 0.0432, 0.0761]],
        ],
        [
            [[0.0472, 0.0522, 0.0713], [0.0432, 0.0505, 0.0507], [0.0512, 0.0451, 0.0688]],
            [[0.0463, 0.0478, 0.0579], [0.8924, 0.613, 0.3286], [0.039, 0.0482, 0.0593]],
            [[0.0585, 0.0467, 0.0771], [0.0466, 0.0532, 0.0735], [0.0624, 0.0429, 0.0655]],
        ],
        [
            [[0.0465, 0.0497, 0.0656], [0.0424, 0.0471, 0.0429], [0.0517, 0.0411, 0.0589]],
            [[0.0432, 0.0455, 0.0464], [0.8906, 0.593, 0.3183], [0.0369, 0.0452, 0.0487]],
            [[0.0618, 0.0448, 0.0751], [0.0503, 0.0506, 0.0662], [0.0614, 0.0416, 0.0609]],
        ],
    ],
    "mean": 0.09094,
    "psnr": [22.691, 18.774, 16.678],
    "states": {"C1": 0.45318, "C2": 0.90852, "C3": 0.69956, "C4": 0.42967},
}
WALK = {
    "pixels": [
        [
            [[0.1116, 0.0839, 0.0], [0.6184, 0.2703, 0.2184], [0.4597, 0.5202, 0.2555]],
            [[0.4717, 0.4844, 0.3123], [0.4547, 0.4248, 0.2432], [0.4135, 0.3463, 0.3201]],
            [[0.5267, 0.5143, 0.5128], [0.5692, 0.5409, 0.5266], [0.5806, 0.5418, 0.5638]],
        ],
        [
            [[0.115, 0.0981, 0.0077], [0.6086, 0.2797, 0.1785], [0.4887, 0.5223, 0.2577]],
            [[0.4874, 0.4998, 0.3245], [0.4785, 0.4353, 0.2186], [0.4659, 0.3682, 0.3383]],
            [[0.5308, 0.5102, 0.5145], [0.5612, 0.5181, 0.5393], [0.5904, 0.5403, 0.5642]],
        ],
        [
            [[0.1235, 0.1022, 0.0141], [0.6282, 0.2816, 0.1576], [0.5047, 0.5306, 0.2633]],
            [[0.4854, 0.5191, 0.3332], [0.4989, 0.4467, 0.2083], [0.4719, 0.3811, 0.3491]],
            [[0.5334, 0.5073, 0.5215], [0.5526, 0.5084, 0.5405], [0.5958, 0.5421, 0.5698]],
        ],
    ],
    "mean": 0.36478,
    "psnr": [20.82, 18.845, 17.179],
    "states": {"C1": 0.52285, "C2": 0.91596, "C3": 0.70736, "C4": 0.41135},
}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor("paper_one_frame", device=torch.device("cpu"), dtype=torch.float32)


@pytest.mark.parametrize("what", ["circle", "walk"])
def test_it_predicts_what_commit_f7342e0_did(predictor, what):
    """The numbers are of that commit, fp32: from 5 frames 3, every 25th row from 7 and 37th column from 11."""
    want, tolerance = (CIRCLE, 1e-3) if what == "circle" else (WALK, 0.02)  # a decoder may round otherwise
    clip = Circle(30, 9, 40, (255, 160, 60)).frames(8)
    if what == "walk":
        clip = video.read(CLIPS / "walk.mp4", fps=10, start=0.5, frames=8)
    rollout = predictor.run(clip, 5, 3)
    np.testing.assert_allclose(rollout.predictions[:, 7::25, 11::37], want["pixels"], atol=tolerance)
    assert rollout.predictions.mean() == pytest.approx(want["mean"], abs=tolerance / 10)
    assert rollout.scores["psnr"] == pytest.approx(want["psnr"], abs=10 * tolerance)
    for block in BLOCKS:
        assert rollout.states[block]["5x5"].std() == pytest.approx(want["states"][block], rel=tolerance)
    assert rollout.flow is None and rollout.mask is None and rollout.levels == {}


def test_its_weights_have_the_names_they_had(predictor):
    names = set(predictor.model.state_dict())
    assert {"head.output.weight", "decoder.L4.norm.running_mean", "laterals.C3.skip.location"} <= names
    assert {"laterals.C1.skip.weight", "laterals.C2.grus.5x5.candidate.weight", "encoder.conv1.weight"} <= names
    assert not [name for name in names if name.startswith(("motion.", "matchers.", "blend."))]
