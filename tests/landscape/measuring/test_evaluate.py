"""The engine against closed forms, a float64 reference and the straightforward way."""

import copy

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.special import logsumexp
from torch import nn

from lossatlas.landscape import (
    Engine,
    Line,
    Plane,
    Problem,
    evaluate,
    line,
    parameters,
    random_direction,
    surface,
)


def test_linear_regression_along_a_line_is_its_parabola(regression: Problem) -> None:
    centre = parameters(regression.model)
    direction = random_direction(centre, seed=0, ignore="none")
    dataset = evaluate(regression, Line(centre, direction).grid(11, extent=2.0), engine=Engine(batch_size=10))
    x, y = (tensor.numpy() for tensor in regression.data["train"])
    at_centre = x @ centre["weight"].numpy().T + centre["bias"].numpy() - y
    slope = x @ direction["weight"].numpy().T + direction["bias"].numpy()
    alpha = dataset.alpha.values[:, None, None]
    expected = ((at_centre + alpha * slope) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(dataset.loss.sel(split="train"), expected, rtol=1e-12)


def test_softmax_regression_on_a_surface_is_its_closed_form(rng: torch.Generator) -> None:
    """Loss log sum exp(z) - z_y and error argmax(z) != y of z = X W', in numpy; rows y, columns x."""
    model = nn.Linear(4, 3, bias=False).double()
    x = torch.randn(29, 4, generator=rng, dtype=torch.float64)
    y = torch.randint(3, (29,), generator=rng)
    problem = Problem(model, nn.functional.cross_entropy, {"train": (x, y)})
    plane = Plane.random(parameters(model), seed=0)
    dataset = evaluate(problem, plane.grid(7, extent=3.0), engine=Engine(batch_size=8))
    for b in dataset.y.values:
        for a in dataset.x.values:
            weight = (
                plane.centre["weight"] + a * plane.direction_x["weight"] + b * plane.direction_y["weight"]
            )
            z = x.numpy() @ weight.numpy().T
            point = dataset.sel(split="train", y=b, x=a)
            loss = (logsumexp(z, axis=1) - z[np.arange(29), y.numpy()]).mean()
            np.testing.assert_allclose(point.loss, loss, rtol=1e-12)
            assert point.error == (z.argmax(1) != y.numpy()).mean()


def test_default_engine_is_exact_to_float32_rounding(problem: Problem, double_problem: Problem) -> None:
    single, double = surface(problem, points=9), surface(double_problem, points=9)
    span = float(double.loss.max() - double.loss.min())
    assert float(abs(single.loss - double.loss).max()) < 2e-6 * span
    np.testing.assert_allclose(single.loss, double.loss, rtol=2e-5)


def test_a_surface_is_what_the_straightforward_loop_gives(problem: Problem) -> None:
    dataset = surface(problem, points=5, seed=9, engine=Engine(batch_size=8))
    weights = parameters(problem.model)
    along_x, along_y = (random_direction(weights, seed=9, index=index) for index in (0, 1))
    for split, (inputs, targets) in problem.data.items():
        for row, b in enumerate(np.linspace(-1, 1, 5)):
            for column, a in enumerate(np.linspace(-1, 1, 5)):
                moved = copy.deepcopy(problem.model).eval()
                for name, parameter in moved.named_parameters():
                    parameter.data += float(a) * along_x[name] + float(b) * along_y[name]
                with torch.no_grad():
                    outputs = moved(inputs)
                point = dataset.isel(y=row, x=column).sel(split=split)
                assert point.loss == pytest.approx(
                    nn.functional.cross_entropy(outputs, targets).item(), rel=1e-5
                )
                assert point.error == (outputs.argmax(1) != targets).double().mean().item()


def _rectifier(rng: torch.Generator) -> Problem:
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.5, generator=rng)
    x = torch.randn(31, 5, generator=rng)
    y = torch.randint(3, (31,), generator=rng)
    return Problem(model, nn.functional.cross_entropy, {"train": (x, y)})


def _rescaled_rectifier(problem: Problem, factor: float) -> Problem:
    """The same function by another network: T_alpha of Dinh et al. 2017."""
    twin = copy.deepcopy(problem.model)
    twin[0].weight.data *= factor
    twin[0].bias.data *= factor
    twin[2].weight.data /= factor
    return Problem(twin, problem.loss, problem.data)


def _rescaled_batch_norm(problem: Problem, factor: float) -> Problem:
    """The same function by another network: batch norm swallows the scale of what it normalises."""
    twin = copy.deepcopy(problem.model)
    twin[4].weight.data *= factor
    twin[5].running_mean *= factor
    twin[5].running_var *= factor**2
    twin[5].eps *= factor**2
    return Problem(twin, problem.loss, problem.data)


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_rescaled_rectifier_networks_have_the_same_filter_normalized_lines(
    rng: torch.Generator, factor: float
) -> None:
    problem = _rectifier(rng)
    twin = _rescaled_rectifier(problem, factor)
    original, rescaled = (line(each, directions=3, points=9) for each in (problem, twin))
    np.testing.assert_allclose(rescaled.loss, original.loss, rtol=1e-5)
    plain, plain_twin = (line(each, directions=3, points=9, normalize="none") for each in (problem, twin))
    assert float(abs(plain_twin.loss / plain.loss - 1).max()) > 0.5


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_rescaled_batch_norm_networks_have_the_same_filter_normalized_surface(
    problem: Problem, factor: float
) -> None:
    twin = _rescaled_batch_norm(problem, factor)
    original, rescaled = (surface(each, points=5) for each in (problem, twin))
    np.testing.assert_allclose(rescaled.loss, original.loss, rtol=1e-5)
    plain, plain_twin = (surface(each, points=5, normalize="none") for each in (problem, twin))
    assert float(abs(plain_twin.loss / plain.loss - 1).max()) > 0.5


def test_the_order_of_the_data_does_not_matter(problem: Problem, rng: torch.Generator) -> None:
    order = torch.randperm(37, generator=rng)
    inputs, targets = problem.data["train"]
    shuffled = Problem(problem.model, problem.loss, {"train": (inputs[order], targets[order])})
    original = line(problem, directions=1, points=5, splits=["train"])
    permuted = line(shuffled, directions=1, points=5)
    np.testing.assert_allclose(permuted.loss, original.loss, rtol=1e-6)
    assert permuted.error.equals(original.error)


def test_losses_that_are_not_finite_are_kept(problem: Problem) -> None:
    """Weights of 1e30 overflow float32 in the second layer."""
    dataset = surface(problem, points=3, extent=1e30, normalize="none")
    assert not np.isfinite(dataset.loss.isel(y=0, x=0)).any()
    assert np.isfinite(dataset.loss.isel(y=1, x=1)).all()
    assert ((dataset.error >= 0) & (dataset.error <= 1)).all()


class Interruption(Exception):  # noqa: N818
    pass


def _fail_at(call: int) -> object:
    calls = iter(range(1_000))

    def fail(*_: object) -> torch.Tensor:
        if next(calls) == call:
            raise Interruption
        return torch.zeros(())

    return fail


def test_the_network_is_as_before_after_a_survey_and_after_an_exception(problem: Problem) -> None:
    model = problem.model.train()
    tensors = [*model.parameters(), *model.buffers()]
    values = [tensor.clone() for tensor in tensors]
    addresses = [tensor.data_ptr() for tensor in tensors]
    failing = Problem(model, _fail_at(20), problem.data)  # type: ignore[arg-type]
    surface(problem, points=3)
    with pytest.raises(Interruption):
        surface(problem, points=3, progress=_fail_at(4))  # type: ignore[arg-type]
    with pytest.raises(Interruption):
        surface(failing, points=5)
    assert [tensor.data_ptr() for tensor in tensors] == addresses
    assert all(torch.equal(tensor, value) for tensor, value in zip(tensors, values, strict=True))
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_progress_counts_the_finished_points(problem: Problem) -> None:
    heard: list[tuple[int, int]] = []
    surface(problem, points=2, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_points_of_another_network_are_refused(problem: Problem) -> None:
    centre = {"elsewhere": torch.ones(2, 2)}
    with pytest.raises(ValueError, match="the network has no 'elsewhere' of shape"):
        evaluate(problem, Line(centre, centre).grid(3))


def test_a_dataset_describes_itself_and_survives_netcdf(problem: Problem, tmp_path: object) -> None:
    dataset = surface(problem, points=3)
    path = f"{tmp_path}/surface.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    with xr.open_dataset(path, engine="h5netcdf") as restored:
        assert restored.load().identical(dataset)
    assert dataset.attrs == {
        "survey": "surface",
        "directions": "random",
        "seed": 123,
        "normalize": "filter",
        "ignore": "biasbn",
        "statistics": "of the network",
        "convention": "lossatlas",
        "cosine": dataset.cosine,
        "dtype": "float32",
        "device": "cpu",
        "memory_format": "channels_last",
        "forward": dataset.forward,
        **Engine().attributes(),
        "batch_size": 1024,
        "not_finite": 0,
        "torch": str(torch.__version__),
        "lossatlas": dataset.lossatlas,
    }
    described = [*dataset.data_vars.values(), dataset.x, dataset.y]
    assert all(variable.units == "1" and variable.long_name for variable in described)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_what_the_cpu_gives(problem: Problem) -> None:
    expected = surface(problem, points=5)
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    on_gpu = Problem(copy.deepcopy(problem.model).cuda(), problem.loss, data)
    np.testing.assert_allclose(surface(on_gpu, points=5).loss, expected.loss, rtol=1e-5)
