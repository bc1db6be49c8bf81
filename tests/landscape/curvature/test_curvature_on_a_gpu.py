import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr

from lossatlas.landscape import Problem, jacobian, level_sets, sam_sharpness, spectrum, trace

Survey = Callable[[Problem], xr.DataArray]
SURVEYS: dict[str, Survey] = {
    "trace": lambda problem: trace(problem, probes=10, sketch=5).trace,
    "gauss_newton": lambda problem: trace(problem, probes=10, sketch=0, matrix="gauss_newton").sample,
    "spectrum": lambda problem: spectrum(problem, probes=2, steps=20, variance=1e-3).density,
    "jacobian": lambda problem: jacobian(problem, examples=5).singular_value,
    "sam_sharpness": lambda problem: (
        sam_sharpness(problem, rhos=[0.1, 0.5], steps=2, normalize="filter").rise
    ),
    "level_sets": lambda problem: level_sets(problem, directions=1, levels=[0.2], angles=0).radius,
}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("survey", SURVEYS.values(), ids=SURVEYS.keys())
def test_a_gpu_gives_what_the_cpu_gives(problem: Problem, survey: Survey) -> None:
    data = {split: (inputs.cuda(), targets.cuda()) for split, (inputs, targets) in problem.data.items()}
    on_gpu = survey(Problem(copy.deepcopy(problem.model).cuda(), problem.loss, data))
    expected = survey(problem)
    np.testing.assert_allclose(on_gpu, expected, rtol=1e-3, atol=1e-3 * float(abs(expected).max()))
