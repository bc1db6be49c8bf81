import math

import pytest
import torch

from lossatlas.optim.distancing import RBF, InverseWidth, Sigma, Travelled, Width

TRAVELLED = torch.tensor([4.0, 9.0], dtype=torch.float64)


def test_the_two_conventions_are_the_same_kernel_when_sigma_squared_is_half() -> None:
    """The final thesis has sigma^2 = 1000 in exp(-D / sigma^2); in exp(-D / (2 sigma^2)) that is sigma^2 = 500."""
    final, draft = InverseWidth(1 / 1000), Sigma(math.sqrt(500))
    torch.testing.assert_close(final.precision(TRAVELLED), draft.precision(TRAVELLED), rtol=1e-12, atol=0)
    at_1000 = RBF().value(final.precision(TRAVELLED) * 1000)
    torch.testing.assert_close(at_1000, torch.full((2,), math.exp(-1)).double(), rtol=1e-7, atol=0)


def test_a_multiple_of_the_way_travelled_is_that_sigma_for_each_group() -> None:
    ours = Travelled(0.5).precision(TRAVELLED)
    theirs = torch.cat([Sigma(0.5 * 2).precision(TRAVELLED[:1]), Sigma(0.5 * 3).precision(TRAVELLED[:1])])
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_a_width_in_multiples_of_no_way_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"from the initialisation to the checkpoint, which is 0: expected"):
        Travelled(1.0).precision(torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize(("width", "key"), [(Sigma, "sigma"), (InverseWidth, "w"), (Travelled, "multiple")])
@pytest.mark.parametrize("value", [0.0, -2.0, math.nan])
def test_a_width_that_is_not_positive_is_refused(width: type[Width], key: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{key} must be positive, got {value}"):
        width(value)  # type: ignore[call-arg]
