"""Measures of `weight_growth` on made-up numbers, and floors of a smoothed loss against torch."""

import numpy as np
import pytest
import torch
import xarray as xr
from python_of import loaded
from torch import nn

from lossatlas.experiments import Values
from lossatlas.studies import OtherClassSmoothing


@pytest.mark.parametrize(
    ("arm", "loss"),
    [
        ("smoothing", nn.CrossEntropyLoss(label_smoothing=0.1)),
        ("other_classes", OtherClassSmoothing(10, 0.1)),
    ],
)
def test_the_floor_is_the_least_that_the_loss_can_be(arm: str, loss: nn.Module) -> None:
    floor = loaded("weight_growth", "claims").entropies(0.1, 10)[arm]
    margins = torch.linspace(0.0, 10.0, 100_001, dtype=torch.float64)
    logits = torch.zeros(len(margins), 10, dtype=torch.float64)
    logits[:, 0] = margins
    each = torch.stack([loss(row[None], torch.tensor([0])) for row in logits[40_000:50_000:10]])
    assert each.min().item() == pytest.approx(floor, rel=1e-7)


def test_the_excess_is_over_each_arms_own_floor() -> None:
    claims = loaded("weight_growth", "claims")
    floors = claims.entropies(0.1, 10)
    losses = xr.DataArray(
        [[[0.0, 1.01 * floors["smoothing"]]], [[0.0, 1.02 * floors["other_classes"]]]],
        {"method": ["smoothing", "other_classes"], "seed": [0], "epoch": [0, 1]},
    )
    v = Values({"smoothing": 0.1, "classes": 10, "end": 1})
    excess = claims.above_floor(v)(xr.Dataset({"train_loss": losses}))
    np.testing.assert_allclose(excess.sel(seed=0), [1.0, 2.0])
