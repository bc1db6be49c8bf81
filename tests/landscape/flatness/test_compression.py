"""Pruned and quantised networks: which entries are left, what they become, what is counted."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from lossatlas.landscape import Problem, compression
from lossatlas.landscape.flatness.compression import pruned, quantised


@pytest.fixture
def small() -> Problem:
    """With batch norm, whose parameters and statistics stay as they are."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)).eval()
    inputs = torch.randn(40, 4, generator=generator)
    return Problem(model, nn.functional.cross_entropy, {"train": (inputs, torch.arange(40) % 3)})


def test_pruning_is_torchs_of_the_smallest_entries(rng: torch.Generator) -> None:
    tensor = torch.randn(5, 4, 3, generator=rng)
    layer = nn.Module()
    layer.weight = nn.Parameter(tensor.clone())
    prune.l1_unstructured(layer, "weight", amount=42)
    assert torch.equal(pruned(tensor, 0.3), layer.weight)
    assert torch.equal(pruned(tensor, 1.0), tensor)
    assert pruned(tensor, 0.001).count_nonzero() == 1


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_each_entry_that_is_left_goes_to_the_nearest_of_the_even_values(
    bits: int, rng: torch.Generator
) -> None:
    tensor = torch.randn(7, 9, generator=rng)
    tensor[0] = 0.0
    there = tensor[1:].double().numpy()
    levels = np.linspace(there.min(), there.max(), 2**bits)
    nearest = levels[np.abs(there[..., None] - levels).argmin(-1)]
    found = quantised(tensor, bits)
    np.testing.assert_allclose(found[1:].numpy(), nearest, atol=1e-6)
    assert not found[0].any()


def test_loss_and_error_are_those_of_the_network_with_these_weights(small: Problem) -> None:
    dataset = compression(small, kept=[1.0, 0.5], bits=[32, 3])
    inputs, targets = small.data["train"]
    for share in (1.0, 0.5):
        for bits in (32, 3):
            state = {
                name: quantised(pruned(tensor, share), bits) if name in ("0.weight", "3.weight") else tensor
                for name, tensor in small.model.state_dict().items()
            }
            outputs = torch.func.functional_call(small.model, state, (inputs,))
            there = dataset.sel(kept=share, bits=bits, split="train")
            assert there.loss.item() == pytest.approx(small.loss(outputs, targets).item(), rel=1e-5)
            assert there.error.item() == pytest.approx((outputs.argmax(1) != targets).float().mean().item())


def test_sizes_count_entries_masks_ends_and_whatever_else_is_stored(small: Problem) -> None:
    """Weights of 24 and 18 entries; biases, scales, shifts and running statistics: 6 + 3 + 4 x 6 numbers."""
    dataset = compression(small, kept=[1.0, 0.5], bits=[32, 5])
    others = 32 * 33
    bits = [
        [others + 32 * 42, others + 5 * 42 + 2 * 64],
        [others + 32 * 21 + 42, others + 5 * 21 + 42 + 2 * 64],
    ]
    assert (8 * dataset["size"]).values.tolist() == bits
    assert 8 * dataset["whole"].item() == others + 32 * 42
    assert dataset["parameters"].item() == 24 + 6 + 12 + 18 + 3
    assert dataset["size"].attrs["units"] == "B"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kept": [0.0]}, "kept must be different shares in (0, 1], got [0.0]"),
        ({"kept": []}, "kept must be different shares in (0, 1], got []"),
        ({"kept": [0.5, 0.5]}, "kept must be different shares in (0, 1], got [0.5, 0.5]"),
        ({"bits": [33]}, "bits must be different whole numbers from 1 to 32, got [33]"),
        ({"bits": [2.5]}, "bits must be different whole numbers from 1 to 32, got [2.5]"),
    ],
)
def test_bad_options_are_refused(small: Problem, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        compression(small, **options)


def test_networks_whose_weights_are_not_what_is_stored_are_refused(small: Problem) -> None:
    parametrizations.weight_norm(small.model[3])
    with pytest.raises(
        ValueError, match=r"^3\.weight is made of other tensors, by a parametrization or a hook"
    ):
        compression(small)
    with pytest.raises(ValueError, match="no parameter of two or more dimensions to prune or quantise"):
        compression(Problem(nn.BatchNorm1d(4), small.loss, small.data))
