"""Networks that begin with a linear layer, at points that are linear combinations."""

import copy
from collections.abc import Callable
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from lossatlas.landscape import Engine, Problem, line, parameters, random_direction, state, surface
from lossatlas.landscape.forward import combined
from lossatlas.landscape.forward.combined import first_layer
from lossatlas.landscape.forward.fusing import fuse
from lossatlas.landscape.forward.tracing import Shapes, traced
from lossatlas.landscape.measuring.evaluate import evaluate
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.shapes.combination import combination_at
from lossatlas.landscape.shapes.curves import Polyline
from lossatlas.landscape.shapes.grid import Grid
from lossatlas.landscape.shapes.lines import Bundle, Line, Segment
from lossatlas.landscape.shapes.plane import Plane
from lossatlas.models import MLP
from lossatlas.weight_space import Weights

PLAIN = Engine(fuse=False)
FIRST = "layers.1.weight"  # of an MLP


class Tied(nn.Module):
    """An autoencoder whose decoder is the transpose of its encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(64, 48)
        self.decoder = nn.Linear(48, 64, bias=False)
        self.decoder.weight = nn.Parameter(self.encoder.weight.t().contiguous())
        self.again = nn.Linear(64, 48)
        self.again.weight = self.encoder.weight  # one parameter of two layers

    def forward(self, x: Tensor) -> Tensor:
        code = torch.tanh(self.encoder(x.view(x.size(0), -1)))
        return self.again(torch.tanh(self.decoder(code)))[:, :10]


def words() -> nn.Module:
    """A layer on each of eight vectors of 64, and a bias only afterwards."""
    return nn.Sequential(nn.Linear(64, 16, bias=False), nn.GELU(), nn.Flatten(), nn.Linear(128, 10))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP": (lambda: MLP([64, 64], input_shape=(1, 8, 8), classes=10), (1, 8, 8)),
    "logistic regression": (lambda: MLP([], input_shape=(1, 8, 8), classes=10), (1, 8, 8)),
    "batch norm": (lambda: MLP([64], batch_norm=True, input_shape=(1, 8, 8), classes=10), (1, 8, 8)),
    "tied": (Tied, (1, 8, 8)),
    "words": (words, (8, 64)),
}


def problem_of(name: str = "MLP", n: int = 60) -> Problem:
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = make()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(6**0.5)  # from torch's default to He's, so that losses differ
    data = {
        split: (torch.randn(k, *shape), torch.randint(10, (k,))) for split, k in (("train", n), ("test", 11))
    }
    return Problem(model, nn.functional.cross_entropy, data)


def doubled(problem: Problem) -> Problem:
    data = {split: (inputs.double(), targets) for split, (inputs, targets) in problem.data.items()}
    return Problem(copy.deepcopy(problem.model).double(), problem.loss, data)


def direction(centre: Weights, index: int) -> Weights:
    return random_direction(centre, seed=3, index=index, ignore="none")


def double(weights: Weights) -> Weights:
    return {name: tensor.double() for name, tensor in weights.items()}


GRIDS: dict[str, Callable[[Weights, Weights, Weights], Grid]] = {
    "line": lambda c, x, y: Line(c, x).grid(7),
    "bundle": lambda c, x, y: Bundle(c, [x, y].__getitem__).grid(2, 5),
    "plane": lambda c, x, y: Plane(c, x, y).grid(5),
    "segment": lambda c, x, y: Segment(c, x).grid(7),
    "polyline": lambda c, x, y: Polyline([c, x, y]).grid(4),
}


@pytest.mark.parametrize("kind", GRIDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_combinations_are_as_exact_as_the_networks_own_pass(name: str, kind: str) -> None:
    problem = problem_of(name)
    centre = parameters(problem.model)
    x, y = direction(centre, 0), direction(centre, 1)
    grid, reference_grid = GRIDS[kind](centre, x, y), GRIDS[kind](double(centre), double(x), double(y))
    reference = evaluate(doubled(problem), reference_grid, engine=PLAIN)
    fast, plain = evaluate(problem, grid), evaluate(problem, grid, engine=PLAIN)
    span = float(reference.loss.max() - reference.loss.min())
    error, plain_error = (float(abs(of.loss - reference.loss).max()) / span for of in (fast, plain))
    assert fast.forward == "fused"
    assert error < 2e-6
    assert error < 2 * plain_error + 3e-7  # the errors are a few units of rounding: one may be lucky
    np.testing.assert_array_equal(fast.error, reference.error)


@pytest.mark.parametrize("kind", GRIDS)
def test_the_first_layers_weights_are_not_even_read(kind: str) -> None:
    problem = problem_of()
    centre = parameters(problem.model)
    grid = GRIDS[kind](centre, direction(centre, 0), direction(centre, 1))
    with prepared(problem) as ready:
        for index in range(len(grid)):
            grid.weights_at(index, ready.weights)
            plain = ready.measure()
            ready.weights[FIRST].fill_(nan)
            assert ready.measure(combination_at(grid, index)) == pytest.approx(plain, rel=2e-6)


@pytest.mark.parametrize("kind", GRIDS)
def test_bits_do_not_depend_on_the_order_of_the_points(kind: str) -> None:
    """So neither on which are resumed, nor on which rank measures them."""
    problem = problem_of()
    centre = parameters(problem.model)
    rows: list[dict[int, list[float]]] = []
    for step in (1, -1):
        grid = GRIDS[kind](centre, direction(centre, 0), direction(centre, 1))
        with prepared(problem, engine=Engine(batch_size=16)) as ready:
            found = {}
            for index in range(len(grid))[::step]:
                grid.weights_at(index, ready.weights)
                found[index] = ready.measure(combination_at(grid, index))
            rows.append(found)
    assert rows[0] == rows[1]


def test_the_ends_of_a_segment_are_the_networks_to_the_last_bit() -> None:
    problem = problem_of()
    start = parameters(problem.model)
    end = direction(start, 0)
    segment = Segment(start, end)
    with prepared(problem) as ready:
        for alpha in (0.0, 1.0):
            segment.place(ready.weights, alpha)
            assert ready.measure(segment.combine(alpha)) == ready.measure()


@pytest.mark.parametrize("name", ["MLP", "words"])
@pytest.mark.parametrize("value", [nan, inf, -inf, 1e30, 3e38])
def test_what_is_not_finite_is_where_it_is_by_the_networks_own_pass(name: str, value: float) -> None:
    problem = problem_of(name)
    centre = parameters(problem.model)
    x, y = direction(centre, 0), direction(centre, 1)
    next(iter(x.values()))[0, 0] = value
    grid = Plane(centre, x, y).grid(5)
    fast, plain = evaluate(problem, grid), evaluate(problem, grid, engine=PLAIN)
    np.testing.assert_allclose(fast.loss, plain.loss, rtol=1e-5)  # NaN and infinity as well


@pytest.mark.parametrize("extent", [1e15, 1e30, 1e37, 3e38])
def test_large_extents_overflow_where_they_do_by_the_networks_own_pass(extent: float) -> None:
    problem = problem_of()
    fast, plain = (surface(problem, points=5, extent=extent, engine=engine) for engine in (Engine(), PLAIN))
    np.testing.assert_array_equal(np.isfinite(fast.loss), np.isfinite(plain.loss))
    assert fast.not_finite == plain.not_finite


@pytest.mark.parametrize("value", [nan, inf])
def test_data_that_are_not_finite_come_out_as_they_do_from_the_network(value: float) -> None:
    problem = problem_of()
    problem.data["train"][0][3, 0, 0, 0] = value
    fast, plain = (line(problem, directions=1, points=5, engine=engine) for engine in (Engine(), PLAIN))
    np.testing.assert_allclose(fast.loss, plain.loss, rtol=1e-6)


@pytest.mark.parametrize("statistics", [False, True])
def test_batch_norm_after_the_first_layer_is_followed(statistics: bool) -> None:
    problem = problem_of("batch norm")
    options = {"directions": 2, "points": 5, "ignore": "none", "statistics": statistics}
    fast, plain = (line(problem, engine=engine, **options) for engine in (Engine(), PLAIN))
    np.testing.assert_allclose(fast.loss, plain.loss, rtol=1e-5)


def test_points_that_move_buffers_are_combinations_too() -> None:
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, 10))
    data = {"train": (torch.randn(50, 64), torch.arange(50) % 10)}
    problem = Problem(model, nn.functional.cross_entropy, data)
    other = {name: tensor + 0.3 for name, tensor in state(model).items()}
    grid = Segment(state(model), other).grid(7)
    fast, plain = evaluate(problem, grid), evaluate(problem, grid, engine=PLAIN)
    np.testing.assert_allclose(fast.loss, plain.loss, rtol=1e-5)


def test_data_that_do_not_lie_in_one_piece_are_told_apart_by_batch() -> None:
    problem = problem_of()
    turned = {
        split: (inputs.transpose(2, 3), targets) for split, (inputs, targets) in problem.data.items()
    }  # flattening copies these, each time to other memory
    contiguous = {split: (inputs.contiguous(), targets) for split, (inputs, targets) in turned.items()}
    engine = Engine(batch_size=16)
    losses = [
        surface(Problem(problem.model, problem.loss, data), points=3, engine=engine).loss
        for data in (turned, contiguous)
    ]
    np.testing.assert_array_equal(*losses)


@pytest.mark.parametrize("engine", [Engine(per_class=True), Engine(subsample=20), Engine(batch_size=7)])
def test_all_of_the_engines_values_follow(engine: Engine) -> None:
    problem = problem_of()
    fast, plain = (
        surface(problem, points=5, engine=of) for of in (engine, Engine(**{**vars(engine), "fuse": False}))
    )
    assert set(fast) == set(plain)
    for name in fast:
        np.testing.assert_allclose(fast[name], plain[name], rtol=1e-5, atol=1e-6)


def test_an_adaptive_surface_and_a_resumed_one_have_the_bits_of_the_whole(tmp_path: Path) -> None:
    problem = problem_of()
    whole = surface(problem, points=9)
    adaptive = surface(problem, points=9, sampling="adaptive", tolerance=1e-9)
    measured = adaptive.measured.values.astype(bool)
    np.testing.assert_array_equal(adaptive.loss.values[:, measured], whole.loss.values[:, measured])

    def stop(done: int, total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    journal = tmp_path / "journal"
    with pytest.raises(KeyboardInterrupt):
        surface(problem, points=9, journal=journal, progress=stop)
    np.testing.assert_array_equal(surface(problem, points=9, journal=journal).loss, whole.loss)


def test_reduced_precision_combines_nothing() -> None:
    problem = problem_of()
    centre = parameters(problem.model)
    grid = Line(centre, direction(centre, 0)).grid(3)
    with prepared(problem, engine=Engine(precision="bfloat16")) as ready:
        grid.weights_at(0, ready.weights)
        assert ready.measure(combination_at(grid, 0)) == ready.measure()


@pytest.mark.parametrize(("room", "combines"), [(0, 0), (2 * 4 * 16 * 64 * 4, 2), (2**26, 4)])
def test_what_is_kept_has_its_room(monkeypatch: pytest.MonkeyPatch, room: int, combines: int) -> None:
    """Three products and a sum of (16, 64) for each of four batches, which are larger than the data."""
    monkeypatch.setattr(combined, "_ROOM", room)
    problem = problem_of(n=64)
    centre = parameters(problem.model)
    grid = Plane(centre, direction(centre, 0), direction(centre, 1)).grid(3)
    with prepared(problem, splits=["train"], engine=Engine(batch_size=16)) as ready, torch.inference_mode():
        grid.weights_at(0, ready.weights)
        ready.weights[FIRST].fill_(nan)
        ready.forward.refresh(combination_at(grid, 0))
        outputs = [ready.forward(inputs) for inputs, _ in ready.batches["train"]]
    assert sum(bool(of.isfinite().all()) for of in outputs) == combines


def test_directions_of_another_precision_are_left_to_the_network() -> None:
    problem = problem_of()
    centre = parameters(problem.model)
    grid = Line(centre, double(direction(centre, 0))).grid(3)
    fast, plain = evaluate(problem, grid), evaluate(problem, grid, engine=PLAIN)
    np.testing.assert_allclose(fast.loss, plain.loss, rtol=1e-6)


class Twice(nn.Module):
    """Uses its inputs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + x


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (nn.Sequential(nn.Linear(64, 3), nn.Linear(3, 2)), True),
        (nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(64, 3), nn.ReLU()), True),
        (Tied(), True),
        (nn.Sequential(nn.ReLU(), nn.Linear(64, 3)), False),
        (Twice(), False),
    ],
)
def test_only_a_layer_that_alone_takes_the_inputs_is_the_first(model: nn.Module, found: bool) -> None:
    graph: fx.GraphModule = traced(model.eval())
    fuse(graph, Shapes.of(graph, torch.ones(2, 64)))
    assert (first_layer(graph) is not None) == found
