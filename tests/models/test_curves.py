"""Every network as the end of a curve: there its outputs are those of the two networks, to the last bit."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from torch import Tensor, nn
from torch.func import functional_call

from lossatlas.landscape import Bezier, ControlledCurve, CurveFamily, PolygonalChain, state
from lossatlas.runs.composition.compose import compose_config

CONF = Path(__file__).parents[2] / "conf"
MODELS = sorted({path.stem for path in CONF.glob("model/*.yaml")} - {"own", "ball"})
# The first names no network, the second is one of two numbers.
SMALL = [name for name in MODELS if name.endswith("_narrow")] + ["lenet", "mlp"]
QUICK = [*SMALL, "resnet20"]
FAMILIES = [Bezier(1), PolygonalChain(2), Bezier(None)]


def choices() -> list[object]:
    return [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in MODELS]


def network(choice: str, shape: list[int], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    made: nn.Module = instantiate(compose_config([f"model={choice}", f"data.shape={shape}"]).model)
    return made


def moved_statistics(model: nn.Module, images: Tensor) -> nn.Module:
    """The network after a pass in training mode: its statistics are those of no other."""
    model.train()(images)
    return model.eval()


@pytest.mark.parametrize("choice", choices())
@torch.no_grad()
def test_at_its_ends_a_curve_has_the_outputs_of_the_networks_there(choice: str) -> None:
    shape = [1, 8, 8] if choice in SMALL else [3, 32, 32]
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    ends = [moved_statistics(network(choice, shape, seed), (1 + seed) * images) for seed in (0, 1)]
    model = network(choice, shape, 2).eval()
    bend = model.state_dict()
    for family in FAMILIES:
        curve = _through(family, [ends[0].state_dict(), bend, bend, ends[1].state_dict()]).of(model)
        for t, end in zip((0.0, 1.0), ends, strict=True):
            out = {name: torch.full_like(tensor, torch.nan) for name, tensor in state(model).items()}
            curve.place(out, t)
            assert torch.equal(functional_call(model, out, (images,)), end(images))


def _through(family: CurveFamily, points: list[dict[str, Tensor]]) -> ControlledCurve:
    return ControlledCurve(family, points if family.bends != 1 else [points[0], *points[2:]])
