"""Estimates of the noise of a mean over examples, such as the gradient, and of its scale, from minibatches."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]


class Estimate(NamedTuple):
    """An estimate with its standard error, both of one shape."""

    value: _Array
    standard_error: _Array


@dataclass(frozen=True, eq=False)
class MinibatchMeans:
    """Squared norms of means over minibatches that are drawn from a split, such as gradients.

    The split stands for the distribution that its examples are of, with the mean gradient G and the covariance Sigma of
    an example's; so for any other vector of which a minibatch has the mean over its examples. A minibatch of n and the
    split of N are samples of it, so that E |g_n|^2 = |G|^2 + tr(Sigma) / n, and
    E |g_n - g_N|^2 = tr(Sigma) (1 / n - 1 / N) without replacement, and tr(Sigma) (1 - 1 / N) / n with it. Of examples
    that are sorted nothing of the kind is known, and what rests on it is NaN.

    Standard errors are those of the jackknife over the draws, which may share examples from size to size within a draw.

    >>> squares = np.array([[5.0], [1.0]])
    >>> found = MinibatchMeans(np.array([1]), 2, 1.0, squares, deviations=np.array([[2.0], [2.0]]))
    >>> found.covariance_trace.value, found.mean_square.value  # (3 - 1) / (1 - 1/2), (2 - 3) / (2 - 1)
    (array([4.]), array([-1.]))
    """

    sizes: NDArray[np.int64]  # (size,) of the minibatches, n
    total: int  # of the split, N
    whole: float  # |g_N|^2
    squares: _Array  # (draw, size) |g_n|^2
    deviations: _Array  # (draw, size) |g_n - g_N|^2
    order: str = "reshuffled"  # of the examples, as `rows_in_order` has it

    @cached_property
    def _shares(self) -> _Array:
        """The share of tr(Sigma) that is the noise of a minibatch, (size,); NaN for the whole split, and if sorted."""
        if self.order == "with_replacement":
            return (1 - 1 / self.total) / self.sizes
        shares = 1 / np.minimum(self.sizes, self.total) - 1 / self.total
        return np.where(self._told, shares, np.nan)

    @property
    def _told(self) -> NDArray[np.bool_]:
        """Whether a minibatch of a size tells of Sigma, (size,)."""
        if self.order == "with_replacement":
            return np.full(len(self.sizes), True)
        return (self.sizes < self.total) & (self.order != "sorted")

    @cached_property
    def noise(self) -> Estimate:
        """Root mean square of |g_n - g_N|, (size,): the standard error of the minibatch's gradient."""
        return self._jackknifed(lambda squares, deviations: _root(deviations))

    @cached_property
    def covariance_trace(self) -> Estimate:
        """tr(Sigma), (size,), from each size beside the whole split (McCandlish et al. 2018, appendix A.1)."""
        return self._jackknifed(lambda squares, deviations: self._trace(squares))

    @cached_property
    def mean_square(self) -> Estimate:
        """|G|^2, (size,), likewise; unbiased, so that it may be negative."""
        return self._jackknifed(lambda squares, deviations: self._square(squares))

    @cached_property
    def noise_scale(self) -> Estimate:
        """tr(Sigma) / |G|^2, (size,), the "simple" one; inf where no gradient is seen above its noise."""
        return self._jackknifed(
            lambda squares, deviations: _quotient(self._trace(squares), self._square(squares))
        )

    @cached_property
    def exponent(self) -> Estimate:
        """Slope, (), of a line through ln(noise / sqrt(1 - n / N)) against ln(n), of which -1/2 is expected.

        With replacement n is 1 under the root. By least squares over the sizes that are smaller than the split, or all
        with replacement; NaN for fewer than two.
        """
        return self._jackknifed(lambda squares, deviations: self._slope(deviations))

    @cached_property
    def fitted_trace(self) -> Estimate:
        """tr(Sigma), (), of the line of slope -1/2 that fits best: the geometric mean over the sizes."""
        return self._jackknifed(lambda squares, deviations: self._fitted(deviations))

    @cached_property
    def fitted_noise_scale(self) -> Estimate:
        """tr(Sigma) / |G|^2, (), with the fitted trace, and |g_N|^2 less the part that is noise for |G|^2."""

        def quotient(squares: _Array, deviations: _Array) -> _Array:
            trace = self._fitted(deviations)
            return _quotient(trace, self.whole - trace / self.total)

        return self._jackknifed(quotient)

    @cached_property
    def noise_fit(self) -> _Array:
        """The noise, (size,), of the line of slope -1/2; 0 for the whole split."""
        return np.sqrt(self.fitted_trace.value * np.nan_to_num(self._shares))

    def _trace(self, squares: _Array) -> _Array:
        return (squares - self.whole) / self._shares

    def _square(self, squares: _Array) -> _Array:
        # (N |g_N|^2 - n |g_n|^2) / (N - n)
        return self.whole - self._trace(squares) / self.total

    def _logs(self, deviations: _Array) -> tuple[_Array, _Array]:
        """ln(n) and ln(|g_n - g_N|^2 / (1 - n / N)), (..., size), of the sizes that tell; n is 1 with replacement."""
        sizes = self.sizes[self._told]
        left = 1 if self.order == "with_replacement" else sizes
        shrunk = deviations[..., self._told] / (1 - left / self.total)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(sizes), np.log(shrunk)

    def _slope(self, deviations: _Array) -> _Array:
        sizes, squares = self._logs(deviations)
        if len(sizes) < 2:
            return np.full(deviations.shape[:-1], np.nan)
        away = sizes - sizes.mean()
        with np.errstate(invalid="ignore"):
            return (squares / 2) @ away / (away @ away)

    def _fitted(self, deviations: _Array) -> _Array:
        sizes, squares = self._logs(deviations)
        if not len(sizes):
            return np.full(deviations.shape[:-1], np.nan)
        return np.exp((squares + sizes).mean(-1))

    def _jackknifed(self, function: Callable[[_Array, _Array], _Array]) -> Estimate:
        """``function`` of the means over the draws (its error: Efron & Tibshirani 1993, equation 11.5)."""
        draws = len(self.squares)

        def left_out(samples: _Array) -> _Array:
            return (samples.sum(0) - samples) / (draws - 1)

        each = function(left_out(self.squares), left_out(self.deviations))  # (draw, ...)
        with np.errstate(invalid="ignore"):
            away = ((each - each.mean(0)) ** 2).mean(0)
        value = function(self.squares.mean(0), self.deviations.mean(0))
        return Estimate(np.asarray(value), np.sqrt((draws - 1) * away))


def _quotient(trace: _Array, square: _Array) -> _Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.where(square > 0, trace / square, np.inf)
    return np.where(np.isnan(trace) | np.isnan(square), np.nan, known)


def _root(squares: _Array) -> _Array:
    return np.sqrt(np.maximum(squares, 0))
