"""Every normalisation layer that torch has stands in the one list, and is known wherever that is asked."""

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lossatlas.layers import BATCH_NORM, FOLDABLE, NORMALIZATION_LAYERS
from lossatlas.models.init import kaiming_normal
from lossatlas.optim.distancing import Distance

LAYERS = [
    nn.BatchNorm1d(4),
    nn.BatchNorm2d(4),
    nn.BatchNorm3d(4),
    nn.SyncBatchNorm(4),
    nn.InstanceNorm1d(4, affine=True),
    nn.InstanceNorm2d(4, affine=True),
    nn.InstanceNorm3d(4, affine=True),
    nn.GroupNorm(2, 4),
    nn.LayerNorm(4),
    nn.RMSNorm(4),
]
"""One of each kind that has parameters."""


def test_none_of_torch_s_is_forgotten() -> None:
    listed = {type(layer) for layer in LAYERS}
    known = {
        kind
        for name in dir(nn)
        if name.endswith("Norm") or "Norm1d" in name or "Norm2d" in name or "Norm3d" in name
        if isinstance(kind := getattr(nn, name), type) and not name.startswith("Lazy")
    }
    assert known - {nn.LocalResponseNorm, nn.CrossMapLRN2d} == listed  # which have no parameters


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_each_is_initialised_as_the_identity_and_is_left_out_of_a_distance(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 7.0)
    kaiming_normal(layer, generator=torch.Generator().manual_seed(0))
    expected = {"weight": [1.0] * 4, "bias": [0.0] * 4}
    found = {name: parameter.tolist() for name, parameter in layer.named_parameters()}
    assert found == {name: expected[name] for name in found}
    assert "weight" in found
    names = Distance(normalization=False).layout(nn.ModuleDict({"norm": layer, "linear": nn.Linear(2, 2)}))
    assert names.names == ("linear.weight", "linear.bias")


def test_what_folds_is_batch_norm_and_what_is_batch_norm_normalises() -> None:
    assert set(FOLDABLE) == {nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d}
    assert all(issubclass(kind, BATCH_NORM) for kind in FOLDABLE)
    assert BATCH_NORM is _BatchNorm
    assert issubclass(BATCH_NORM, NORMALIZATION_LAYERS)
