"""The product of a linear layer on processors that lack instructions."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from lossatlas.landscape.forward.fusing import linear

_PRODUCT = """
import torch
from lossatlas.landscape.forward.fusing import linear
x, weight = torch.full((1024, 64), 0.5).bfloat16(), torch.full((64, 64), 0.25).bfloat16()
print(linear(x, weight, None).float().unique().tolist())
"""


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="needs oneDNN")
def test_a_processor_without_products_of_bfloat16_has_torch_take_them() -> None:
    """oneDNN ends in "could not create a primitive descriptor" there; it plays such a processor when it is told to."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(
        [sys.executable, "-c", _PRODUCT], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[8.0]\n"), done.stderr


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_a_large_product_is_torchs(dtype: torch.dtype, rng: torch.Generator) -> None:
    x, weight, bias = (torch.randn(*shape, generator=rng).to(dtype) for shape in ((512, 64), (64, 64), (64,)))
    expected = nn.functional.linear(x.double(), weight.double(), bias.double())
    tolerance = 4 * torch.finfo(dtype).eps
    assert torch.allclose(linear(x, weight, bias).double(), expected, rtol=tolerance, atol=20 * tolerance)
