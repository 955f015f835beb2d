"""vp.rollout: what the views read."""

import dataclasses

import numpy as np
import pytest

from vp.models import BLOCKS, KERNELS
from vp.rollout import QUANTITIES, Rollout


@pytest.fixture
def build():
    """A rollout of 3 seen and 2 predicted frames with random numbers and `truth` true frames."""

    def make(truth=2):
        rng = np.random.default_rng(0)

        def maps(low):
            return {b: {k: rng.uniform(low, 1, (4, 2, 3, 5)).astype(np.float16) for k in KERNELS} for b in BLOCKS}

        z, r, n = maps(0), maps(0), maps(-1)
        return Rollout(
            model="lvln",
            seen_frames=rng.random((3, 32, 64, 3), np.float32),
            predictions=rng.random((2, 32, 64, 3), np.float32),
            truth=rng.random((2, 32, 64, 3), np.float32)[:truth],
            one_step=rng.random((2, 32, 64, 3), np.float32),
            states=maps(-1),
            gates={b: {k: {"z": z[b][k], "r": r[b][k], "n": n[b][k]} for k in KERNELS} for b in BLOCKS},
            flow=None,
            mask=None,
            seconds=0.1,
        )

    return make


def test_memory_is_all_arrays_together(build):
    rollout = build()
    moving = dataclasses.replace(
        rollout,
        flow=np.zeros((4, 32, 64, 2), np.float32),
        mask=np.zeros((4, 32, 64), np.float32),
        levels={b: np.zeros((4, 2, 4, 2), np.float32) for b in BLOCKS},
    )
    assert rollout.levels == {}
    assert rollout.nbytes == 4 * 32 * 64 * 3 * (3 + 2 + 2 + 2) + 2 * 48 * 4 * 2 * 3 * 5
    assert moving.nbytes - rollout.nbytes == 4 * (4 * 32 * 64 * 3 + 4 * 4 * 16)


def test_counts(build):
    rollout = build()
    assert (rollout.seen, rollout.horizon, rollout.steps) == (3, 2, 4)


def test_the_baseline_repeats_the_last_seen_frame(build):
    rollout = build()
    assert rollout.copy_last.shape == rollout.predictions.shape
    assert all(np.array_equal(frame, rollout.seen_frames[2]) for frame in rollout.copy_last)


@pytest.mark.parametrize("truth", [0, 1, 2])
def test_there_is_a_score_for_every_true_frame(build, truth):
    rollout = build(truth)
    lengths = {name: len(values) for name, values in rollout.scores.items()}
    flow = 0 if rollout.tuned_flow is None else truth
    assert lengths == dict.fromkeys(("psnr", "ssim", "copy_last_psnr", "copy_last_ssim"), truth) | dict.fromkeys(
        ("flow_psnr", "flow_ssim"), flow
    )
    for k in range(truth):
        for name, frames in (("psnr", rollout.predictions), ("copy_last_psnr", rollout.copy_last)):
            want = -10 * np.log10(np.mean((frames[k] - rollout.truth[k]) ** 2))
            assert rollout.scores[name][k] == pytest.approx(want, abs=1e-3)


def test_a_perfect_prediction_scores_best(build):
    rollout = build()
    np.copyto(rollout.predictions, rollout.truth)
    assert rollout.scores["ssim"] == pytest.approx([1, 1])
    assert all(a > b + 10 for a, b in zip(rollout.scores["psnr"], rollout.scores["copy_last_psnr"], strict=True))
    assert all(-1 < value < 0.5 for value in rollout.scores["copy_last_ssim"])


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_of_every_gru_can_be_read(build, quantity):
    rollout = build()
    seen = set()
    for block in BLOCKS:
        for kernel in KERNELS:
            values = rollout.activation(block, kernel, quantity)
            assert values.shape == (4, 2, 3, 5) and values.dtype == np.float32
            seen.add(values.tobytes())
            if quantity in "zrn":
                np.testing.assert_array_equal(values, rollout.gates[block][kernel][quantity])
    assert len(seen) == 12


def test_the_change_of_state_starts_from_zero_and_sums_to_the_state(build):
    rollout = build()
    h, dh = (rollout.activation("C2", "5x5", quantity) for quantity in ("h", "dh"))
    np.testing.assert_array_equal(h, rollout.states["C2"]["5x5"])
    np.testing.assert_array_equal(dh[0], h[0])
    np.testing.assert_allclose(dh.cumsum(0), h, atol=1e-6)


@pytest.mark.parametrize("asked", [("C5", "3x3", "h"), ("C1", "9x9", "z"), ("C1", "3x3", "q")])
def test_unknown_names_are_key_errors(build, asked):
    with pytest.raises(KeyError):
        build().activation(*asked)
