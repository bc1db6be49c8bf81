"""Networks and losses of all sorts: each is surveyed, or refused by one clear line before anything is measured."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lossatlas.landscape import Problem, interpolation, line, surface
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.measuring.probing import probed

X = torch.randn(37, 4, generator=torch.Generator().manual_seed(1))
Y = torch.arange(37) % 3


def _problem(
    model: nn.Module, loss: Callable[..., object] = nn.functional.cross_entropy, **data: Tensor
) -> Problem:
    torch.manual_seed(0)
    given = (data.get("inputs", X), data.get("targets", Y))
    return Problem(model, loss, {"train": given})  # type: ignore[arg-type]


class Wrapped(nn.Module):
    """A linear layer whose outputs are passed through a function of them and the inputs."""

    def __init__(self, function: Callable[[Tensor, Tensor], object]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.function = function

    def forward(self, inputs: Tensor) -> object:
        return self.function(self.layer(inputs), inputs)


class Force(nn.Module):
    """Takes the gradient of its own energy by its inputs, as networks of molecules do."""

    def __init__(self, anyhow: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.anyhow = anyhow

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.inference_mode(torch.is_inference_mode_enabled() and not self.anyhow), torch.enable_grad():
            inputs = inputs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.layer(inputs).square().sum(), inputs)
        return slope


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda h, x: (h, h), "the network must return a tensor, got tuple; wrap it in a module that does"),
        (lambda h, x: {"logits": h}, "the network must return a tensor, got dict"),
        (lambda h, x: h + torch.randn_like(h), "Wrapped behaves randomly in evaluation mode"),
        (lambda h, x: h + 1e-3 * torch.randn_like(h), "Wrapped behaves randomly in evaluation mode"),
        (lambda h, x: nn.functional.dropout(h, 0.5), "Wrapped behaves randomly in evaluation mode"),
        (lambda h, x: h - h.mean(0), "Wrapped mixes the examples of a batch in evaluation mode"),
        (
            lambda h, x: nn.functional.batch_norm(h, None, None, training=True),
            "cannot take a single example: Expected",
        ),
        (lambda h, x: h.sum(), r"Wrapped must return an output for each of 16 inputs, got shape \(\)"),
        (lambda h, x: h[:7], r"Wrapped must return an output for each of 16 inputs, got shape \(7, 3\)"),
        (
            lambda h, x: h @ x,
            r"Wrapped cannot take inputs of shape \(16, 4\) and dtype float32 of split 'train' under torch",
        ),
    ],
)
def test_networks_that_cannot_be_surveyed_are_refused(function: Callable[..., object], message: str) -> None:
    problem = _problem(Wrapped(function))
    with pytest.raises(ValueError, match=message):
        surface(problem, points=3, progress=lambda done, total: pytest.fail("measured"))
    assert problem.model.training


def test_a_network_that_takes_gradients_in_its_forward_pass_must_leave_inference_mode_for_it() -> None:
    with pytest.raises(
        ValueError, match=r"Force cannot take inputs .* under torch.inference_mode: element 0 of"
    ):
        line(_problem(Force(anyhow=False), nn.functional.mse_loss, targets=X), points=3)
    problem = _problem(Force(anyhow=True), nn.functional.mse_loss, targets=X)
    weight = problem.model.layer.weight
    bias = problem.model.layer.bias
    slope = 2 * (X @ weight.T + bias) @ weight
    middle = line(problem, points=3, directions=1).loss.sel(alpha=0.0).item()
    assert middle == pytest.approx(nn.functional.mse_loss(slope, X).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            nn.CrossEntropyLoss(reduction="sum"),
            "the loss must be a mean over the batch, got another value for the same",
        ),
        (
            nn.CrossEntropyLoss(reduction="none"),
            r"the loss must be a mean over the batch, got a tensor of shape \(16,\)",
        ),
        (lambda outputs, targets: 0.5, "the loss must return a tensor, got float"),
        (
            lambda outputs, targets: outputs.mean() * 1j,
            r"a mean over the batch, got a tensor of shape \(\) and dtype c",
        ),
        (
            nn.CrossEntropyLoss(torch.tensor([1.0, 5.0, 1.0])),
            "every example counts the same, got .* for 16 examples",
        ),
        (
            nn.CrossEntropyLoss(ignore_index=2),
            "every example counts the same, got .* have the mean nan; weights of",
        ),
        (
            lambda o, t: (o - o.mean(0)).square().mean(),
            "every example counts the same, got .* have the mean 0;",
        ),
        (lambda o, t: nn.functional.cross_entropy(o, t).sqrt(), "every example counts the same"),
        (
            nn.MSELoss(),
            r"the loss cannot take outputs of shape \(16, 3\) and dtype float32 and targets of shape \(16,\)",
        ),
        (nn.BatchNorm1d(3), "the loss cannot take outputs"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_losses_that_are_no_mean_are_refused(loss: Callable[..., object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        line(_problem(nn.Linear(4, 3), loss), points=3)


def test_metrics_that_are_no_mean_are_refused() -> None:
    def deviation(outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.std(correction=0)

    problem = Problem(
        nn.Linear(4, 3), nn.functional.cross_entropy, {"train": (X, Y)}, {"deviation": deviation}
    )
    with pytest.raises(
        ValueError, match="the metric 'deviation' must be a mean in which every example counts"
    ):
        line(problem, points=3)


@pytest.mark.parametrize("where", [3, 30])
@pytest.mark.parametrize("extreme", [-100, 255])
def test_ignored_targets_are_found_wherever_they_are(where: int, extreme: int) -> None:
    targets = Y.clone()
    targets[where] = extreme
    problem = _problem(nn.Linear(4, 3), nn.CrossEntropyLoss(ignore_index=extreme), targets=targets)
    with pytest.raises(ValueError, match="ignored targets do that"):
        line(problem, points=3)


def test_targets_beyond_the_classes_are_refused() -> None:
    targets = Y.clone()
    targets[30] = 3
    with pytest.raises(ValueError, match=r"the loss cannot take outputs .*: Target 3 is out of bounds"):
        line(_problem(nn.Linear(4, 3), targets=targets), points=3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_losses_that_are_not_finite_are_kept_and_counted(value: float) -> None:
    """Everywhere, so also where the network is tried."""
    inputs = X.clone()
    inputs[0, 0] = value
    dataset = surface(_problem(nn.Linear(4, 3), inputs=inputs), points=3)
    assert dataset.attrs["not_finite"] == 9
    assert surface(_problem(nn.Linear(4, 3)), points=3).attrs["not_finite"] == 0


def test_losses_that_overflow_far_out_are_kept_and_counted() -> None:
    model = nn.Linear(4, 3)
    model.weight.data.fill_(1.0)
    dataset = line(_problem(model), directions=1, points=5, extent=1e38)
    finite = [bool(value) for value in dataset.loss.notnull().values.reshape(-1)]
    assert finite[2]
    assert dataset.attrs["not_finite"] == 5 - sum(abs(dataset.loss.values.reshape(-1)) < float("inf")) > 0


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 5)
        self.head = nn.Linear(5, 7, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.embedding(tokens)[:, -1])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6, batch_first=True)
        self.head = nn.Linear(6, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.lstm(inputs[:, None].expand(-1, 5, -1))[0][:, -1])


class WithBuffers(nn.Module):
    """Buffers without entries, of no dimension, and of whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("empty", torch.empty(0, 3))
        self.register_buffer("scale", torch.tensor(2.0))
        self.register_buffer("order", torch.tensor([2, 0, 1]), persistent=False)
        self.register_parameter("nothing", nn.Parameter(torch.empty(0)))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.scale * self.layer(inputs)[:, self.order]


class Branching(nn.Module):
    """Decides by the values."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.layer(inputs)
        return outputs if float(self.layer.weight.detach().sum()) > 0 else -outputs


def _frozen() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    return model.requires_grad_(False)


STRANGERS = {
    "tied": (Tied, torch.arange(74).reshape(37, 2) % 7, Y),
    "recurrent": (Recurrent, X, Y),
    "buffers": (WithBuffers, X, Y),
    "branching": (Branching, X, Y),
    "frozen": (_frozen, X, Y),
    "tokens": (
        lambda: nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 3)),
        Y[:, None].expand(-1, 5),
        Y,
    ),
    "sets": (lambda: nn.EmbeddingBag(9, 3), Y[:, None].expand(-1, 5), Y),
    "bfloat16": (lambda: nn.Linear(4, 3).bfloat16(), X.bfloat16(), Y),
    "float16": (lambda: nn.Linear(4, 3).half(), X.half(), Y),
    "float64": (lambda: nn.Linear(4, 3).double(), X.double(), Y),
    "pixels": (lambda: nn.Sequential(nn.Conv2d(4, 3, 1)), X.reshape(37, 4, 1, 1), Y.reshape(37, 1, 1)),
    "signal": (lambda: nn.Sequential(nn.Conv1d(4, 3, 1), nn.BatchNorm1d(3)), X[:, :, None], Y[:, None]),
    "volume": (lambda: nn.Conv3d(4, 3, 1), X[..., None, None, None], Y[:, None, None, None]),
    "attention": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        X[:, None],
        (Y % 4)[:, None] * 0,
    ),
    "spectral": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), X, Y),
    "weight-norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), X, Y),
}
"""Networks, inputs and targets."""


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_surveyed_and_left_as_they_were(stranger: str) -> None:
    """The point in the middle is the network's own loss, and the ends of an interpolation those of two networks."""
    make, inputs, targets = STRANGERS[stranger]

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs.float(), targets).to(outputs.dtype)

    if stranger == "attention":
        inputs, targets = X[:, None], X[:, None]
        loss = nn.functional.mse_loss  # type: ignore[assignment]
    torch.manual_seed(0)
    model, other = make().eval(), make().eval()
    before = copy.deepcopy(model.state_dict())
    expected = [loss(network(inputs), targets).item() for network in (model, other)]
    problem = Problem(model, loss, {"train": (inputs, targets)})
    tolerance = {"bfloat16": 2e-2, "float16": 2e-3}.get(stranger, 1e-5)
    middle = line(problem, directions=1, points=3, ignore="none").loss.sel(alpha=0.0)
    assert middle.item() == pytest.approx(expected[0], rel=tolerance)
    ends = interpolation(problem, other=other.state_dict(), points=2, low=0.0, high=1.0).loss.values[0]
    assert ends == pytest.approx(expected, rel=tolerance)
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())


def test_what_is_tried_is_the_first_examples_and_the_extremes() -> None:
    targets = torch.zeros(37, dtype=torch.long)
    targets[30], targets[20] = 2, -1
    numbers = torch.arange(37.0)[:, None].expand(-1, 3)
    model = nn.Linear(3, 3)
    model.weight.data, model.bias.data = torch.eye(3), torch.zeros(3)
    problem = _problem(model, lambda outputs, targets: outputs.mean(), inputs=numbers, targets=targets)
    assert probed(problem, ["train"])[:, 0].tolist() == [*range(16), 20, 30]


def test_a_single_example_is_enough() -> None:
    with prepared(_problem(nn.Linear(4, 3), inputs=X[:1], targets=Y[:1])) as ready:
        assert len(ready.measure()) == 2
