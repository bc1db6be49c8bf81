"""Throughput: what an estimate in operations is divided by to give hours."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Operations a second that a GPU is taken to sustain, and where the number comes from."""

    tflops: float  # 1e12 operations a second
    source: str

    def __post_init__(self) -> None:
        if not self.tflops > 0:
            raise ValueError(f"throughput: expected TFLOP/s above 0, got {self.tflops:g}")

    def hours(self, tflop: float) -> float:
        """Hours that ``tflop`` 1e12 operations take.

        >>> Throughput(tflops=10.0, source="mine").hours(36_000)
        1.0
        """
        return tflop / self.tflops / 3600


THROUGHPUT = Throughput(
    tflops=9.75, source="half of the 19.5 TFLOP/s that NVIDIA's data sheet gives an A100 in float32"
)
"""The default. Networks as small as those of CIFAR keep a GPU less busy than large ones: they take longer."""
