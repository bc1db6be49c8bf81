"""Data sets of resampled training splits, under the names from before every data set could have such.

`lossatlas.data.training_part` is what they draw from.
"""

from collections.abc import Callable, Mapping, Sequence

from lossatlas.data.augmentation import Augmentation
from lossatlas.data.images import ImageData
from lossatlas.data.partition import one_fold
from lossatlas.data.training_part import rows_trained_on

_Source = Callable[..., ImageData]
"""What makes a data set, such as `digits`; it is given the arguments that every data set has."""


def bagged(
    *,
    of: _Source,
    batch_size: int,
    shape: Sequence[int],
    classes: int,
    drop_last: bool = False,
    augment: Mapping[str, Augmentation | None] | None = None,
    resample: int = 0,
) -> ImageData:
    """Return the data set ``of`` with a bootstrap resample in place of its training split (Breiman 1996, bagging).

    The resample has as many images as the split, drawn from it with replacement, so that about 1 - 1/e of the images
    are there, some of them several times. ``resample`` = 0, 1, ... is its number: the k-th is always the same. The
    other splits, and the normalisation, stay. ValueError for a negative number, or as ``of`` raises it.

    >>> from functools import partial
    >>> from lossatlas.data import digits
    >>> data = bagged(of=partial(digits), batch_size=16, shape=(1, 8, 8), classes=10, resample=3)
    >>> images = data.splits["train"].inputs
    >>> len(images), len(images.unique(dim=0))
    (1000, 622)
    """
    if resample < 0:
        raise ValueError(f"resample counts from 0, got {resample}")
    data = of(batch_size=batch_size, shape=shape, classes=classes, drop_last=drop_last, augment=augment)
    return data.trained_on(rows_trained_on("bootstrap", data.clean_targets, resample, parts=1))


def without_fold(
    *,
    of: _Source,
    batch_size: int,
    shape: Sequence[int],
    classes: int,
    drop_last: bool = False,
    augment: Mapping[str, Augmentation | None] | None = None,
    left_out: int = 0,
    folds: int = 5,
) -> ImageData:
    """Return the data set ``of`` without one fold of its training split (Krogh & Vedelsby 1995, Parmanto et al. 1996).

    The training split is divided into ``folds`` stratified folds, and that with the number ``left_out`` = 0, 1, ... is
    left out. The other splits, and the normalisation, stay: all members of a committee are judged on images that none
    of them has seen, unlike with ``fold`` of `digits`, which moves the test split. ValueError if there is no such fold,
    or as ``of`` and `stratified_folds` raise it.

    >>> from functools import partial
    >>> from lossatlas.data import digits
    >>> data = without_fold(of=partial(digits), batch_size=16, shape=(1, 8, 8), classes=10, left_out=4)
    >>> {name: len(split) for name, split in data.splits.items()}
    {'train': 800, 'validation': 197, 'test': 600}
    """
    data = of(batch_size=batch_size, shape=shape, classes=classes, drop_last=drop_last, augment=augment)
    _, rest = one_fold(data.clean_targets, folds, left_out, "left_out")  # whatever noise the labels have
    return data.trained_on(rest)
