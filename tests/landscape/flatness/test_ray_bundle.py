import numpy as np
import torch

from lossatlas.landscape import Bundle, Plane
from lossatlas.landscape.flatness.level_sets import RayBundle

CENTRE = {"w": torch.randn(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)}
DRAWN = torch.randn(3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def _draw(k: int) -> dict[str, torch.Tensor]:
    return {"w": DRAWN[k]}


def _at(bundle: RayBundle, index: int, r: float) -> torch.Tensor:
    out = {"w": torch.empty(5, dtype=torch.float64)}
    bundle.line(index).place(out, r)
    return out["w"]


def test_rays_are_the_two_sides_of_the_lines_and_turns_in_the_plane() -> None:
    bundle = RayBundle(CENTRE, _draw, directions=3, angles=6)
    out = {"w": torch.empty(5, dtype=torch.float64)}
    assert len(bundle) == 12
    lines, plane = Bundle(CENTRE, _draw), Plane(CENTRE, _draw(0), _draw(1))
    for k in range(3):
        for side, index in ((-1, 2 * k), (1, 2 * k + 1)):
            lines.place(out, k, side * 0.3)
            torch.testing.assert_close(_at(bundle, index, 0.3), out["w"])
    for j, angle in enumerate(bundle.turns):
        plane.place(out, y=0.3 * np.sin(angle), x=0.3 * np.cos(angle))
        torch.testing.assert_close(_at(bundle, 6 + j, 0.3), out["w"])


def test_rows_are_cut_into_lines_and_turns() -> None:
    bundle = RayBundle(CENTRE, _draw, directions=2, angles=4)
    lines, plane = bundle.parts(np.arange(16.0).reshape(8, 2))
    assert lines.shape == (2, 2, 2)
    assert lines[1, 0].tolist() == [4.0, 5.0]
    assert plane.tolist() == [[8, 9], [10, 11], [12, 13], [14, 15]]


def test_no_angles_are_no_rays() -> None:
    bundle = RayBundle(CENTRE, _draw, directions=1, angles=0)
    lines, plane = bundle.parts(np.zeros((2, 3)))
    assert lines.shape == (1, 2, 3)
    assert plane.shape == (0, 3)
    assert len(bundle.turns) == 0
