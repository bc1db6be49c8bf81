#!/usr/bin/env bash
# torch 2.15.0: second derivatives through torch.nn.utils.parametrizations.weight_norm are wrong, and nothing says so. The
# weight is made by the operation torch._weight_norm, whose first derivatives are right. Differentiated twice, by
# torch.autograd.grad of a gradient that was made with create_graph=True, it gives a Hessian that agrees neither with
# differences of the first derivatives nor with the same formula, g v / |v|, written out; so does any curvature or
# meta-gradient of a network that has it. torch.autograd.gradgradcheck of the operation fails.
#
# Seen, of one layer of 24 inputs in float64, the Hessian by the direction of each filter times a vector:
#   first derivatives: within 1e-12 of those written out
#   Hessian times a vector: written out within 1e-6 of differences, by weight_norm off by more than 10 %
#   gradgradcheck: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.utils.parametrizations import weight_norm

torch.manual_seed(0)
layer = weight_norm(torch.nn.Linear(24, 5, bias=False, dtype=torch.float64))
length, direction = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
x, along = torch.randn(24, dtype=torch.float64), torch.randn(5, 24, dtype=torch.float64)


def by_torch():
    return torch.sin(layer(x)).sum()


def written_out():
    return torch.sin((length * direction / direction.norm(dim=1, keepdim=True)) @ x).sum()


def derivatives(loss):
    (first,) = torch.autograd.grad(loss(), direction, create_graph=True)
    (second,) = torch.autograd.grad((first * along).sum(), direction)
    return first.detach(), second


def differenced(loss, step=1e-6):
    ends, centre = [], direction.detach().clone()
    for signed in (step, -step):
        with torch.no_grad():
            direction.copy_(centre + signed * along)
        ends.append(torch.autograd.grad(loss(), direction)[0])
    with torch.no_grad():
        direction.copy_(centre)
    return (ends[0] - ends[1]) / (2 * step)


def apart(one, other):
    return float((one - other).norm() / other.norm())


(first, second), (right_first, right_second) = derivatives(by_torch), derivatives(written_out)
assert apart(first, right_first) < 1e-12
print("first derivatives: within 1e-12 of those written out")
truth = differenced(by_torch)
assert apart(right_second, truth) < 1e-6
assert apart(second, truth) > 0.1, "second derivatives are right now"
print("Hessian times a vector: written out within 1e-6 of differences, by weight_norm off by more than 10 %")
weight = (direction, length)
assert not torch.autograd.gradgradcheck(lambda v, g: torch._weight_norm(v, g, 0), weight, raise_exception=False)
print("gradgradcheck: False")
PYTHON
