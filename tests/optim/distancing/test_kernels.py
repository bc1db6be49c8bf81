import pytest
import torch
from scipy.special import expit

from lossatlas.optim.distancing import RBF, Cauchy, Kernel, Laplace, Tanh

# Each as a function of the squared distance and sigma, as papers print it.
PRINTED = {
    RBF(): lambda squared, sigma: torch.exp(-squared / (2 * sigma**2)),
    Laplace(): lambda squared, sigma: torch.exp(-squared.sqrt() / sigma),
    Cauchy(): lambda squared, sigma: 1 / (1 + squared / sigma**2),
    Tanh(): lambda squared, sigma: 1 - torch.tanh(squared / (2 * sigma**2)),
}
KERNELS = [pytest.param(kernel, id=type(kernel).__name__) for kernel in PRINTED]
PLACES = torch.tensor([1e-3, 0.1, 0.5, 1.0, 3.0, 9.0], dtype=torch.float64)


@pytest.mark.parametrize("kernel", KERNELS)
def test_with_the_precision_of_a_sigma_a_kernel_is_what_papers_print(kernel: Kernel) -> None:
    squared, sigma = 8 * PLACES, 2.0
    value = kernel.value(squared / (2 * sigma**2))
    torch.testing.assert_close(value, PRINTED[kernel](squared, sigma), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_derivative_is_that_of_central_differences(kernel: Kernel) -> None:
    step = 1e-6 * PLACES
    slope = (kernel.value(PLACES + step) - kernel.value(PLACES - step)) / (2 * step)
    torch.testing.assert_close(kernel.derivative(PLACES), slope, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_1_at_its_centre_and_falls_to_0(kernel: Kernel) -> None:
    assert kernel.value(torch.zeros(2, 3)).equal(torch.ones(2, 3))
    values = kernel.value(torch.linspace(0, 30, 100))
    assert (values.diff() < 0).all() or (values[values > 0].diff() < 0).all()
    assert 0 <= values[-1] < 0.02
    assert torch.isfinite(kernel.derivative(torch.tensor([0.0, 1e-30, 1e30]))).all()


def test_the_laplace_kernel_has_no_push_on_its_peak_and_its_full_push_beside_it() -> None:
    """The force is 2 a |f'(x)| sqrt(D), at first sqrt(2 a): the peak of exp(-r / sigma) has the slope 1 / sigma."""
    sigma, squared = 3.0, torch.tensor([0.0, 1e-12], dtype=torch.float64)
    precision = 1 / (2 * sigma**2)
    force = -2 * precision * Laplace().derivative(precision * squared) * squared.sqrt()
    torch.testing.assert_close(force, torch.tensor([0.0, 1 / sigma]).double(), rtol=1e-6, atol=0)


def test_tanh_keeps_its_digits_far_out_in_float32() -> None:
    """1 - tanh(12) in float32 is 0; it is 2 / (1 + exp(24))."""
    assert Tanh().value(torch.tensor(12.0)).item() == pytest.approx(2 * expit(-24.0), rel=1e-6)
