"""Second-order optimizers on problems with known answers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lossatlas.optim import HessianFree, Newton, SaddleFreeNewton
from lossatlas.optim.second_order import products_with_hessian

Loss = Callable[[Tensor], Tensor]


def course(optimizer: Callable[..., Optimizer], loss: Loss, start: list[float], steps: int) -> Tensor:
    """Places after each step, (steps, d)."""
    place = nn.Parameter(torch.tensor(start, dtype=torch.float64))
    stepped, places = optimizer([place]), []

    def objective() -> tuple[Tensor, Tensor]:
        return loss(place), place

    def closure() -> None:
        stepped.zero_grad()
        loss(place).backward()

    for _ in range(steps):
        stepped.step(closure, objective)  # type: ignore[call-arg, arg-type]
        places.append(place.detach().clone())
    return torch.stack(places)


def rosenbrock(place: Tensor) -> Tensor:
    x, y = place
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def monkey_saddle(place: Tensor) -> Tensor:
    x, y = place
    return x**3 - 3 * x * y**2


def quadratic(curvatures: list[float], lowest: list[float]) -> Loss:
    """Of these curvatures along axes that are turned by a random rotation."""
    rng = torch.Generator().manual_seed(0)
    n = len(curvatures)
    axes, _ = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=rng))
    matrix = axes @ torch.diag(torch.tensor(curvatures, dtype=torch.float64)) @ axes.T
    middle = torch.tensor(lowest, dtype=torch.float64)
    return lambda place: (place - middle) @ matrix @ (place - middle) / 2


BOWL, MIDDLE = [1.0, 10.0, 1000.0, 0.01], [1.0, -2.0, 3.0, 0.5]
WHOLE: dict[str, Any] = {
    "newton": Newton,
    "saddle-free": lambda p: SaddleFreeNewton(p, damping=0.0),
    "saddle-free, Lanczos": lambda p: SaddleFreeNewton(p, damping=0.0, subspace=4),
    "hessian-free": lambda p: HessianFree(p, matrix="hessian", damping=0.0, adapt=False, tolerance=0.0),
}


@pytest.mark.parametrize("make", WHOLE.values(), ids=WHOLE)
def test_a_bowl_takes_one_step(make: Any) -> None:
    """Of a condition number of 100,000; plain descent would take about as many."""
    (place,) = course(make, quadratic(BOWL, MIDDLE), [7.0, 7.0, -7.0, 0.0], 1)
    assert place.tolist() == pytest.approx(MIDDLE, abs=1e-5)


def test_newton_goes_to_the_minimum_of_rosenbrocks_valley_by_the_known_iterates() -> None:
    """From (-1.2, 1); the first two and the number of steps are those that textbooks print (Dennis & Schnabel 1983)."""
    places = course(Newton, rosenbrock, [-1.2, 1.0], 7)
    assert places[0].tolist() == pytest.approx([-1.1753, 1.3807], abs=1e-4)
    assert places[1].tolist() == pytest.approx([0.7631, -3.1750], abs=1e-4)
    assert places[5].tolist() == pytest.approx([1.0, 1.0], abs=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: Newton(p, trust_radius=0.5, adapt=True),
        lambda p: Newton(p, damping=1.0, adapt=True),
        lambda p: SaddleFreeNewton(p, trust_radius=0.5, adapt=True),
        lambda p: HessianFree(p, matrix="hessian", trust_radius=0.5, adapt=True, damping=0.0),
        lambda p: HessianFree(p, matrix="hessian", damping=1.0),
    ],
    ids=["radius", "damping", "saddle-free", "hessian-free, radius", "hessian-free, damping"],
)
def test_an_adapted_region_never_climbs_and_comes_to_the_minimum(make: Any) -> None:
    places = course(make, rosenbrock, [-1.2, 1.0], 100)
    losses = [rosenbrock(place).item() for place in places]
    assert losses == sorted(losses, reverse=True)
    assert places[-1].tolist() == pytest.approx([1.0, 1.0], abs=1e-4)


# Saddles


def test_the_monkey_saddle_draws_newton_and_saddle_free_newton_leaves_it() -> None:
    """The Hessian has the eigenvalues 6 r and -6 r: Newton halves the way, |H| gives w - g / (6 r)."""
    start = [0.6, 0.8]
    halved = course(Newton, monkey_saddle, start, 5)
    expected = torch.tensor([[x / 2**k for x in start] for k in range(1, 6)], dtype=torch.float64)
    torch.testing.assert_close(halved, expected, rtol=1e-9, atol=1e-12)
    left = course(lambda p: SaddleFreeNewton(p, damping=0.0), monkey_saddle, start, 5)
    gradient = torch.tensor([3 * 0.36 - 3 * 0.64, -6 * 0.48], dtype=torch.float64)
    torch.testing.assert_close(left[0], torch.tensor(start, dtype=torch.float64) - gradient / 6)
    heights = [monkey_saddle(place).item() for place in left]
    assert heights == sorted(heights, reverse=True)
    assert left[-1].norm() > 1


@pytest.mark.parametrize("subspace", [None, 2])
def test_along_a_saddle_the_distance_halves_to_it_or_doubles_from_it(subspace: int | None) -> None:
    saddle = quadratic([2.0, -5.0], [0.0, 0.0])
    start = torch.tensor([3.0, 4.0], dtype=torch.float64)
    (drawn,) = course(lambda p: Newton(p, lr=0.5), saddle, start.tolist(), 1)
    torch.testing.assert_close(drawn, start / 2)
    (left,) = course(lambda p: SaddleFreeNewton(p, damping=0.0, subspace=subspace), saddle, start.tolist(), 1)
    assert saddle(left) < saddle(start)
    _, axes = torch.linalg.eigh(torch.autograd.functional.hessian(saddle, start))
    before, after = axes.T @ start, axes.T @ left  # along the negative curvature first
    assert after.tolist() == pytest.approx([2 * before[0].item(), 0.0], abs=1e-9)


@pytest.mark.parametrize("kind", [Newton, SaddleFreeNewton])
def test_a_trust_region_leaves_a_saddle_even_from_its_top(kind: Any) -> None:
    """Newton's model has its minimum at the edge; from the very top |H| sees nothing to go down by."""
    saddle = quadratic([2.0, -5.0], [0.0, 0.0])
    (place,) = course(lambda p: kind(p, trust_radius=0.7, damping=0.0), saddle, [0.0, 0.0], 1)
    if kind is Newton:
        assert place.norm().item() == pytest.approx(0.7)
        assert saddle(place).item() == pytest.approx(-5 * 0.7**2 / 2)
    else:
        assert place.tolist() == [0.0, 0.0]


def test_conjugate_gradients_end_where_the_curvature_is_negative() -> None:
    """With a radius at its edge; without, not up the saddle as Newton would."""
    saddle = quadratic([2.0, -5.0], [0.0, 0.0])
    start = [3.0, 4.0]
    settings = {"matrix": "hessian", "damping": 0.0, "adapt": False}
    (bound,) = course(lambda p: HessianFree(p, trust_radius=0.5, **settings), saddle, start, 1)
    assert (bound - torch.tensor(start)).norm().item() == pytest.approx(0.5)
    for radius in (0.5, None):
        (place,) = course(lambda p, r=radius: HessianFree(p, trust_radius=r, **settings), saddle, start, 1)
        assert saddle(place) < saddle(torch.tensor(start, dtype=torch.float64))


# Damping


def test_damping_is_added_to_the_curvatures() -> None:
    bowl = quadratic([2.0, 2.0], [0.0, 0.0])
    for make, factor in (
        (lambda p: Newton(p, damping=2.0), 0.5),
        (lambda p: SaddleFreeNewton(p, damping=6.0), 0.75),
        (lambda p: HessianFree(p, matrix="hessian", damping=2.0, adapt=False), 0.5),
        (lambda p: Newton(p, damping=2.0, lr=0.5), 0.75),
    ):
        (place,) = course(make, bowl, [1.0, -3.0], 1)
        assert place.tolist() == pytest.approx([factor, -3 * factor])


def test_damping_falls_by_a_third_where_the_model_is_right_and_grows_by_half_where_it_is_not() -> None:
    """Levenberg and Marquardt's rule in the form of Martens 2010; a step that loses is taken back."""

    def damping_after(loss: Loss, start: float, damping: float) -> tuple[float, float]:
        made: list[Newton] = []

        def make(parameters: Any) -> Newton:
            made.append(Newton(parameters, damping=damping, adapt=True))
            return made[0]

        (place,) = course(make, loss, [start], 1)
        return made[0].param_groups[0]["damping"], place.item()

    assert damping_after(lambda w: w.square().sum(), 1.0, 0.1)[0] == pytest.approx(0.1 * 2 / 3)
    # log cosh: Newton's steps from beyond about 1.09 overshoot, and lose
    assert damping_after(lambda w: w.cosh().log().sum(), 2.0, 1e-6) == (pytest.approx(1.5e-6), 2.0)


def test_what_was_learnt_of_the_region_travels_in_the_state(tmp_path: Any) -> None:
    place = nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))
    optimizer = HessianFree([place], matrix="hessian")

    def closure() -> None:
        optimizer.zero_grad()
        rosenbrock(place).backward()

    for _ in range(4):
        optimizer.step(closure, lambda: (rosenbrock(place), None))
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    other = HessianFree([nn.Parameter(place.detach().clone())], matrix="hessian")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.param_groups[0]["damping"] == optimizer.param_groups[0]["damping"] != 1.0
    assert torch.equal(other.state_dict()["state"][0]["last"], optimizer.state_dict()["state"][0]["last"])


# Products


KINDS = {
    "convolutions": lambda: nn.Sequential(
        *(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.GELU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 3)),
    ),
    "attention": lambda: nn.Sequential(
        *(nn.Flatten(2), nn.TransformerEncoderLayer(16, 2, 4, dropout=0.0, batch_first=True)),
        *(nn.Flatten(), nn.Linear(16, 3)),
    ),
}


@pytest.mark.parametrize("gauss_newton", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_products_are_differences_of_gradients_for_several_vectors_as_for_one(
    kind: str, gauss_newton: bool
) -> None:
    """The Gauss-Newton matrix is symmetric and positive semi-definite instead."""
    torch.manual_seed(0)
    network = KINDS[kind]().double()
    inputs, targets = torch.randn(9, 1, 4, 4).double(), torch.arange(9) % 3
    own = list(network.parameters())

    def objective() -> tuple[Tensor, Tensor]:
        torch.manual_seed(1)  # the same dropout
        outputs = network(inputs)
        return nn.functional.cross_entropy(outputs, targets), outputs

    _, products = products_with_hessian(objective, own, gauss_newton=gauss_newton)
    vectors = torch.randn(3, sum(p.numel() for p in own)).double()
    several = products(vectors)
    torch.testing.assert_close(several, torch.cat([products(vector[None]) for vector in vectors]))
    form = several @ vectors.T
    torch.testing.assert_close(form, form.T, rtol=1e-6, atol=1e-8)
    if gauss_newton:
        assert torch.linalg.eigvalsh((form + form.T) / 2).min() > -1e-9
        return
    start, sides = nn.utils.parameters_to_vector(own).detach(), []
    for step in (1e-6, -1e-6):
        nn.utils.vector_to_parameters(start + step * vectors[0], own)
        sides.append(torch.cat([g.flatten() for g in torch.autograd.grad(objective()[0], own)]))
    torch.testing.assert_close(several[0], (sides[0] - sides[1]) / 2e-6, rtol=1e-4, atol=1e-6)


def test_groups_have_rates_of_their_own() -> None:
    one, other = (nn.Parameter(torch.tensor([2.0])) for _ in range(2))
    optimizer = Newton([{"params": [one]}, {"params": [other], "lr": 0.25}])

    def objective() -> tuple[Tensor, None]:
        return (one - other - 1).square().sum() + other.square().sum(), None

    def closure() -> None:
        objective()[0].backward()

    optimizer.step(closure, objective)
    assert (one.item(), other.item()) == (pytest.approx(1.0), pytest.approx(2.0 - 0.25 * 2.0))


# What is refused


def big(n: int) -> list[nn.Parameter]:
    return [nn.Parameter(torch.zeros(n, device="meta"))]


def test_a_network_that_is_too_large_is_refused_with_its_memory_and_the_way_without_a_matrix() -> None:
    with pytest.raises(
        ValueError,
        match=r"^Newton takes the whole Hessian: of 272,474 parameters it has 553 GiB, three times that with its "
        r"eigenvectors and room to find them; expected at most limit=3,000 parameters: type optimizer=hessian_free$",
    ):
        Newton(big(272474))
    with pytest.raises(ValueError, match=r"limit=10 parameters: type optimizer\.subspace=50, for Lanczos"):
        SaddleFreeNewton(big(11), limit=10)
    SaddleFreeNewton(big(272474), subspace=50)
    HessianFree(big(272474))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: Newton(p, trust_radius=0.0), "trust_radius must be positive, or null for none, got 0.0"),
        (lambda p: Newton(p, adapt=True), "adapt=true needs a trust_radius or a damping above 0"),
        (lambda p: Newton(p, damping=-1.0), "damping must be >= 0, got -1.0"),
        (lambda p: SaddleFreeNewton(p, subspace=0), "subspace must be >= 1, or null .*, got 0"),
        (lambda p: HessianFree(p, iterations=0), "iterations must be >= 1, got 0"),
        (lambda p: HessianFree(p, decay=2.0), r"decay must be in \[0, 1\], got 2.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(big(2))


def test_the_gauss_newton_matrix_needs_the_outputs() -> None:
    place = nn.Parameter(torch.ones(2))

    def closure() -> None:
        place.square().sum().backward()

    with pytest.raises(ValueError, match=r"type optimizer\.matrix=hessian"):
        HessianFree([place]).step(closure, lambda: (place.square().sum(), None))


# What a step that was not had leaves


@pytest.mark.parametrize("start", [[0.0, 3.0], [2.0, -1.0], [-2.0, 2.0], [1.5, 1.5], [-1.0, -1.0]])
def test_a_region_that_shrank_below_the_last_step_does_not_begin_outside_of_it(start: list[float]) -> None:
    """Conjugate gradients that begin there would only shorten that step, uphill as it may be."""
    places = course(
        lambda p: HessianFree(p, matrix="hessian", damping=0.0, trust_radius=0.5), rosenbrock, start, 200
    )
    assert places[-1].tolist() == pytest.approx([1.0, 1.0], abs=1e-4)


@pytest.mark.parametrize("make", [HessianFree, Newton])
def test_a_low_rate_is_no_poor_model(make: Any) -> None:
    """On a quadratic the gain of the rate times the step is predicted exactly; a rate of 0 tries nothing."""
    bowl = quadratic([1.0, 4.0], [0.0, 0.0])
    for rate in (0.1, 0.0):
        made: list[Any] = []

        def remembered(parameters: Any, rate: float = rate, made: list[Any] = made) -> Any:
            options = {"matrix": "hessian"} if make is HessianFree else {}
            made.append(make(parameters, lr=rate, damping=1.0, adapt=True, **options))
            return made[0]

        course(remembered, bowl, [3.0, 4.0], 30)
        damping = made[0].param_groups[0]["damping"]
        assert damping <= 1.0 if rate else damping == 1.0


def test_a_step_of_no_length_leaves_the_radius() -> None:
    place = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = Newton([place], trust_radius=2.0, adapt=True)
    target = torch.zeros(2, dtype=torch.float64)

    def loss() -> Any:
        return (place - target).square().sum(), None

    def closure() -> None:
        optimizer.zero_grad()
        loss()[0].backward()

    for _ in range(3):
        optimizer.step(closure, loss)
    assert optimizer.param_groups[0]["trust_radius"] == 2.0
    target.fill_(1.0)
    optimizer.step(closure, loss)
    torch.testing.assert_close(place.detach(), target)


def test_parameters_that_come_later_count_for_the_limit() -> None:
    optimizer = Newton([torch.nn.Parameter(torch.zeros(6))], limit=10)
    with pytest.raises(ValueError, match="of 12 parameters"):
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(6))]})
