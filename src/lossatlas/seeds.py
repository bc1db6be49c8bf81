"""Seeds for independent random streams, all derived from a run's one seed."""

import hashlib

import torch


def derive_seed(seed: int, stream: str, *position: int) -> int:
    """Seed of the random stream named ``stream`` at ``position``, in [0, 2**63).

    A pure function of its arguments, so that the data order of epoch 7 or the augmentation of
    step 1200 can be had without replaying what came before. Different streams of one seed are
    independent, which no arithmetic on the seed (``seed + epoch``) would give.

    >>> derive_seed(0, "order", 3) == derive_seed(0, "order", 3)
    True
    >>> derive_seed(0, "order", 3) == derive_seed(0, "augment", 3)
    False
    """
    text = "/".join([stream, str(seed), *map(str, position)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, stream: str, *position: int) -> torch.Generator:
    """CPU generator seeded by `derive_seed`. On the CPU, so that draws do not depend on the device.

    >>> torch.rand(2, generator=generator(0, "doc")).equal(torch.rand(2, generator=generator(0, "doc")))
    True
    """
    return torch.Generator().manual_seed(derive_seed(seed, stream, *position))
