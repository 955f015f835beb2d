"""vp.inspection.number: one number of a memory, from its neighbours through the kernels."""

import itertools

import numpy as np
import pytest
import torch

from vp import load_predictor, video
from vp.clips import BUNDLED
from vp.errors import RequestError
from vp.inspection import explain_number, receptive_field
from vp.models import BLOCKS, KERNELS
from vp.models.config import DESIGNS
from vp.predictor import Predictor

CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=itertools.product(DESIGNS, [False, True]), ids="{0[0]}-{0[1]}".format)
def either(request, make_ladder) -> Predictor:
    design, full_resolution = request.param
    model = make_ladder(design=design, seen=4, full_resolution=full_resolution)
    return Predictor("one_frame", model, device=CPU, dtype=torch.float32)


@pytest.fixture(scope="module")
def rollout(either, frames):
    return either.run(frames, seen=4, horizon=3)


def adds_up(number, tolerance: float) -> None:
    """What is shown gives the number, and the number is the network's."""
    for name, sum_ in number.sums.items():
        state = number.reset_state if name == "n" else number.state
        inputs, states = sum_.input_kernel * number.input, sum_.state_kernel * state
        np.testing.assert_allclose(sum_.from_inputs, inputs.sum((1, 2)), atol=1e-4)
        np.testing.assert_allclose(sum_.from_states, states.sum((1, 2)), atol=1e-4)
        assert sum_.total == pytest.approx(sum_.bias + inputs.sum() + states.sum(), abs=1e-3)
        squashed = np.tanh(sum_.total) if name == "n" else 1 / (1 + np.exp(-sum_.total))
        assert sum_.value == pytest.approx(squashed, abs=1e-6)
        assert number.recorded[name] == pytest.approx(sum_.value, abs=tolerance)
    z, n, middle = number.sums["z"].value, number.sums["n"].value, number.state.shape[1] // 2
    filter = int(number.path.rpartition(".")[2])
    assert number.before == number.state[filter, middle, middle]
    assert number.after == pytest.approx((1 - z) * number.before + z * n, abs=1e-6)
    assert number.recorded["h"] == pytest.approx(number.after, abs=tolerance)


@pytest.mark.parametrize("step", [0, 1, 3, 4, 5], ids="step {}".format)
def test_it_adds_up_to_what_the_network_computed(either, rollout, step):
    for block, kernel in itertools.product(BLOCKS, KERNELS):
        _, filters, height, width = rollout.states[block][kernel].shape
        for row, column in {(0, 0), (height - 1, width - 1), (height // 2, width // 2), (0, width // 2)}:
            number = explain_number(either, rollout, block, kernel, filters - 1, step, row, column)
            adds_up(number, 1e-3)
            assert number.path == f"{block}.{kernel}.{filters - 1}"
            assert len(number.names) == len(number.input) == len(set(number.names))
            assert not number.input[:, ~number.inside].any() and not number.state[:, ~number.inside].any()
            assert number.inside.all() == (
                min(row, column, height - 1 - row, width - 1 - column) >= int(kernel[0]) // 2
            )
            assert bool(number.state.any()) == (step > 0)


def test_the_strongest_channels_come_first(either, rollout):
    number = explain_number(either, rollout, "C2", "5x5", 1, 2, 3, 4)
    for sum_ in number.sums.values():
        for order, values in ((sum_.strongest_inputs, sum_.from_inputs), (sum_.strongest_states, sum_.from_states)):
            assert sorted(order) == list(range(len(values)))
            assert (np.diff(np.abs(values[order])) <= 0).all()


def test_the_match_that_a_memory_reads_is_named_and_where_it_was_found_is_told(either, rollout):
    number = explain_number(either, rollout, "C1", "3x3", 0, 4, 5, 6)
    if either.model.config.design == "paper":
        assert number.displacement is None and number.names[0] in ("e1.0", "stem.0")
        return
    assert number.names[-15:-6] == tuple(f"match ({x}, {y})" for y in (-1, 0, 1) for x in (-1, 0, 1))
    evidence = dict(zip(number.names, number.input[:, 1, 1], strict=True))
    stride = either.model.config.strides[0]
    found = torch.from_numpy(number.displacements).permute(2, 0, 1)[None]
    own = either.model.motion["C1"].band(found)[0, :, 5, 6] / stride  # it reads what is of its own sizes
    assert (evidence["displacement x"], evidence["displacement y"]) == pytest.approx(tuple(own.tolist()), abs=1e-4)
    assert own.abs().max() > 0 and number.displacement == tuple(found[0, :, 5, 6].tolist()) != (0, 0)
    first = explain_number(either, rollout, "C1", "3x3", 0, 0, 5, 6)
    assert first.displacement == pytest.approx((0, 0), abs=1e-5)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_field_is_all_that_the_features_depend_on(either, block):
    model = either.model
    stride = model.config.strides[BLOCKS.index(block)]
    row, column = 16 // stride, 32 // stride
    top, left, bottom, right = receptive_field(model, block, row, column, reach=1)
    # Fields of several random pictures together: a ReLU or a maximum hides some pixels of each.
    x = torch.rand(12, 3, 32, 64, requires_grad=True)
    maps = model.observe(x, batch=12, blocks=(block,)).inputs[block]
    maps[:, :, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].square().sum().backward()
    rows, columns = (x.grad.abs().amax(axes).nonzero().flatten() for axes in ((0, 1, 3), (0, 1, 2)))
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (top, bottom, left, right)
    assert (bottom - top) * (right - left) < 32 * 64 or stride >= 4


def test_with_a_bundled_network_and_clip():
    frames = video.read(BUNDLED / "walk.mp4", frames=8)
    single = load_predictor("one_frame", dtype=torch.float32, device=CPU)
    rollout = single.run(frames, seen=5, horizon=3)
    for block, step, (row, column) in [("C1", 4, (31, 0)), ("C2", 6, (5, 20)), ("C4", 1, (0, 5)), ("C1", 0, (9, 9))]:
        adds_up(explain_number(single, rollout, block, "7x7", 3, step, row, column), 1e-3)


@pytest.mark.parametrize("design", DESIGNS)
def test_what_runs_in_half_precision_is_explained_in_single(make_ladder, frames, design):
    half = Predictor("one_frame", make_ladder(design=design, seen=4), device=CPU, dtype=torch.bfloat16)
    rollout = half.run(frames)
    for step in (0, 3, 5):
        number = explain_number(half, rollout, "C2", "5x5", 1, step, 3, 4)
        adds_up(number, 0.03)
        assert number.input.dtype == number.state.dtype == np.float32


def test_content_that_moved_right_is_found_to_the_left_of_where_it_is():
    predictor = load_predictor("one_frame", device=CPU)
    coarse = torch.rand(1, 3, 12, 24, generator=torch.Generator().manual_seed(0))
    wide = torch.nn.functional.interpolate(coarse, size=(64, 128), mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0)
    frames = np.stack([wide[:, 20 - 2 * t : 116 - 2 * t].numpy() for t in range(6)])
    rollout = predictor.run(frames, seen=5, horizon=1)
    right, down = explain_number(predictor, rollout, "C1", "3x3", 0, 3, 16, 24).displacement
    assert right == pytest.approx(-2, abs=0.5) and down == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("C5", "3x3", 0, 0, 0, 0), "no ConvGRU C5.3x3"),
        (("C1", "9x9", 0, 0, 0, 0), "no ConvGRU C1.9x9"),
        (("C1", "3x3", 2, 0, 0, 0), "filters 0 to 1"),
        (("C1", "3x3", True, 0, 0, 0), "filters 0 to 1"),
        (("C1", "3x3", 0, 6, 0, 0), "step .* 0 to 5"),
        (("C1", "3x3", 0, -1, 0, 0), "step .* 0 to 5"),
        (("C4", "3x3", 0, 0, 99, 0), "row"),
        (("C4", "3x3", 0, 0, 0, 1.5), "column"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused(either, rollout, place, words):
    with pytest.raises(RequestError, match=words):
        explain_number(either, rollout, *place)


def test_a_rollout_without_its_inside_or_of_another_network_is_refused(either, rollout, frames, make_ladder):
    from vp.inspection import silence_parts

    with pytest.raises(RequestError, match="predict once more"):
        explain_number(either, silence_parts(either, rollout, ["C1"]), "C1", "3x3", 0, 0, 0, 0)
    other = Predictor("one_frame", make_ladder(gru_widths=(3, 3, 3, 3)), device=CPU, dtype=torch.float32)
    with pytest.raises(RequestError, match="another network"):
        explain_number(either, other.run(frames), "C1", "3x3", 0, 0, 0, 0)
