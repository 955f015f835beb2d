"""vp.models.encoder and train.predictor.initial_weights: a ResNet-18 with its batch norms folded away."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import resnet18

from train.predictor.initial_weights import fold, load_imagenet
from vp.models.encoder import IMAGENET_MEAN, IMAGENET_STD, TAPS, Encoder


@pytest.fixture(scope="module")
def original() -> nn.Module:
    """torchvision's network with batch norms that do something."""
    torch.manual_seed(0)
    net = resnet18(weights=None).eval()
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean, 0, 0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
    return net


@torch.inference_mode()
def test_folded_weights_give_torchvisions_maps(original):
    encoder = Encoder().eval()
    encoder.load_state_dict(fold(original), strict=True)
    frames = torch.rand(2, 3, 64, 96)
    x = (frames - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    expected = [original.relu(original.bn1(original.conv1(x)))]
    x = original.maxpool(expected[0])
    for stage in (original.layer1, original.layer2, original.layer3, original.layer4):
        x = stage(x)
        expected.append(x)
    taps = encoder(frames)
    assert [tap.shape[1] for tap in taps] == list(TAPS)
    assert [tuple(tap.shape[2:]) for tap in taps] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    for tap, want in zip(taps, expected, strict=True):
        assert want.std() > 0.1
        torch.testing.assert_close(tap, want, rtol=1e-4, atol=1e-4)
    for count in range(len(TAPS)):
        fewer = encoder(frames, count)
        assert len(fewer) == count and all(torch.equal(a, b) for a, b in zip(fewer, taps, strict=False))


def test_folded_names_are_the_convolutions_of_torchvision(original):
    convolutions = {name for name, module in original.named_modules() if isinstance(module, nn.Conv2d)}
    assert set(Encoder().state_dict()) == {f"{c}.{leaf}" for c in convolutions for leaf in ("weight", "bias")}


def test_frames_are_normalised_as_for_imagenet():
    encoder = Encoder()
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    torch.testing.assert_close(encoder.normalise(mean), torch.zeros(1, 3, 4, 4))
    white = encoder.normalise(torch.ones(1, 3, 4, 4))[0, :, 0, 0]
    torch.testing.assert_close(white, torch.tensor([2.2489, 2.4286, 2.6400]), rtol=1e-3, atol=0)
    assert encoder.to(torch.bfloat16).normalise(mean).dtype == torch.bfloat16


@torch.inference_mode()
def test_an_encoder_without_weights_keeps_its_maps_in_bounds():
    torch.manual_seed(0)
    sizes = [tap.std().item() for tap in Encoder()(torch.rand(2, 3, 64, 64))]
    assert all(0.01 < size < 10 for size in sizes), sizes


def test_imagenet_weights_come_from_the_folded_file(imagenet_encoder, monkeypatch):
    monkeypatch.setenv("VP_ENCODER", str(imagenet_encoder))
    encoder = Encoder()
    before = encoder.layer4[0].conv1.weight.clone()
    provenance = load_imagenet(encoder)
    stored, state = load_file(imagenet_encoder), encoder.state_dict()
    assert len(stored) >= 30
    assert all(torch.equal(state[name], value.to(state[name].dtype)) for name, value in stored.items())
    kept = torch.equal(before, encoder.layer4[0].conv1.weight)
    assert kept == ("layer4 trained from scratch" in provenance) == ("layer4.0.conv1.weight" not in stored)


def test_a_file_that_is_not_there_is_not_downloaded_instead(tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "absent.safetensors"):
        monkeypatch.setenv("VP_ENCODER", str(path))
        with pytest.raises(OSError, match=f"VP_ENCODER names {path}, where there is no file"):
            load_imagenet(Encoder())


def test_a_file_of_another_network_is_refused(tmp_path, monkeypatch):
    save_file({"fc.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    monkeypatch.setenv("VP_ENCODER", str(tmp_path / "other.safetensors"))
    with pytest.raises(ValueError, match=r"fc\.weight"):
        load_imagenet(Encoder())
