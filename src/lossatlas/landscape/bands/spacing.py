"""How the pivots of a band are spread along it."""

import torch
from torch import Tensor


def gaps(points: Tensor) -> Tensor:
    """Distances between neighbouring points, (P - 1,), of ``points`` (P, n).

    >>> gaps(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]]))
    tensor([5., 1.])
    """
    return torch.linalg.vector_norm(points.diff(dim=0), dim=1)


def spread(points: Tensor, shares: Tensor) -> Tensor:
    """``points`` (P, n) moved along their chain until each gap has its share of the chain's length.

    ``shares`` (P - 1,), positive, are put in proportion to their sum. First and last point stay, to the last bit. This
    is what a spring without end does (Draxler et al. 2018, arXiv:1803.00885). A new chain cuts the
    corners of the old, so its own gaps are the shares only nearly. ValueError if there is not a positive share for
    each gap.

    >>> spread(torch.tensor([[0.0], [1.0], [4.0]]), torch.tensor([0.5, 0.5])).flatten()
    tensor([0., 2., 4.])
    """
    if shares.shape != (len(points) - 1,) or not bool((shares > 0).all()):
        raise ValueError(
            f"shares must be positive, one for each of {len(points) - 1} gaps, got {shares.tolist()}"
        )
    ends = gaps(points).double().cumsum(0)  # length of the chain up to each point but the first
    wanted = (shares.double().cumsum(0) / shares.double().sum() * ends[-1])[:-1]  # (P - 2,)
    segment = torch.searchsorted(ends, wanted).clamp(max=len(ends) - 1)
    start = torch.cat([ends.new_zeros(1), ends])
    length = ends[segment] - start[segment]
    fraction = torch.where(length > 0, (wanted - start[segment]) / length, 0.0).to(points)[:, None]
    inner = torch.lerp(points[segment], points[segment + 1], fraction)
    return torch.cat([points[:1], inner, points[-1:]])
