"""Datasets for the figures: those made up for the claims' tests, and those of real surveys."""

import importlib.util
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parent))
from depth_sweep import datasets

_PATH = Path(__file__).parents[1] / "claims" / "conftest.py"


@pytest.fixture(scope="session")
def sharpness_datasets() -> Any:
    spec = importlib.util.spec_from_file_location("sharpness_factory", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Factory()


@pytest.fixture(scope="session")
def landscapes() -> dict[str, xr.Dataset]:
    """What the surveys give for a small network, by their names, as their files hold it."""
    import torch
    from torch import nn
    from torch.optim import SGD

    from lossatlas import landscape as surveys
    from lossatlas.optim import distancing

    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)

    def network() -> nn.Module:
        model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
        for parameter in model.parameters():
            parameter.data.normal_(0.0, 0.7, generator=rng)
        return model

    data = {
        split: (torch.randn(n, 4, generator=rng), torch.randint(3, (n,), generator=rng))
        for split, n in (("train", 40), ("test", 20))
    }
    model, *others = [network() for _ in range(6)]
    states = [other.state_dict() for other in others]
    problem = surveys.Problem(model, nn.functional.cross_entropy, data)
    force = distancing.DistanceForce(
        distancing.RBF(),
        distancing.Sigma(1.0),
        1.0,
        distance=distancing.Distance(),
        merging=distancing.EachCheckpoint(),
        push=distancing.Away(),
    )
    rectified = surveys.Problem(
        nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), problem.loss, data
    )
    found = [
        surveys.line(problem, directions=3, points=7),
        surveys.surface(problem, points=7),
        surveys.interpolation(problem, other=states[0], points=9),
        surveys.weights(problem, bins=11),
        surveys.weight_spectrum(problem),
        surveys.sharpness(problem, iterations=1),
        surveys.path(problem, through=states[:2], points=5),
        surveys.plane(problem, others=states[:2], points=7),
        surveys.curve_plane(problem, curve=surveys.ControlledCurve(surveys.Bezier(), states[:3]), points=7),
        surveys.curve_distances(
            problem,
            curves=[surveys.ControlledCurve(surveys.Bezier(), states[k : k + 3]) for k in (0, 1)],
            points=5,
        ),
        surveys.trajectory(problem, snapshots=states, points=7),
        surveys.convexity(problem, points=3),
        surveys.eigenvalues(problem, smallest=2, largest=3),
        surveys.trace(problem, probes=12, sketch=2, tolerance=None),
        surveys.spectrum(problem, probes=3, steps=10),
        surveys.jacobian(problem, examples=5),
        surveys.adversarial(problem),
        surveys.dropout_ensemble(
            surveys.Problem(nn.Sequential(nn.Dropout(0.2), model), problem.loss, data), samples=4
        ),
        surveys.sam_sharpness(problem),
        surveys.lipschitz(problem),
        surveys.compression(problem),
        surveys.signal_propagation(problem),
        surveys.along_training(
            problem, snapshots=dict(enumerate(states[:4])), survey=partial(surveys.eigenvalues, largest=2)
        ),
        surveys.feature_rank(problem),
        surveys.activation_patterns(rectified, through=[states[0]], points=5),
        surveys.gradient_noise(problem, sizes=[1, 4, 16], draws=8),
        surveys.hessian_noise(problem, sizes=[1, 4, 16], draws=4, probes=2),
        surveys.ensemble(problem, members=states, own=True),
        surveys.aligned(rectified, other=states[0], points=5),
        surveys.triangle(problem, control_points=states[:3], side=4),
        surveys.tunnel(problem, through=states[:2], positions=5, directions=3),
        surveys.spanning_tree(
            problem,
            bands=[
                surveys.ControlledCurve(surveys.PolygonalChain(bends=0), [states[i], states[k]])
                for i, k in ((0, 1), (1, 2), (0, 2))
            ],
            points=9,
        ),
        surveys.step_time(
            problem, force=force, optimizer=partial(SGD, lr=0.01), batch_size=9, steps=1, rounds=2
        ),
        surveys.level_sets(problem, directions=3, angles=8),
        surveys.twins(rectified, survey=partial(surveys.eigenvalues, smallest=0), factors=[0.1, 1.0, 10.0]),
    ]
    return {dataset.attrs["survey"]: dataset for dataset in found}


@pytest.fixture
def depths() -> dict[str, xr.Dataset]:
    """A sweep over depth, skip connections and seeds, of which a test may change what it likes."""
    return datasets()
