import torch

from lossatlas.weight_space import clamp_variances


def test_only_the_named_variances_are_clamped_and_nan_stays() -> None:
    weights = {name: torch.tensor([-1.0, torch.nan, 2.0]) for name in ("a.running_var", "b.running_var")}
    clamp_variances(weights, ["a.running_var"])
    expected = torch.tensor([0.0, torch.nan, 2.0])
    torch.testing.assert_close(weights["a.running_var"], expected, equal_nan=True)
    assert weights["b.running_var"][0] == -1.0
