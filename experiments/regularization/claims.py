"""What the sources say of regularisers: DeVries & Taylor 2017, Zhang et al. 2018, and a lecture without numbers.

The printed errors are theirs, on CIFAR-10. Thresholds and margins are this project's own.
"""

from collections.abc import Iterator

import xarray as xr

from lossatlas.claims import Claim, Equivalence, InRange, PairedDifference, PairedRatio, printed
from lossatlas.experiments import Values
from lossatlas.measures import at, named, percent

NONE = {"method": "none", "strength": "none"}
L2, L1, L0 = ({"method": method, "strength": "medium"} for method in ("l2", "l1", "l0"))
CUTOUT, MIXUP, FIRST_RISE, BEST = (
    {"method": method, "strength": "none"} for method in ("cutout", "mixup", "first_rise", "best")
)
CLEAN = {"label_noise": 0.0}


def test_error(summary: xr.Dataset) -> xr.DataArray:
    return percent(summary["test_error"])


def test_loss(summary: xr.Dataset) -> xr.DataArray:
    return summary["test_nll"]


def zeros(weights: xr.Dataset) -> xr.DataArray:
    """Weights that are exactly zero."""
    return percent(named(at(weights["small"], threshold=0.0), "weights that are zero"))


def sharpness(eigenvalues: xr.Dataset) -> xr.DataArray:
    return named(at(eigenvalues["eigenvalue"], end="largest", rank=1), "largest eigenvalue of the Hessian")


def slope(jacobian: xr.Dataset) -> xr.DataArray:
    """How steeply the outputs change with the inputs."""
    return named(at(jacobian["mean_square"], split="test"), "mean squared singular value of the Jacobian")


def claims(v: Values) -> Iterator[Claim]:
    penalties = {**CLEAN, **v.penalties}
    corrupted = {"label_noise": v.corrupted, **v.penalties}

    def attacked_error(adversarial: xr.Dataset) -> xr.DataArray:
        return percent(at(adversarial["error"], split="test", epsilon=v.epsilon))

    yield PairedDifference(
        "cutout",
        "Cutout lowers the test error",
        test_error,
        greater=NONE,
        lesser=CUTOUT,
        at={**CLEAN, **v.cutout},
        paper=printed(3.87, 3.08, source="DeVries & Taylor 2017, WRN-28-10 on CIFAR-10"),
    )
    yield PairedDifference(
        "mixup",
        "Mixup lowers the test error",
        test_error,
        greater=NONE,
        lesser=MIXUP,
        at={**CLEAN, **v.mixup},
        paper=printed(5.6, 4.2, source="Zhang et al. 2018, PreAct ResNet-18 on CIFAR-10"),
    )
    yield PairedDifference(
        "mixup corrupted",
        "Where labels are corrupted, mixup lowers the test error",
        test_error,
        greater=NONE,
        lesser=MIXUP,
        at=corrupted,
    )
    yield PairedDifference(
        "mixup adversarial",
        "Mixup lowers the error at adversarial examples, by FGSM as by PGD",
        attacked_error,
        greater=NONE,
        lesser=MIXUP,
        worst_over=["attack"],
        at={**CLEAN, **v.mixup},
    )
    yield PairedDifference(
        "L2 error", "L2 lowers the test error", test_error, greater=NONE, lesser=L2, at=penalties
    )
    yield PairedRatio(
        "L2 smoother",
        "L2 picks smoother functions: their outputs change less with their inputs",
        slope,
        greater=NONE,
        lesser=L2,
        at=penalties,
    )
    yield PairedRatio(
        "L2 flatter",
        "L2 ends in flatter minima, by the largest eigenvalue of the Hessian of the data's loss",
        sharpness,
        greater=NONE,
        lesser=L2,
        at=penalties,
    )
    yield PairedDifference(
        "L1 zeros",
        "L1 makes weights exactly zero where L2 makes them small",
        zeros,
        greater=L1,
        lesser=L2,
        at=penalties,
    )
    yield Equivalence(
        "L1 for L0 (zeros)",
        "At the coefficients that are compared, L1 and L0 make the same share of the weights zero, to within 10 points",
        zeros,
        first=L1,
        second=L0,
        margin=10.0,
        at=penalties,
    )
    yield Equivalence(
        "L1 for L0 (error)",
        "There L1 stands in for L0: they err alike, to within one point",
        test_error,
        first=L1,
        second=L0,
        margin=1.0,
        at=penalties,
    )
    yield InRange(
        "to infinity",
        "As its coefficient goes to infinity any penalty leaves a constant: L2, L1 and L0 err on more than 85 %",
        test_error,
        least=85.0,
        at={"method": ["l2", "l1", "l0"], "strength": "infinite"} | penalties,
        mean_over=["method"],
    )
    for name, rule, words in (
        ("best epoch", BEST, "the network of the best validation loss"),
        ("first rise", FIRST_RISE, "stopping at the first rise of the validation loss, with patience 3,"),
    ):
        yield PairedDifference(
            name,
            f"Where labels are corrupted, {words} has less test error than the last of all epochs",
            test_error,
            greater=NONE,
            lesser=rule,
            at=corrupted,
        )
    yield PairedDifference(
        "both rules",
        "The network of the best validation loss has less test loss than that at the first rise",
        test_loss,
        greater=FIRST_RISE,
        lesser=BEST,
        at=corrupted,
    )
