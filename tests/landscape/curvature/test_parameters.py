"""Curvature by some of the parameters, against dense Hessians and a naive transcription of Li et al.'s products."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn
from torch.func import functional_call, hessian, jacrev

from lossatlas.landscape import (
    CoordinateDirections,
    HessianDirections,
    Problem,
    convexity,
    eigenvalues,
    extreme_eigenvalues,
    hessian_directions,
    line,
    parameters,
    spectrum,
    surface,
    trace,
)
from lossatlas.models import ResNet

CHOICES: list[dict[str, Any]] = [
    {"convention": "li2018"},
    {"parameters": "matrices"},
    {"parameters": ["0.weight", "3.*"]},
    {"parameters": ["*.bias"], "convention": "li2018"},
    {"parameters": "all", "convention": "li2018"},
    {},
]


@pytest.fixture
def small(rng: torch.Generator) -> Problem:
    """A perceptron with batch norm whose statistics are not those of its first step."""
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=rng, dtype=torch.float64) + 0.1)
    inputs = torch.randn(60, 4, generator=rng, dtype=torch.float64)
    return Problem(model.eval(), nn.CrossEntropyLoss(), {"train": (inputs, (inputs[:, 0] > 0).long())})


def names(problem: Problem, choice: dict[str, Any]) -> list[str]:
    """The parameters that a choice means, written down by hand."""
    match choice:
        case {"parameters": "all"}:
            return list(parameters(problem.model))
        case {"parameters": ["0.weight", "3.*"]}:
            return ["0.weight", "3.weight", "3.bias"]
        case {"parameters": ["*.bias"]}:
            return ["0.bias", "1.bias", "3.bias"]
        case {}:
            return ["0.weight", "3.weight"] if choice else list(parameters(problem.model))
    raise AssertionError(choice)


def dense(problem: Problem, chosen: list[str], gauss_newton: bool = False) -> Tensor:
    """Matrix by the chosen parameters, (n, n), by torch.func."""
    own = parameters(problem.model)
    sizes = [own[name].numel() for name in chosen]
    x, y = problem.data["train"]

    def outputs(flat: Tensor) -> Tensor:
        parts = zip(chosen, flat.split(sizes), strict=True)
        return functional_call(problem.model, {n: part.view_as(own[n]) for n, part in parts}, (x,))

    at = torch.cat([own[name].flatten() for name in chosen])
    if not gauss_newton:
        return hessian(lambda flat: nn.functional.cross_entropy(outputs(flat), y))(at).detach()
    jacobian = jacrev(outputs)(at).detach()  # (N, classes, n)
    probabilities = outputs(at).softmax(1).detach()
    curved = torch.diag_embed(probabilities) - probabilities[:, :, None] * probabilities[:, None]
    return torch.einsum("nik,nij,njl->kl", jacobian, curved, jacobian) / len(y)


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_survey_is_of_the_matrix_by_the_chosen_parameters(
    small: Problem, choice: dict[str, Any], matrix: str
) -> None:
    truth = dense(small, names(small, choice), gauss_newton=matrix == "gauss_newton")
    expected = torch.linalg.eigvalsh(truth).numpy()
    options = {"matrix": matrix, **choice}

    found = eigenvalues(small, tolerance=1e-8, **options)
    atol = 1e-8 * expected[-1]
    np.testing.assert_allclose(found.eigenvalue.values.ravel(), expected[[0, -1]], rtol=1e-6, atol=atol)
    everything = trace(small, sketch=10**6, **options)
    assert everything.trace.item() == pytest.approx(truth.trace().item(), rel=1e-9)
    density = spectrum(small, probes=1, steps=len(truth), **options)
    assert density.node.max().item() == pytest.approx(expected[-1], rel=1e-9)
    middle = convexity(small, points=3, tolerance=1e-6, **options).sel(x=0, y=0)
    extremes = [middle.lambda_min.item(), middle.lambda_max.item()]
    np.testing.assert_allclose(extremes, expected[[0, -1]], rtol=1e-4, atol=1e-5 * expected[-1])
    low, high = extreme_eigenvalues(small, tolerance=1e-8, **options)
    np.testing.assert_allclose([*low.values, *high.values], expected[[0, -1]], rtol=1e-6, atol=atol)


def test_a_dataset_says_by_which_parameters_it_is(small: Problem) -> None:
    of = [eigenvalues(small, **choice).attrs for choice in CHOICES]
    words = ["matrices", "matrices", "0.weight, 3.*", "*.bias", "all", "all"]
    assert [attributes["parameters"] for attributes in of] == words
    conventions = ["li2018", "lossatlas", "lossatlas", "li2018", "li2018", "lossatlas"]
    assert [attributes["convention"] for attributes in of] == conventions


def test_eigenvectors_are_zero_where_parameters_are_not_chosen(small: Problem) -> None:
    [direction] = hessian_directions(small, largest=1, convention="li2018", tolerance=1e-8)
    assert list(direction) == list(parameters(small.model))
    chosen = ["0.weight", "3.weight"]
    assert all(tensor.any() == (name in chosen) for name, tensor in direction.items())
    values, vectors = torch.linalg.eigh(dense(small, chosen))
    flat = torch.cat([direction[name].flatten() for name in chosen])
    assert abs(flat @ vectors[:, -1]).item() == pytest.approx(1, abs=1e-6)
    along = HessianDirections(smallest=0, convention="li2018", tolerance=1e-8)
    step = 1e-3
    dataset = line(small, along=along, directions=1, points=3, extent=step).loss.sel(split="train").squeeze()
    second = (dataset[0] - 2 * dataset[1] + dataset[2]).item() / step**2
    assert second == pytest.approx(values[-1].item(), rel=1e-3)


def their_extremes(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Largest and smallest eigenvalue as the code of Li et al. finds them, on one batch."""
    params = [p for p in model.parameters() if len(p.size()) > 1]
    sizes = [p.numel() for p in params]

    def product(vec: Any) -> Any:
        model.zero_grad()
        grads = torch.autograd.grad(nn.functional.cross_entropy(model(x), y), params, create_graph=True)
        parts = torch.from_numpy(vec).float().split(sizes)
        sum((g * v.view_as(g)).sum() for g, v in zip(grads, parts, strict=True)).backward()
        return np.concatenate([p.grad.numpy().ravel() for p in params])

    size, start = sum(sizes), np.ones(sum(sizes))
    first = eigsh(LinearOperator((size, size), matvec=product), k=1, tol=1e-2, v0=start)[0][0]
    shifted = LinearOperator((size, size), matvec=lambda vec: product(vec) - 0.51 * first * vec)
    second = eigsh(shifted, k=1, tol=1e-2, v0=start)[0][0] + 0.51 * first
    return (first, second) if first > 0 else (second, first)


def test_the_ratio_of_a_resnet_without_skips_is_that_of_their_code() -> None:
    """By all parameters it is another: biases and scales of batch norm have curvature of their own."""
    torch.manual_seed(0)
    x, y = torch.randn(40, 3, 8, 8), torch.arange(40) % 10
    model = ResNet(14, width=4, skip=False, input_shape=(3, 8, 8), classes=10).eval()
    problem = Problem(model, nn.CrossEntropyLoss(), {"train": (x, y)})

    def ratio(**options: Any) -> float:
        low, high = eigenvalues(problem, **options).eigenvalue.sel(rank=1).values
        return abs(low / high)

    largest, smallest = their_extremes(model, x, y)
    assert ratio(convention="li2018") == pytest.approx(abs(smallest / largest), rel=0.03)
    assert abs(ratio() / ratio(convention="li2018") - 1) > 0.1


def test_their_eigenvalues_go_with_given_directions_too(small: Problem) -> None:
    """As a map of theirs does on a direction file: the plane is given, the parameters are the convention's."""
    along = CoordinateDirections([0, 5])
    ours, theirs = (
        convexity(small, points=3, along=along, convention=convention)
        for convention in ("lossatlas", "li2018")
    )
    np.testing.assert_array_equal(ours.loss, theirs.loss)
    np.testing.assert_allclose(theirs.loss, surface(small, points=3, along=along).loss.sel(split="train"))
    assert (ours.lambda_max > theirs.lambda_max * 1.001).all()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            {"parameters": "matrixes"},
            r"unknown parameters 'matrixes', expected one of all, matrices .*matrices",
        ),
        (
            {"parameters": ["3.wieght"]},
            r"parameters: '3.wieght' fits no parameter .*, did you mean 3.weight\?",
        ),
        ({"parameters": []}, "expected all, matrices or names of parameters, got an empty list"),
        ({"convention": "li2017"}, r"unknown convention 'li2017', .*did you mean li2018\?"),
        ({"parameters": "all", "convention": "li2017"}, "unknown convention 'li2017'"),
    ],
)
def test_what_no_parameter_fits_is_told(small: Problem, choice: dict[str, Any], message: str) -> None:
    for survey in (eigenvalues, trace, spectrum, convexity):
        with pytest.raises(ValueError, match=message):
            survey(small, **choice)


def test_a_network_of_vectors_alone_has_no_matrices() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale

    problem = Problem(Scale(), nn.MSELoss(), {"train": (torch.ones(3, 2), torch.zeros(3, 2))})
    with pytest.raises(ValueError, match="the network has none of two or more dimensions"):
        eigenvalues(problem, convention="li2018")
