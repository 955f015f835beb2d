"""vp.models.config: what a network is made of, and the presets."""

import json
from dataclasses import FrozenInstanceError, fields

import pytest

from vp.models import ALL_NAMES, BLOCKS, NAMES, TITLES, ConfigError, LadderConfig, preset
from vp.models.config import DESIGNS


def test_the_presets_are_the_papers_networks():
    lvln, one_frame, full_res = (preset(name) for name in NAMES)
    assert (lvln.size, lvln.seen) == ((128, 160), 3)
    assert (one_frame.size, one_frame.seen) == ((64, 96), 5)
    assert (full_res.size, full_res.seen) == ((64, 96), 5)
    assert lvln.gru_widths == one_frame.gru_widths == (64, 64, 64, 64)
    assert full_res.gru_widths == (16, 32, 64, 64)
    assert [c.full_resolution for c in (lvln, one_frame, full_res)] == [False, False, True]
    for config in (lvln, one_frame, full_res):
        assert (config.design, config.upsampling) == ("paper", "pixel_shuffle")
        assert config.location == (False, False, True, True)
        assert (config.decoder_width, config.lateral_width) == (1024, 64)
    assert set(TITLES) == set(ALL_NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_motion_design_of_a_preset_sees_what_the_papers_does_and_is_narrower(name):
    paper, motion = preset(name), preset(name, "motion")
    changed = {f.name for f in fields(paper) if getattr(paper, f.name) != getattr(motion, f.name)}
    assert changed == {"design", "gru_widths", "decoder_width"} and motion.design == "motion"
    assert all(m <= p for m, p in zip(motion.gru_widths, paper.gru_widths, strict=True))


def test_changes_of_a_preset_win():
    config = preset("lvln", "motion", upsampling="bilinear", decoder_width=64)
    assert (config.upsampling, config.decoder_width, config.size) == ("bilinear", 64, (128, 160))


def test_an_unknown_preset_or_design_says_which_there_are():
    with pytest.raises(KeyError, match="there are lvln, one_frame"):
        preset("resnet")
    with pytest.raises(ConfigError, match="one of paper, motion"):
        preset("lvln", "compact")


@pytest.mark.parametrize(
    ("full", "sizes"),
    [(False, [(32, 48), (16, 24), (8, 12), (4, 6)]), (True, [(64, 96), (32, 48), (16, 24), (8, 12)])],
)
def test_map_sizes(make_config, full, sizes):
    config = make_config(height=64, width=96, full_resolution=full)
    assert [config.map_size(block) for block in BLOCKS] == sizes


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_survives_json(name, design):
    config = preset(name, design, upsampling="nearest")
    assert LadderConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "change",
    [
        {"height": 100},
        {"height": 0},
        {"width": 2048},
        {"width": 96.0},
        {"width": True},
        {"seen": 0},
        {"seen": "3"},
        {"gru_widths": (1, 2, 3)},
        {"gru_widths": (1, 2, 3, 0)},
        {"gru_widths": (1, 2, 3, 4.0)},
        {"gru_widths": (1, 2, 3, 10**9)},
        {"gru_widths": 64},
        {"decoder_width": 40},
        {"lateral_width": 0},
        {"location": (0, 0, 1, 1)},
        {"location": (True, True)},
        {"full_resolution": 1},
        {"design": "warp"},
        {"design": ["paper"]},
        {"design": None},
        {"upsampling": "bicubic"},
        {"upsampling": None},
    ],
    ids=str,
)
def test_a_bad_value_is_refused_by_name(tiny_config, change):
    (name,) = change
    with pytest.raises(ConfigError, match=name):
        LadderConfig.from_dict({**tiny_config.to_dict(), **change})


def test_a_missing_field_has_its_default_and_an_unknown_one_is_refused(tiny_config):
    values = tiny_config.to_dict()
    assert values["height"] == tiny_config.height and not {"design", "location"} & set(values)  # as by default
    assert LadderConfig.from_dict(values) == tiny_config
    assert LadderConfig.from_dict({}) == LadderConfig() == preset("lvln")
    for name in ("depth", "head", "standardise"):  # the latter two: of checkpoints from before there were designs
        with pytest.raises(ConfigError, match=rf"unknown.*{name}"):
            LadderConfig.from_dict({**values, name: 3})
    with pytest.raises(ConfigError, match="JSON object"):
        LadderConfig.from_dict(["rgb"])


def test_a_configuration_cannot_be_changed_later(tiny_config):
    with pytest.raises(FrozenInstanceError):
        tiny_config.design = "motion"
