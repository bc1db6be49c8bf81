"""Multi-layer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from lossatlas.models.activations import activation_named
from lossatlas.models.checks import check_choice, check_input, check_positive, check_probability
from lossatlas.models.dropping import with_dropout


class MLP(nn.Module):
    """Perceptron. Maps images (B, C, H, W), flattened, to logits (B, classes).

    ``hidden``: units of each hidden layer; none makes it logistic regression. ``batch_norm``: normalise each
    hidden layer, ``norm_position`` "before" its activation, when it has no bias of its own, or "after" it.
    ``activation``: of the hidden units, by its name in `lossatlas.models.activations`. ``dropout`` is the rate at which
    hidden units are dropped, ``input_dropout`` that of pixels. ValueError for sizes that are not positive, for an
    unknown activation or position, and for rates that are no probabilities below 1.

    >>> network = MLP(hidden=[16], input_shape=(1, 8, 8), classes=10)
    >>> sum(p.numel() for p in network.parameters())  # 64*16 + 16 + 16*10 + 10
    1210
    """

    def __init__(
        self,
        hidden: Sequence[int],
        *,
        input_shape: Sequence[int],
        classes: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        norm_position: str = "before",
        activation: str = "relu",
    ) -> None:
        super().__init__()
        channels, height, width = check_input(input_shape, classes, least=1, network="an MLP")
        check_positive(hidden=hidden)
        sizes = [channels * height * width, *hidden]
        active = activation_named(activation)
        self.layers = nn.Sequential(
            nn.Flatten(),
            *fully_connected(sizes, classes, batch_norm, norm_position=norm_position, activation=active),
        )
        check_probability(dropout=dropout, input_dropout=input_dropout)
        self.layers = with_dropout(self.layers, dropout, first=input_dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        return self.layers(images)


def fully_connected(
    units: Sequence[int],
    classes: int,
    batch_norm: bool,
    dropout: float = 0.0,
    *,
    bias: bool | None = None,
    norm_position: str = "before",
    activation: Callable[[], nn.Module],
) -> list[nn.Module]:
    """Linear layers from ``units[0]`` inputs to ``classes`` outputs, with an activation after all but the last.

    ``bias``: of all but the last, which always has one; None: where no batch norm takes it out again.
    """
    if bias is None:
        bias = keeps_bias(batch_norm, norm_position)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(units):
        layers += [nn.Dropout(dropout)] if dropout else []
        layers.append(nn.Linear(inputs, outputs, bias=bias))
        norms: list[nn.Module] = [nn.BatchNorm1d(outputs)] if batch_norm else []
        layers += in_position(norms, activation(), norm_position)
    return [*layers, nn.Linear(units[-1], classes)]


NORM_POSITIONS = ("before", "after")
"""Of the activation: before it (Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2), or after it."""


def in_position(norms: list[nn.Module], activation: nn.Module, position: str) -> list[nn.Module]:
    """The normalisations of a layer, if any, and its activation, in their order. ValueError for another position.

    >>> in_position([nn.BatchNorm1d(2)], nn.ReLU(), "after")[0]
    ReLU()
    """
    check_choice(NORM_POSITIONS, norm_position=position)
    return [*norms, activation] if position == "before" else [activation, *norms]


def keeps_bias(batch_norm: bool, position: str) -> bool:
    """Whether a layer's bias has an effect: batch norm right behind it takes it out again.

    >>> keeps_bias(True, "before"), keeps_bias(True, "after"), keeps_bias(False, "before")
    (False, True, True)
    """
    return not batch_norm or position == "after"
