import pytest
from torch import nn

from lossatlas.optim.distancing import Distance


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        nn.GroupNorm(1, 2),
        nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)),
    )


NORMS = {f"{layer}.{name}" for layer in ("1", "2", "3.1") for name in ("weight", "bias")}
BIASES = {"0.bias", "3.0.bias"}


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("normalization", [True, False])
def test_biases_and_normalisation_are_counted_or_not_each_by_itself(
    biases: bool, normalization: bool
) -> None:
    expected = {"0.weight", "3.0.weight"}
    expected |= (BIASES if biases else set()) | (NORMS if normalization else set())
    assert set(Distance(biases=biases, normalization=normalization).layout(network()).names) == expected


def test_parameters_are_in_the_module_s_order_in_one_group() -> None:
    layout = Distance().layout(network())
    assert layout.names == tuple(name for name, _ in network().named_parameters())
    assert (layout.groups, set(layout.group_of)) == (("",), {0})


def test_a_layer_is_the_module_that_holds_the_parameters() -> None:
    layout = Distance(per_layer=True).layout(network())
    assert layout.groups == ("0", "1", "2", "3.0", "3.1")
    assert layout.group_of == (0, 0, 1, 1, 2, 2, 3, 3, 4, 4)


def test_what_is_not_trained_is_not_counted_and_what_is_shared_is_counted_once() -> None:
    tied = network()
    tied.append(tied[0])
    tied[1].requires_grad_(False)
    names = Distance().layout(tied).names
    assert set(names) == {name for name, _ in network().named_parameters() if not name.startswith("1.")}
    assert len(names) == len(set(names))


def test_nothing_that_is_counted_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"no trainable parameter .* biases=True and normalization=False: expected"
    ):
        Distance(normalization=False).layout(nn.BatchNorm1d(3))
