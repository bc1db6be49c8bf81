import pytest
import torch
from torch import nn

from lossatlas.optim import MaxNorm


def test_rows_and_filters_that_are_too_long_are_shrunk_and_no_others_changed() -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Linear(6, 5))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    before["0.weight"][:2] *= 10
    network.load_state_dict(before, strict=False)
    MaxNorm(1.0).project(dict(network.named_parameters()), {})
    for name, parameter in network.named_parameters():
        if parameter.ndim == 1:
            assert torch.equal(parameter, before[name])
            continue
        norms = before[name].flatten(1).norm(dim=1)
        expected = before[name] * (1 / norms.clamp_min(1.0)).reshape(-1, *[1] * (parameter.ndim - 1))
        torch.testing.assert_close(parameter.detach(), expected)
    assert (before["0.weight"].flatten(1).norm(dim=1) > 1).sum() == 2


def test_what_it_cannot_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="norm must be positive, got 0"):
        MaxNorm(0)
    with pytest.raises(ValueError, match="weight is parametrised"):
        MaxNorm(1).check(dict(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)).named_parameters()))
