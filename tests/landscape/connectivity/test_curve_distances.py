import numpy as np
import pytest
import torch

from lossatlas.landscape import Bezier, ControlledCurve, CurveFamily, PolygonalChain, Problem, curve_distances

ENDS = ([0.0, 0.0, 0.0, 1.0, 2.0, 0.0], [4.0, 3.0, 0.0, 1.0, 2.0, 0.0])  # 5 apart


def curve(*vectors: list[float], family: CurveFamily | None = None) -> ControlledCurve:
    states = [
        {
            "weight": torch.tensor(vector, dtype=torch.float64).reshape(2, 3),
            "bias": torch.zeros(2, dtype=torch.float64),
        }
        for vector in vectors
    ]
    return ControlledCurve(family or PolygonalChain(bends=len(vectors) - 2), states)


def test_bends_are_as_far_apart_as_their_vectors(regression: Problem) -> None:
    one, two = np.array([2.0, 1.0, 0.0, 1.0, 2.0, 0.0]), np.array([2.0, 1.0, 3.0, 1.0, 2.0, 4.0])
    curves = [curve(ENDS[0], bend.tolist(), ENDS[1]) for bend in (one, two)]
    dataset = curve_distances(regression, curves=curves, points=5)
    assert dataset.end_distance.values.tolist() == [5.0, 5.0]
    np.testing.assert_allclose(dataset.bend_distance, [[0.0, 5.0], [5.0, 0.0]])
    np.testing.assert_allclose(dataset.relative_bend_distance, [[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(dataset.distance[0, 1], [0.0, 2.5, 5.0, 2.5, 0.0], atol=1e-12)  # of chains


def test_bezier_curves_come_half_as_far_apart_as_their_bends(regression: Problem) -> None:
    bends = ([2.0, 1.0, 0.0, 1.0, 2.0, 0.0], [2.0, 1.0, 3.0, 1.0, 2.0, 4.0])
    curves = [curve(ENDS[0], bend, ENDS[1], family=Bezier(bends=1)) for bend in bends]
    dataset = curve_distances(regression, curves=curves, points=3)
    assert float(dataset.distance[0, 1, 1]) == pytest.approx(2.5)  # 2 t (1 - t) of the bends' 5
    assert float(dataset.bend_distance[0, 1]) == 5.0


def test_curves_of_other_numbers_of_points_are_refused(regression: Problem) -> None:
    chain, line = curve(ENDS[0], ENDS[1], ENDS[0]), curve(*ENDS)
    with pytest.raises(ValueError, match=r"as many control points as each other, got \[3, 2\]"):
        curve_distances(regression, curves=[chain, line])
    with pytest.raises(ValueError, match="distances are between two curves or more, got 1"):
        curve_distances(regression, curves=[chain])


def test_a_curve_of_another_network_is_refused(problem: Problem, regression: Problem) -> None:
    chain = curve(ENDS[0], ENDS[1], ENDS[0])
    with pytest.raises(ValueError, match=r"the curve has no '0\.weight', which the network has"):
        curve_distances(problem, curves=[chain, chain])
