"""Reduced precision says how far it is off."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import (
    Engine,
    HessianDirections,
    Problem,
    convexity,
    eigenvalues,
    line,
    lipschitz,
    sam_sharpness,
    sharpness,
    spectrum,
    surface,
    trace,
)
from lossatlas.landscape.measuring.gradient import loss_and_gradient
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.problem import Loss
from lossatlas.landscape.survey import Survey


@pytest.mark.parametrize("fuse", [True, False])
def test_the_stated_error_of_bfloat16_is_that_against_float64(
    problem: Problem, double_problem: Problem, fuse: bool
) -> None:
    """Nine points of 25: the largest difference at these cannot exceed that of all, and is of its order."""
    coarse = surface(problem, points=5, engine=Engine(precision="bfloat16", fuse=fuse))
    reference = surface(double_problem, points=5)
    spans = reference.loss.max(("y", "x")) - reference.loss.min(("y", "x"))
    error = float((abs(coarse.loss - reference.loss) / spans).max())
    assert 0 < coarse.attrs["precision_error"] < 1.05 * error
    assert error < 5 * coarse.attrs["precision_error"]
    assert error < 0.03
    assert coarse.attrs["precision_error_points"] == 9


def test_the_exact_engine_states_no_error(problem: Problem) -> None:
    assert "precision_error" not in surface(problem, points=3).attrs


def test_points_that_are_not_finite_are_left_out(problem: Problem) -> None:
    for parameter in problem.model.parameters():
        parameter.data.fill_(float("nan"))
    dataset = surface(problem, points=3, normalize="none", engine=Engine(precision="bfloat16"))
    assert dataset.attrs["not_finite"] == dataset.loss.size
    assert np.isnan(dataset.attrs["precision_error"])


def test_tf32_needs_a_gpu(problem: Problem) -> None:
    with (
        pytest.raises(ValueError, match="precision 'tf32' needs a CUDA device, the network is on cpu"),
        prepared(problem, engine=Engine(precision="tf32")),
    ):
        pass


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("tf32", 1e-2), ("bfloat16", 5e-2)])
def test_a_gpu_gives_what_the_cpu_gives(problem: Problem, precision: str, tolerance: float) -> None:
    """By CUDA graphs, at more points than one: a replay that did not see new weights would repeat the first."""
    on_cpu = surface(problem, points=5)
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    on_gpu = surface(
        Problem(problem.model.cuda(), nn.functional.cross_entropy, data),
        points=5,
        engine=Engine(precision=precision),
    )
    assert on_gpu.forward == "fused"
    span = float(on_cpu.loss.max() - on_cpu.loss.min())
    assert float(abs(on_gpu.loss - on_cpu.loss).max()) < tolerance * span


def tokens(targets: str) -> tuple[nn.Module, Problem]:
    """A network of ids up to 999, which bfloat16 cannot hold, and its problem."""
    rng = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Embedding(1000, 12), nn.Flatten(), nn.Linear(60, 4))
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.4, generator=rng)
    ids = torch.randint(1000, (150, 5), generator=rng)
    if targets == "classes":
        return model, Problem(model, nn.functional.cross_entropy, {"train": (ids, ids.sum(1) % 4)})
    return model, Problem(model, nn.L1Loss(), {"train": (ids, torch.randn(150, 4, generator=rng))})


@pytest.mark.parametrize("targets", ["classes", "numbers"])
@pytest.mark.parametrize("fuse", [True, False])
def test_outputs_of_a_network_of_tokens_are_no_whole_numbers_in_bfloat16(targets: str, fuse: bool) -> None:
    model, problem = tokens(targets)
    ids, wanted = problem.data["train"]
    with torch.no_grad():
        exact = float(problem.loss(model(ids), wanted))
    dataset = line(problem, points=3, directions=1, engine=Engine(precision="bfloat16", fuse=fuse))
    assert float(dataset.loss.sel(alpha=0.0).squeeze()) == pytest.approx(exact, rel=0.01)
    assert 0 < dataset.attrs["precision_error"] < 0.05


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("loss", [nn.functional.cross_entropy, nn.functional.mse_loss])
def test_the_loss_of_a_network_in_half_precision_is_taken_in_float32(
    dtype: torch.dtype, fuse: bool, loss: Loss, rng: torch.Generator
) -> None:
    """In half precision 33 points of a short line have a handful of different losses."""
    x = torch.randn(200, 8, generator=rng)
    model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 2))
    for parameter in model.parameters():
        parameter.data.normal_(0.0, 0.2, generator=rng)
    model = model.to(dtype)
    targets = (x[:, 0] > 0).long() if loss is nn.functional.cross_entropy else x[:, :2].to(dtype)
    dataset = line(
        Problem(model, loss, {"train": (x.to(dtype), targets)}),
        points=33,
        directions=1,
        extent=0.1,
        engine=Engine(fuse=fuse),
    )
    losses = dataset.loss.values.ravel()
    wide = targets if loss is nn.functional.cross_entropy else targets.double()
    with torch.no_grad():
        assert losses[16] == pytest.approx(float(loss(model(x.to(dtype)).double(), wide)), rel=1e-6)
    assert len(np.unique(losses)) > 25
    assert dataset.attrs["dtype"] == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize(
    "survey",
    [
        *(partial(eigenvalues, matrix=matrix) for matrix in ("hessian", "gauss_newton")),
        trace,
        spectrum,
        partial(convexity, points=2),
        partial(line, along=HessianDirections(), points=3),
        sharpness,
        sam_sharpness,
        lipschitz,
    ],
)
def test_steps_that_half_precision_cannot_hold_are_refused(survey: Survey, rng: torch.Generator) -> None:
    """An eigenvalue of bfloat16 weights had a residual of a third of it and converged = 1."""
    x = torch.randn(64, 4, generator=rng).bfloat16()
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)).bfloat16()
    problem = Problem(model, nn.functional.cross_entropy, {"train": (x, (x[:, 0] > 0).long())})
    with pytest.raises(
        ValueError, match=r"need weights in float32 or float64, got '0.weight' in bfloat16: call flo"
    ):
        survey(problem)


def test_the_gradient_of_half_precision_is_added_up_in_float32(rng: torch.Generator) -> None:
    """300 batches of one example: a sum of their gradients in bfloat16 stands still before it has them all."""
    model = nn.Linear(1, 1, bias=False).bfloat16()
    x = 1 + torch.rand(300, 1, generator=rng).bfloat16()
    problem = Problem(model, lambda outputs, targets: outputs.mean(), {"train": (x, torch.zeros(300, 1))})
    with prepared(problem, engine=Engine(batch_size=1)) as ready:
        _, gradient = loss_and_gradient(ready, "train")
    assert gradient["weight"].item() == pytest.approx(float(x.double().mean()), rel=1e-6)
