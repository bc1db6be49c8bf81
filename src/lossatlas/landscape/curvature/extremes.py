"""Extreme eigenvalues and eigenvectors of a network's Hessian, for those who have no operator at hand."""

from lossatlas.landscape.curvature.lanczos import lanczos
from lossatlas.landscape.curvature.operators import matrix_of
from lossatlas.landscape.curvature.parameters import Parameters, parameters_chosen, parameters_described
from lossatlas.landscape.curvature.ritz import Eigenpairs, Wanted
from lossatlas.landscape.directions.direction_set import (
    Attributes,
    DirectionSet,
    fixed_directions,
    with_zeros,
)
from lossatlas.landscape.engine import EXACT, Engine
from lossatlas.landscape.measuring.prepared import prepared
from lossatlas.landscape.problem import Problem
from lossatlas.weight_space import Weights, unflatten
from lossatlas.weight_space import parameters as weights_of


def extreme_eigenvalues(
    problem: Problem,
    *,
    smallest: int = 1,
    largest: int = 1,
    matrix: str = "hessian",
    parameters: Parameters = None,
    convention: str = "lossatlas",
    split: str = "train",
    tolerance: float = 0.01,
    iterations: int = 300,
    seed: int = 0,
    engine: Engine = EXACT,
) -> tuple[Eigenpairs, Eigenpairs]:
    """The ``smallest`` and the ``largest`` eigenvalues of the Hessian, outermost first, with bounds and vectors.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    smallest : int, default 1
        Number of eigenvalues at the lower end.
    largest : int, default 1
        Number of eigenvalues at the upper end.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": all parameters; "li2018": as the code of Li et al., those of two or more dimensions.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    tolerance : float, default 0.01
        Largest residual as a share of the eigenvalue, between 0 and 1.
    iterations : int, default 300
        Largest number of products of the matrix with a vector.
    seed : int, default 0
        Seed of the random vector that the run begins with.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".

    Returns
    -------
    low, high : Eigenpairs
        The smallest and the largest: ``values``, ``residuals`` and ``errors``, (k,), and ``vectors``, (k, n).

    Raises
    ------
    ValueError
        For a value out of its range.
    ArithmeticError
        Where the matrix is not finite.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> low, high = extreme_eigenvalues(problem)  # of 2 X'X / 2 = diag(1, 9)
    >>> low.values.round(4), high.values.round(4)
    (array([1.]), array([9.]))
    """
    wanted = Wanted(smallest, largest, tolerance)
    with prepared(problem, splits=[split], engine=engine.for_derivatives()) as ready:
        operator = matrix_of(ready, split, matrix, parameters, convention)
        found = lanczos(operator, wanted, iterations=iterations, seed=seed)
    return found.low, found.high


def hessian_directions(
    problem: Problem,
    *,
    largest: int = 2,
    smallest: int = 0,
    matrix: str = "hessian",
    parameters: Parameters = None,
    convention: str = "lossatlas",
    split: str = "train",
    tolerance: float = 1e-3,
    iterations: int = 300,
    seed: int = 0,
    engine: Engine = EXACT,
) -> tuple[Weights, ...]:
    """Eigenvectors of the Hessian as directions: those of the ``largest`` eigenvalues, then of the ``smallest``.

    An eigenvector's error is about the residual over the gap to the next eigenvalue; where eigenvalues coincide, any
    basis of their space may come out.

    Parameters
    ----------
    problem : Problem
        Network, loss and data; left as they were.
    largest : int, default 2
        Number of eigenvectors of the largest eigenvalues.
    smallest : int, default 0
        Number of eigenvectors of the smallest eigenvalues.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": all parameters; "li2018": as the code of Li et al., those of two or more dimensions.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    tolerance : float, default 1e-3
        Largest residual as a share of the eigenvalue, between 0 and 1.
    iterations : int, default 300
        Largest number of products of the matrix with a vector.
    seed : int, default 0
        Seed of the random vector that the run begins with.
    engine : Engine, optional
        Batches and subsample; derivatives are in the weights' dtype, and ``evaluation`` must be "eval".

    Returns
    -------
    tuple of dict
        Tensors by parameter name, zero for parameters that are not chosen. Each has norm 1, and a sign such that its
        largest entry in absolute value is positive.

    Raises
    ------
    ValueError
        For a value out of its range.
    ArithmeticError
        Where the matrix is not finite.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> problem = Problem(model, torch.nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> [direction] = hessian_directions(problem, largest=1)
    >>> direction["weight"].abs().round(decimals=3)
    tensor([[0., 1.]])
    """
    low, high = extreme_eigenvalues(
        problem,
        smallest=smallest,
        largest=largest,
        matrix=matrix,
        parameters=parameters,
        convention=convention,
        split=split,
        tolerance=tolerance,
        iterations=iterations,
        seed=seed,
        engine=engine,
    )
    own = weights_of(problem.model)
    like = parameters_chosen(own, parameters, convention)
    vectors = (*high.vectors, *low.vectors)
    signed = (unflatten(vector * vector[vector.abs().argmax()].sign(), like) for vector in vectors)
    return tuple(with_zeros(direction, own) for direction in signed)


class HessianDirections:
    """Eigenvectors of the Hessian of ``split``: of the ``largest`` eigenvalues, then of the ``smallest``.

    Each has norm 1, unless it is rescaled.

    Parameters
    ----------
    largest : int, default 1
        Number of eigenvectors of the largest eigenvalues.
    smallest : int, default 1
        Number of eigenvectors of the smallest eigenvalues.
    split : str, default "train"
        Part of the data over which the loss is averaged.
    matrix : {"hessian", "gauss_newton"}, default "hessian"
        Matrix of the mean loss over ``split``, in the dtype of the weights.
    tolerance : float, default 1e-4
        Largest residual as a share of the eigenvalue, between 0 and 1.
    iterations : int, default 300
        Largest number of products of the matrix with a vector.
    seed : int, default 0
        Seed of the random vector that the run begins with.
    normalize : {"none", "filter", "layer", "weight"}, default "none"
        Rescale to the size of each filter, layer or weight, or not at all (`normalize_direction`).
    ignore : {"none", "biasbn"}, default "none"
        Tensors that become zero: none, or those of fewer than two dimensions (biases, normalisation layers).
    parameters : {"all", "matrices"}, sequence of str or None, default None
        By which second derivatives are taken: all, those of two or more dimensions, or names and patterns of names
        (`parameters_chosen`); None: what ``convention`` says.
    convention : {"lossatlas", "li2018"}, default "lossatlas"
        "lossatlas": all parameters; "li2018": as the code of Li et al., those of two or more dimensions.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> problem = Problem(nn.Linear(2, 1, bias=False), nn.MSELoss(), {"train": (x, torch.zeros(2, 1))})
    >>> first, second = HessianDirections().of(problem).take(2)  # of 2 X'X / 2 = diag(1, 9)
    >>> first["weight"].abs().round(decimals=3), second["weight"].abs().round(decimals=3)
    (tensor([[0., 1.]]), tensor([[1., 0.]]))
    """

    def __init__(
        self,
        largest: int = 1,
        smallest: int = 1,
        split: str = "train",
        matrix: str = "hessian",
        tolerance: float = 1e-4,
        iterations: int = 300,
        seed: int = 0,
        normalize: str = "none",
        ignore: str = "none",
        parameters: Parameters = None,
        convention: str = "lossatlas",
    ) -> None:
        self._largest = largest
        self._smallest = smallest
        self._split = split
        self._matrix = matrix
        self._tolerance = tolerance
        self._iterations = iterations
        self._seed = seed
        self._parameters = parameters
        self._convention = convention
        self._options = {"normalize": normalize, "ignore": ignore}

    def of(self, problem: Problem) -> DirectionSet:
        """The directions at the network of ``problem``. ValueError for a value out of its range."""
        vectors = hessian_directions(
            problem,
            largest=self._largest,
            smallest=self._smallest,
            split=self._split,
            matrix=self._matrix,
            tolerance=self._tolerance,
            iterations=self._iterations,
            seed=self._seed,
            parameters=self._parameters,
            convention=self._convention,
        )
        which: Attributes = {"matrix": self._matrix, "largest": self._largest, "smallest": self._smallest}
        which["hessian_split"] = self._split
        which["hessian_parameters"] = parameters_described(self._parameters, self._convention)
        return fixed_directions("hessian", vectors, self._options, problem.model, **which)
