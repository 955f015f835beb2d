"""Speed as ratios within one run: absolute times say nothing on a shared machine.

The pairs are timed in turns and the fastest of each counts, so that what disturbs the machine disturbs both. Still no
other test should run beside these: the test command runs them last, one after the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.network import clip, convolutions, make
from tests.bench.timing import rates
from vp.inspection import silence_parts
from vp.predictor import Predictor

SEEN, HORIZON = 8, 3

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return make("one_frame", "motion")


@pytest.fixture(scope="module")
def frames(predictor: Predictor) -> np.ndarray:
    return clip(predictor, SEEN + HORIZON)


@pytest.fixture(scope="module")
def window(predictor: Predictor, frames: np.ndarray) -> Tensor:
    """The seen frames as the network takes them."""
    return predictor.prepare(frames, SEEN, HORIZON)[1][None, :SEEN].to(predictor.device)


def test_states_and_gates_cost_little(predictor: Predictor, window: Tensor) -> None:
    with torch.inference_mode():
        found = rates({
            "plain": lambda: predictor.model.rollout(window, HORIZON),
            "recorded": lambda: predictor.model.rollout(window, HORIZON, record=True),
        })  # fmt: skip
    assert found["recorded"] < 1.3 * found["plain"], found


def test_around_the_network_little_is_lost(predictor: Predictor, frames: np.ndarray, window: Tensor) -> None:
    """Reading the frames in, scores, copying out."""
    with torch.inference_mode():
        found = rates({
            "network": lambda: predictor.model.rollout(window, HORIZON, record=True),
            "all": lambda: predictor.run(frames, SEEN, HORIZON),
        })  # fmt: skip
    assert found["all"] < 1.5 * found["network"], found


def test_most_of_a_prediction_is_convolutions(predictor: Predictor, window: Tensor) -> None:

    @torch.inference_mode()
    def run() -> None:
        predictor.model.rollout(window, HORIZON)

    found = rates({"network": run, "convolutions": convolutions(predictor.model, run)})
    assert found["network"] < 2 * found["convolutions"], found


def test_seen_frames_as_one_batch_are_faster_than_one_by_one(predictor: Predictor, window: Tensor) -> None:
    model = predictor.model

    @torch.inference_mode()
    def one_by_one() -> None:
        state = None
        for t in range(SEEN):
            state = model(window[:, t : t + 1], state).state

    @torch.inference_mode()
    def together() -> None:
        model(window)

    found = rates({"one by one": one_by_one, "together": together})
    assert found["together"] < found["one by one"], found


def test_time_grows_no_faster_than_frames(predictor: Predictor, frames: np.ndarray) -> None:
    more = np.concatenate([frames] * 3)
    found = rates({
        "seen 5": lambda: predictor.run(more, 5, 1), "seen 20": lambda: predictor.run(more, 20, 1),
        "horizon 2": lambda: predictor.run(more, 3, 2), "horizon 8": lambda: predictor.run(more, 3, 8),
    })  # fmt: skip
    assert found["seen 20"] < 4.5 * found["seen 5"], found
    assert found["horizon 8"] < 4.5 * found["horizon 2"], found


def test_fine_takes_no_longer_than_its_pixels(predictor: Predictor) -> None:
    large = clip(predictor.fine(), SEEN + HORIZON)
    found = rates(
        {"own": lambda: predictor.run(large, SEEN, HORIZON), "fine": lambda: predictor.fine().run(large, SEEN, HORIZON)}
    )
    assert found["fine"] < 5 * found["own"], found


def test_silencing_takes_less_than_the_prediction_it_is_made_on(predictor: Predictor, frames: np.ndarray) -> None:
    plain = predictor.run(frames, SEEN, HORIZON)
    found = rates({
        "all": lambda: predictor.run(frames, SEEN, HORIZON),
        "ConvGRU": lambda: silence_parts(predictor, plain, ["C1.3x3"]),
        "filter": lambda: silence_parts(predictor, plain, ["C1.7x7.0"]),
    })  # fmt: skip
    assert found["ConvGRU"] < 0.6 * found["all"] and found["filter"] < 0.85 * found["all"], found
