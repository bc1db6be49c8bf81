"""`distance_kernels`: forces that are equal where they are largest, plateaus that follow from them, and its options."""

import pytest
import torch
from composed import Config, configs_of
from scipy.optimize import brentq, minimize_scalar

from lossatlas.optim.distancing import Kernel
from lossatlas.runs.build import make

KERNELS = ("rbf", "tanh", "laplace", "cauchy")
SCALES = ["paper", pytest.param("digits", marks=pytest.mark.slow)]


def by_arm(scale: str) -> dict[tuple[str, str], Config]:
    """Configuration of each arm and force at one seed."""
    configs = configs_of("distance_kernels", {}, scale)
    return {(config["experiment"]["arm"], config["experiment"]["force"]): config for config in configs}


def slope(kernel: Kernel, x: float) -> float:
    """-f'(x)."""
    return -kernel.derivative(torch.tensor(x, dtype=torch.float64)).item()


@pytest.mark.parametrize("scale", SCALES)
def test_the_largest_force_of_all_kernels_is_that_of_rbf(scale: str) -> None:
    """Of norm s 2 a sqrt(D) f'(a D), which is s sqrt(4 a) times sqrt(x) f'(x): looked for from x = 1e-12 on."""
    arms = by_arm(scale)
    largest = {}
    for name in KERNELS:
        kernel = make(arms[name, "usual"]["study"]["kernel"])
        logs = (-27.6, 2.0)  # of x; Laplace's is largest at 0
        found = minimize_scalar(
            lambda log, kernel=kernel: (
                -(torch.tensor(log).double().exp().sqrt().item())
                * slope(kernel, float(torch.tensor(log).double().exp()))
            ),
            bounds=logs,
            method="bounded",
            options={"xatol": 1e-10},
        )
        largest[name] = -found.fun * arms[name, "usual"]["study"]["strength"]
    for name in KERNELS:
        assert largest[name] == pytest.approx(largest["rbf"], rel=1e-4)
        strengths = [arms[name, force]["study"]["strength"] for force in ("usual", "tenfold")]
        assert strengths[1] == pytest.approx(10 * strengths[0])


@pytest.mark.parametrize("scale", SCALES)
def test_what_the_claims_expect_follows_from_where_the_push_is_as_steep_as_weight_decay(scale: str) -> None:
    """Plateaus x = D / (2 sigma^2) at which 2 s a f'(x) = wd: tails matter at tenfold force, not at the usual one."""
    arms, plateaus = by_arm(scale), {}
    for name, force in ((name, force) for name in KERNELS for force in ("usual", "tenfold")):
        study, decay = arms[name, force]["study"], arms[name, force]["optimizer"]["weight_decay"]
        precision = make(study["width"]).precision(torch.ones(1)).item()
        kernel = make(study["kernel"])
        pull = decay / (2 * study["strength"] * precision)
        plateaus[name, force] = brentq(lambda x, k=kernel, pull=pull: slope(k, x) - pull, 1e-9, 1e4)
    at = {
        force: [plateaus[name, force] for name in ("tanh", "rbf", "laplace", "cauchy")]
        for force in ("usual", "tenfold")
    }
    assert at["tenfold"] == sorted(at["tenfold"])
    assert at["tenfold"] == pytest.approx([3.21, 5.30, 6.25, 9.16], abs=0.01)
    assert at["usual"] == pytest.approx([2.04, 3.00, 1.75, 2.56], abs=0.01)


@pytest.mark.parametrize("scale", SCALES)
def test_options_are_the_rbf_kernel_with_another_distance_or_width(scale: str) -> None:
    arms = by_arm(scale)
    plain = arms["rbf", "usual"]["study"]
    changed = {
        "weights": {"biases", "normalization"},
        "relative": {"relative"},
        "per_layer": {"per_layer"},
        "travelled": set(),
    }
    for arm, keys in changed.items():
        study = arms[arm, "usual"]["study"]
        assert (study["kernel"], study["strength"]) == (plain["kernel"], plain["strength"])
        assert {key for key in study["distance"] if study["distance"][key] != plain["distance"][key]} == keys
    assert arms["travelled", "usual"]["study"]["width"]["_target_"].endswith(".Travelled")


@pytest.mark.parametrize("scale", SCALES)
def test_kernels_of_layers_are_as_steep_in_all_as_the_one_of_all_weights(scale: str) -> None:
    """The mean over L layers of f(a_l D_l) has the steepness of f(a D) where a_l = L a."""
    config = by_arm(scale)["per_layer", "usual"]
    layers = len(make(config["study"]["distance"]).layout(make(config["model"])).groups)
    plain = by_arm(scale)["rbf", "usual"]["study"]["width"]["sigma"]
    assert config["study"]["width"]["sigma"] == pytest.approx(plain / layers**0.5, rel=1e-3)
