#!/usr/bin/env bash
# A backward pass marked with torch.autograd.function.once_differentiable has no derivative, and torch is meant to say so.
# In torch 2.15.0 it does only where the second derivative is taken by Tensor.backward(). torch.autograd.grad with
# allow_unused=True gives None, materialize_grads=True zero, and torch.autograd.functional.hvp, which uses them, a
# product without that part of the Hessian: of x**2 + x**3 at 3 it is 18 in place of 20, with x**2 by such a function.
# The node that would raise is not among those between the first derivative and x, so that nobody asks it. So what
# torch has as curvature of a network with such a layer, an adjoint ODE solver say, is to be held against a difference.
#
# Seen: by grad None, by backward RuntimeError; hvp of x**2 + x**3 at 3 is 18, by a difference 20
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.autograd.function import once_differentiable


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @once_differentiable
    def backward(ctx, slope):
        (x,) = ctx.saved_tensors
        return 2 * x * slope


x = torch.tensor(3.0, requires_grad=True)
(first,) = torch.autograd.grad(torch.exp(0.1 * Square.apply(x)), x, create_graph=True)
assert torch.autograd.grad(first, x, allow_unused=True, retain_graph=True) == (None,)
try:
    first.backward()
except RuntimeError as error:
    assert "once_differentiable" in str(error)
else:
    raise SystemExit("backward() gives a second derivative now")
print("by grad None, by backward RuntimeError")


def function(at):
    return Square.apply(at) + at**3


_, product = torch.autograd.functional.hvp(function, torch.tensor(3.0), torch.tensor(1.0))
above, below = (torch.func.grad(lambda at: at**2 + at**3)(torch.tensor(at)) for at in (3.01, 2.99))
difference = (above - below) / 0.02
assert product == 18 and abs(difference - 20) < 0.01, (product, difference)
print(f"hvp of x**2 + x**3 at 3 is {product:g}, by a difference {difference:.0f}")
PYTHON
