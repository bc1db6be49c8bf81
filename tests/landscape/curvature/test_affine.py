import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lossatlas.landscape.curvature.affine import affine_batch_norm


def norms() -> list[tuple[nn.Module, torch.Tensor]]:
    rng = torch.Generator().manual_seed(0)
    cases: list[tuple[nn.Module, torch.Tensor]] = [
        (nn.BatchNorm1d(3), torch.randn(4, 3, generator=rng)),
        (nn.BatchNorm1d(3, affine=False), torch.randn(4, 3, 5, generator=rng)),
        (nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5, generator=rng)),
        (nn.BatchNorm3d(3), torch.randn(4, 3, 2, 2, 2, generator=rng)),
    ]
    for module, _ in cases:
        for tensor in (*module.parameters(), module.running_mean, module.running_var):
            tensor.data.uniform_(0.5, 2.0, generator=rng)
        module.eval()
    return cases


@pytest.mark.parametrize(("module", "inputs"), norms())
def test_it_computes_what_torch_computes(module: nn.Module, inputs: torch.Tensor) -> None:
    expected = module(inputs)
    with affine_batch_norm(module):
        assert "forward" in vars(module)
        assert_close(module(inputs), expected)
    assert "forward" not in vars(module)


def test_what_is_not_affine_or_not_torch_s_own_is_left_alone() -> None:
    class WithActivation(nn.BatchNorm1d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).relu()

    left = nn.Sequential(
        nn.BatchNorm1d(2, track_running_stats=False),
        WithActivation(2),
        nn.InstanceNorm1d(2),
        nn.GroupNorm(1, 2),
    ).eval()
    left.append(nn.BatchNorm1d(2).train())
    with affine_batch_norm(left):
        assert not any("forward" in vars(module) for module in left)


def test_the_network_s_own_forward_comes_back_after_an_error() -> None:
    module = nn.BatchNorm1d(2).eval()
    with pytest.raises(ValueError, match="expected 2D or 3D input"), affine_batch_norm(module):
        module(torch.zeros(1, 2, 3, 4))
    assert "forward" not in vars(module)
