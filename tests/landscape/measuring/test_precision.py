"""Reduced precision says how far it is off."""

import numpy as np
import pytest
import torch
from torch import nn

from lossatlas.landscape import Engine, Problem, surface
from lossatlas.landscape.measuring.prepared import prepared


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
