"""train.losses."""

import pytest
import torch

from train.predictor.losses import PSNR_LIMIT, TERMS, PredictionLoss
from vp.metrics import ssim


@pytest.fixture
def pair(moving_batch) -> tuple[torch.Tensor, torch.Tensor]:
    clip = moving_batch(3, 2)
    return clip[:, 0], clip[:, 1]


def windows(frames: torch.Tensor, axis: int) -> torch.Tensor:
    """Mean absolute differences along an axis over windows of 16x16 pixels, by hand."""
    steps = frames.diff(dim=axis)[..., : frames.shape[-2] - 1, : frames.shape[-1] - 1].abs()
    rows, columns = (side // 16 for side in steps.shape[-2:])
    return steps[..., : 16 * rows, : 16 * columns].unflatten(-1, (columns, 16)).unflatten(-3, (rows, 16)).mean((-1, -3))


@pytest.mark.parametrize("term", TERMS)
def test_each_term_is_its_formula(pair, term):
    x, y = pair
    d = x - y
    want = {
        "l1": d.abs().mean(),
        "l2": (d * d).mean(),
        "dssim": (1 - ssim(x, y).mean()) / 2,
        "psnr": (10 * torch.log10((d * d).mean(dim=(1, 2, 3)))).mean() / 100,
        "contrast": sum((windows(x, axis) - windows(y, axis)).abs().mean() for axis in (-1, -2)) / 2,
    }[term]
    loss, terms = PredictionLoss({term: 3})(x, y)
    assert want.abs() > 1e-3
    assert loss.item() == pytest.approx(want.item(), rel=1e-3)
    assert set(terms) == {term}


def test_the_psnr_term_weighs_a_still_scene_as_much_as_a_busy_one():
    truth = torch.zeros(2, 3, 16, 16)
    guess = truth + torch.tensor([0.01, 0.2]).view(2, 1, 1, 1)
    guess.requires_grad_(True)
    PredictionLoss({"psnr": 1})(guess, truth)[0].backward()
    relative = (guess.grad * guess.detach()).sum(dim=(1, 2, 3))
    assert relative[0].item() == pytest.approx(relative[1].item(), rel=1e-3)


def test_the_psnr_term_asks_for_nothing_below_the_noise_of_a_codec():
    guess = torch.full((1, 3, 16, 16), 0.002, requires_grad=True)
    loss, _ = PredictionLoss({"psnr": 1})(guess, torch.zeros(1, 3, 16, 16))
    loss.backward()
    assert loss.item() == pytest.approx(-PSNR_LIMIT / 100) and not guess.grad.any()


def test_weights_are_normalised_and_zero_leaves_a_term_out(pair):
    criterion = PredictionLoss({"l1": 2, "l2": 6, "dssim": 0})
    assert criterion.weights == {"l1": 0.25, "l2": 0.75}
    loss, terms = criterion(*pair)
    assert set(terms) == {"l1", "l2"}
    assert loss.item() == pytest.approx(0.25 * terms["l1"].item() + 0.75 * terms["l2"].item())


def test_a_perfect_prediction_costs_nothing_and_has_a_finite_gradient(pair):
    truth = pair[1]
    guess = truth.clone().requires_grad_(True)
    loss, terms = PredictionLoss(dict.fromkeys(TERMS, 1))(guess, truth)
    loss.backward()
    assert terms.pop("psnr").item() == pytest.approx(-PSNR_LIMIT / 100)
    assert all(abs(value.item()) < 1e-4 for value in terms.values())
    assert guess.grad.isfinite().all()


@pytest.mark.parametrize("term", TERMS)
def test_going_down_its_gradient_lowers_each_term(pair, term):
    loss = PredictionLoss({term: 1})
    guess = pair[0].clone().requires_grad_(True)
    before, _ = loss(guess, pair[1])
    before.backward()
    after, _ = loss(guess.detach() - 0.01 * guess.grad / guess.grad.abs().max(), pair[1])
    assert after < before.detach()


def test_contrast_counts_as_often_as_there_are_steps_to_it(pair):
    loss = PredictionLoss({"contrast": 1, "l1": 1})
    each = [loss(x[None], y[None])[1] for x, y in zip(*pair, strict=True)]
    _, terms = loss(*pair, torch.tensor([1, 2, 3]))
    want = sum(k * term["contrast"] for k, term in enumerate(each, 1)) / 3
    assert terms["contrast"].item() == pytest.approx(want.item(), rel=1e-4)
    assert terms["l1"].item() == pytest.approx(sum(term["l1"] for term in each).item() / 3, rel=1e-4)


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
