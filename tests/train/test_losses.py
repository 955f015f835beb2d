"""train.losses."""

import pytest
import torch

from train.losses import PredictionLoss
from vp.metrics import ssim


@pytest.fixture
def pair(moving_batch) -> tuple[torch.Tensor, torch.Tensor]:
    clip = moving_batch(3, 2)
    return clip[:, 0], clip[:, 1]


@pytest.mark.parametrize("term", PredictionLoss.TERMS)
def test_each_term_is_its_formula(pair, term):
    x, y = pair
    d = x - y
    want = {
        "l1": d.abs().mean(),
        "l2": (d * d).mean(),
        "dssim": (1 - ssim(x, y).mean()) / 2,
        "gradient": (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean(),
    }[term]
    loss, terms = PredictionLoss({term: 3})(x, y)
    assert want > 1e-3
    assert loss.item() == pytest.approx(want.item(), rel=1e-3)
    assert set(terms) == {term}


def test_weights_are_normalised_and_zero_leaves_a_term_out(pair):
    criterion = PredictionLoss({"l1": 2, "l2": 6, "dssim": 0})
    assert criterion.weights == {"l1": 0.25, "l2": 0.75}
    loss, terms = criterion(*pair)
    assert set(terms) == {"l1", "l2"}
    assert loss.item() == pytest.approx(0.25 * terms["l1"].item() + 0.75 * terms["l2"].item())


def test_a_perfect_prediction_costs_nothing_and_has_a_finite_gradient(pair):
    truth = pair[1]
    guess = truth.clone().requires_grad_(True)
    loss, _ = PredictionLoss(dict.fromkeys(PredictionLoss.TERMS, 1))(guess, truth)
    loss.backward()
    assert abs(loss.item()) < 1e-4
    assert guess.grad.isfinite().all()


@pytest.mark.parametrize("term", PredictionLoss.TERMS)
def test_going_down_its_gradient_lowers_each_term(pair, term):
    criterion = PredictionLoss({term: 1})
    guess = pair[0].clone().requires_grad_(True)
    before, _ = criterion(guess, pair[1])
    before.backward()
    after, _ = criterion(guess.detach() - 0.01 * guess.grad / guess.grad.abs().max(), pair[1])
    assert after < before.detach()


def test_predictions_are_not_clipped_so_that_what_leaves_the_range_comes_back():
    guess = torch.full((1, 3, 16, 16), 1.5, requires_grad=True)
    PredictionLoss({"l1": 1, "l2": 1})(guess, torch.ones(1, 3, 16, 16))[0].backward()
    assert (guess.grad > 0).all()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ssim": 1}, "unknown loss terms: ssim"),
        ({}, "positive"),
        ({"l1": 0}, "positive"),
        ({"l1": 2, "l2": -1}, "pos"),
    ],
    ids=str,
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        PredictionLoss(weights)
