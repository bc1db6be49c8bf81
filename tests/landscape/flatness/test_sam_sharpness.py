"""Sharpness along the gradient where it is known in closed form, and under rescaling of layers."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

from lossatlas.landscape import Engine, Problem, sam_sharpness

CURVATURES = torch.tensor([0.5, 1.0, 4.0, 9.0], dtype=torch.float64)
H = CURVATURES.numpy()
W = np.array([0.3, -0.2, 0.1, -0.4])


class Weights(nn.Module):
    """A network whose output, for each input, is its weights themselves."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.w


def bowl(values: np.ndarray) -> Problem:
    """Half of sum h_i w_i**2."""
    data = {"train": (torch.ones(7, 4, dtype=torch.float64), torch.zeros(7, 4, dtype=torch.float64))}
    return Problem(Weights(values.tolist()), lambda out, _: (0.5 * CURVATURES * out**2).sum(1).mean(), data)


def height(w: np.ndarray) -> float:
    return 0.5 * float(H @ w**2)


def test_one_step_goes_along_the_gradient() -> None:
    """Foret et al. 2021, equation 2: L(w + rho H w / |H w|) - L(w)."""
    rhos = [0.05, 0.5, 3.0]
    dataset = sam_sharpness(bowl(W), rhos=rhos, engine=Engine(batch_size=3))
    unit = H * W / np.linalg.norm(H * W)
    expected = [height(W + rho * unit) - height(W) for rho in rhos]
    np.testing.assert_allclose(dataset.rise, expected, rtol=1e-12)
    assert dataset.gradient_norm.item() == pytest.approx(np.linalg.norm(H * W), rel=1e-14)
    assert dataset.loss.item() == pytest.approx(height(W), rel=1e-14)


def test_the_adaptive_step_is_scaled_twice_by_the_weights() -> None:
    """Kwon et al. 2021, with p = 2: w + rho T**2 g / |T g|, T = diag |w|."""
    dataset = sam_sharpness(bowl(W), rhos=[0.5], normalize="weight")
    scaled = abs(W) * H * W
    step = abs(W) * scaled / np.linalg.norm(scaled)
    assert dataset.rise.item() == pytest.approx(height(W + 0.5 * step) - height(W), rel=1e-12)
    assert dataset.gradient_norm.item() == pytest.approx(np.linalg.norm(scaled), rel=1e-14)


def test_more_steps_find_the_highest_point_of_the_ball() -> None:
    """On the sphere the highest point is (m - H)^-1 H w, m > max h, where that has length rho."""
    rho = 0.5
    length = brentq(
        lambda m: np.linalg.norm(H * W / (m - H)) - rho, H.max() + 1e-9, H.max() + 1e6, xtol=1e-14
    )
    highest = height(W + H * W / (length - H)) - height(W)
    one, two, many = (sam_sharpness(bowl(W), rhos=[rho], steps=n).rise.item() for n in (1, 2, 60))
    assert one < two < many
    assert many == pytest.approx(highest, rel=1e-9)


def test_the_exact_bottom_of_a_bowl_is_not_taken_for_flat() -> None:
    """There the gradient has no direction; the highest point at distance rho is rho**2 max h / 2 above."""
    bottom = bowl(np.zeros(4))
    assert 0 < sam_sharpness(bottom, rhos=[0.1]).rise.item() < 0.1**2 * 4.5
    assert sam_sharpness(bottom, rhos=[0.1], steps=100).rise.item() == pytest.approx(0.1**2 * 4.5, rel=1e-6)
    assert (
        sam_sharpness(bottom, rhos=[0.1], seed=1).rise.item() != sam_sharpness(bottom, rhos=[0.1]).rise.item()
    )


def test_an_optimizer_written_as_in_the_paper_takes_the_same_step(problem: Problem) -> None:
    model = copy.deepcopy(problem.model).eval()
    inputs, targets = problem.data["train"]
    loss = problem.loss(model(inputs), targets)
    loss.backward()
    with torch.no_grad():
        length = torch.stack([p.grad.norm() for p in model.parameters()]).norm()  # type: ignore[union-attr]
        for parameter in model.parameters():
            parameter.add_(0.05 * parameter.grad / length)
        rise = problem.loss(model(inputs), targets) - loss
    assert sam_sharpness(problem, rhos=[0.05]).rise.item() == pytest.approx(rise.item(), rel=1e-3)


def _rescaled(problem: Problem, factor: float) -> Problem:
    """The same function (Dinh et al. 2017): first layer times the factor, last layer over it."""
    model = copy.deepcopy(problem.model)
    model[0].weight.data *= factor
    model[0].bias.data *= factor
    model[2].weight.data /= factor
    return Problem(model, problem.loss, problem.data)


@pytest.mark.parametrize("normalize", ["weight", "filter", "layer"])
@pytest.mark.parametrize("steps", [1, 4])
def test_the_adaptive_one_does_not_see_how_scale_is_spread_over_the_layers(
    normalize: str, steps: int, rng: torch.Generator
) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    x = torch.randn(20, 4, generator=rng, dtype=torch.float64)
    problem = Problem(model, nn.CrossEntropyLoss(), {"train": (x, torch.arange(20) % 3)})
    rise, rescaled = (
        sam_sharpness(which, rhos=[0.05, 0.5], normalize=normalize, steps=steps).rise
        for which in (problem, _rescaled(problem, 16.0))
    )
    np.testing.assert_allclose(rise, rescaled, rtol=1e-9)
    plain, blown = (
        sam_sharpness(which, rhos=[0.05], steps=steps).rise.item()
        for which in (problem, _rescaled(problem, 16.0))
    )
    assert blown > 2 * plain


def test_an_interrupted_survey_goes_on(problem: Problem, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sam_sharpness(problem, journal=tmp_path / "journal", progress=stop)
    assert sam_sharpness(problem, journal=tmp_path / "journal").identical(sam_sharpness(problem))


def test_a_network_is_left_as_it_was(problem: Problem) -> None:
    before = copy.deepcopy(problem.model.state_dict())
    sam_sharpness(problem, rhos=[0.5], steps=2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.model.state_dict().items())
    assert all(parameter.grad is None for parameter in problem.model.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rhos": []}, r"rhos must be positive numbers, got \[\]"),
        ({"rhos": [0.1, -1.0]}, r"rhos must be positive numbers, got \[0\.1, -1\.0\]"),
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"normalize": "elementwise"}, "unknown normalize 'elementwise', expected one of none, weight"),
        ({"split": "valid"}, "unknown split 'valid', the data has train, test"),
    ],
)
def test_a_value_out_of_its_range_is_refused(
    problem: Problem, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        sam_sharpness(problem, **options)  # type: ignore[arg-type]
