import pytest
import torch

from lossatlas.landscape.flatness.sam_sharpness import scale_of

WEIGHTS = {"kernel": torch.tensor([[[3.0], [-4.0]], [[0.0], [2.0]]]), "bias": torch.tensor([-1.0, 0.0])}


@pytest.mark.parametrize(
    ("normalize", "kernel", "bias"),
    [
        ("none", [1, 1, 1, 1], [1, 1]),
        ("weight", [3, 4, 0, 2], [1, 0]),
        ("filter", [5, 5, 2, 2], [1, 1]),
        ("layer", [29**0.5] * 4, [1, 1]),
    ],
)
def test_a_perturbation_is_as_large_as_what_it_is_normalised_by(
    normalize: str, kernel: list[float], bias: list[float]
) -> None:
    scale = scale_of(WEIGHTS, normalize)
    torch.testing.assert_close(scale["kernel"].reshape(-1), torch.tensor(kernel).float())
    torch.testing.assert_close(scale["bias"], torch.tensor(bias).float())


def test_an_unknown_normalisation_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(ValueError, match=r"unknown normalize 'filters'.*did you mean filter\?"):
        scale_of(WEIGHTS, "filters")
