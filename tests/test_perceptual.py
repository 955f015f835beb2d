"""vp.perceptual, with an encoder of random weights."""

import copy

import pytest
import torch
from torch.nn import functional as F

from vp.perceptual import STAGES, feature_distance, features, perceptual_distance


@pytest.fixture(scope="module")
def encoder(make_ladder):
    return make_ladder().encoder.requires_grad_(False)


@pytest.fixture(scope="module")
def clip(moving_batch) -> torch.Tensor:
    """[2, 3, 3, 32, 64]"""
    return moving_batch(2, 3)


def test_it_is_its_formula(encoder, clip):
    x, y = clip[0, 0], clip[1, 0]
    stages = []
    for a, b in zip(encoder(x[None])[:4], encoder(y[None])[:4]):
        cosine = F.cosine_similarity(a[0], b[0], dim=0)
        stages.append((2 - 2 * cosine).mean())
    assert STAGES == len(stages) == 4
    assert perceptual_distance(x, y, encoder).item() == pytest.approx(torch.stack(stages).mean().item(), rel=1e-4)


def test_equals_are_at_no_distance_and_it_is_symmetric_and_bounded(encoder, clip):
    x, y = clip[0], clip[1]
    assert perceptual_distance(x, x, encoder).tolist() == [0, 0, 0]
    there, back = perceptual_distance(x, y, encoder), perceptual_distance(y, x, encoder)
    torch.testing.assert_close(there, back)
    assert ((there > 0) & (there < 2)).all()


def test_more_blur_is_further_away(encoder, clip):
    x = clip[0, 0]
    distances = [perceptual_distance(F.avg_pool2d(x, k, 1, k // 2), x, encoder).item() for k in (1, 3, 7)]
    assert distances[0] < distances[1] < distances[2]


def test_leading_dimensions_are_kept_and_frames_are_compared_alone(encoder, clip):
    x, y = clip, clip.flip(1)
    values = perceptual_distance(x, y, encoder)
    assert values.shape == (2, 3)
    assert values[1, 2].item() == pytest.approx(perceptual_distance(x[1, 2], y[1, 2], encoder).item(), rel=1e-3)


def test_features_have_length_one_or_none(encoder, clip):
    found = features(clip, encoder)
    assert [f.shape[:2] for f in found] == [(2, 3)] * 4
    for f in found:
        lengths = f.norm(dim=-3)
        assert torch.isclose(lengths, torch.ones(())).logical_or(lengths == 0).all()
    assert torch.equal(
        feature_distance(found, features(clip.flip(1), encoder)), perceptual_distance(clip, clip.flip(1), encoder)
    )


def test_an_encoder_in_half_precision_gives_nearly_the_same(encoder, clip):
    half = copy.deepcopy(encoder).bfloat16()
    want, got = (perceptual_distance(clip[0], clip[1], e) for e in (encoder, half))
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, want, rtol=0.03, atol=1e-4)
