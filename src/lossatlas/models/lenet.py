"""LeNet-5."""

from collections.abc import Sequence

from torch import Tensor, nn

from lossatlas.models.activations import activation_named
from lossatlas.models.checks import check_choice, check_input, check_probability
from lossatlas.models.dropping import dropped, with_dropout

_POOLINGS: dict[str, type[nn.Module]] = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}
_KERNEL = 5
_UNPADDED = (32, 14)  # pixels a side with which LeCun et al. enter C1 and C3


class LeNet(nn.Module):
    """LeNet-5. Maps images (B, C, H, W) to logits (B, classes).

    LeCun et al. 1998 (Proc. IEEE 86, p. 2278, fig. 2): 5x5 convolutions to 6 and 16 channels, C1 and C3, each with
    activation and 2x2 pooling behind it; layers C5 and F6 of 120 and 84 units; an output for each class. As in later
    versions, C3 sees all of C1's maps, pooling has no weights, and the output layer is linear.

    A convolution is padded by two pixels where its input is smaller than in the paper (32x32 for C1, 14x14 for C3).
    So images of 28x28 come to the paper's sizes, and 8x8 leaves 2x2 for C5. ``activation``: "tanh" as in the paper,
    or another of `lossatlas.models.activations`; ``pooling``: "average" as there, or "max".

    Rates at which values are dropped in training: ``dropout`` of what C5, F6 and the output layer get,
    ``input_dropout`` of pixels, ``spatial_dropout`` of the maps that C3 gets, each whole.

    ValueError for another activation or pooling, for rates that are no probabilities below 1, or for images of
    less than 4x4 pixels.

    >>> network = LeNet(input_shape=(1, 32, 32), classes=10)
    >>> sum(p.numel() for p in network.parameters())  # C1 156, C3 2416, C5 48120, F6 10164, output 850
    61706
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int],
        classes: int,
        activation: str = "tanh",
        pooling: str = "average",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        spatial_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_choice(_POOLINGS, pooling=pooling)
        channels, *sides = check_input(input_shape, classes, least=4, network="a LeNet")
        active, pool = activation_named(activation), _POOLINGS[pooling]
        layers: list[nn.Module] = []
        for out_channels, unpadded in zip((6, 16), _UNPADDED, strict=True):
            padding = _KERNEL // 2 if min(sides) < unpadded else 0
            layers += [nn.Conv2d(channels, out_channels, _KERNEL, padding=padding), active(), pool(2)]
            sides = [(side + 2 * padding - _KERNEL + 1) // 2 for side in sides]
            channels = out_channels
        self.features = nn.Sequential(*layers)
        features = channels * sides[0] * sides[1]
        hidden = nn.Linear(features, 120), active(), nn.Linear(120, 84), active()
        self.classifier = nn.Sequential(*hidden, nn.Linear(84, classes))
        check_probability(dropout=dropout, input_dropout=input_dropout, spatial_dropout=spatial_dropout)
        self.input_dropout = dropped(input_dropout)
        self.features = with_dropout(self.features, spatial_dropout, maps=True)
        self.classifier = with_dropout(self.classifier, dropout, first=dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of ``images`` (B, C, H, W)."""
        return self.classifier(self.features(self.input_dropout(images)).flatten(1))
