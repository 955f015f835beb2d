"""vp.archive: what the file holds is what its table says."""

import json

import numpy as np
import torch

from vp.archive import save_npz
from vp.models import BLOCKS, KERNELS
from vp.predictor import Predictor


def test_a_rollout_comes_back_from_its_file(make_ladder, moving, tmp_path):
    model = make_ladder(design="motion", seen=3)
    predictor = Predictor("one_frame", model, device=torch.device("cpu"), dtype=torch.float32)
    rollout = predictor.run(moving(5, 32, 64), horizon=4)
    path = save_npz(rollout, tmp_path / "rollout.npz", clip="waves", fps=10)
    with np.load(path, allow_pickle=False) as data:
        about = json.loads(str(data["about"]))
        assert about == {"clip": "waves", "fps": 10, "model": "one_frame", "seen": 3, "horizon": 4, "steps": 6}
        assert data["seen_frames"].shape == (3, 32, 64, 3) and data["predictions"].shape == (4, 32, 64, 3)
        assert data["truth"].shape == (2, 32, 64, 3) and data["one_step"].shape == (2, 32, 64, 3)
        np.testing.assert_allclose(data["predictions"] / 255, rollout.predictions, atol=0.003)
        for block in BLOCKS:
            for kernel in KERNELS:
                np.testing.assert_allclose(data[f"state/{block}/{kernel}"], rollout.states[block][kernel], atol=1e-3)
                gates = rollout.gates[block][kernel]
                for name, gate in (("update", "z"), ("reset", "r"), ("candidate", "n")):
                    np.testing.assert_allclose(data[f"{name}/{block}/{kernel}"], gates[gate], atol=1e-3)
        np.testing.assert_allclose(data["flow"], rollout.flow, rtol=2e-3, atol=1e-3)
        assert data["mask"].shape == (6, 32, 64)
        for block in BLOCKS:
            np.testing.assert_allclose(data[f"flow/{block}"], rollout.levels[block], rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(data["scores/psnr"], rollout.scores["psnr"])
        listed = {"seen_frames", "predictions", "truth", "one_step", "flow", "mask", "about"}
        rest = {key.partition("/")[0] for key in data.files} - listed
        assert rest == {"state", "update", "reset", "candidate", "scores"}


def test_a_network_that_paints_has_no_flow_in_its_file(make_ladder, moving, tmp_path):
    predictor = Predictor("one_frame", make_ladder(seen=3), device=torch.device("cpu"), dtype=torch.float32)
    path = save_npz(predictor.run(moving(5, 32, 64)), tmp_path / "rollout.npz")
    with np.load(path) as data:
        assert not [name for name in data.files if name.startswith(("flow", "mask"))]
