"""What is used of scipy by modules that the controller imports; scipy itself at the first call.

The controller names what it answers with and leaves fits to child processes. At rest it would hold
scipy, with a BLAS of its own, for nothing: 34 MB.
"""

from typing import Any


def ndtr(x: Any) -> Any:
    """The normal distribution function."""
    from scipy import special

    return special.ndtr(x)


def ndtri(p: Any) -> Any:
    """Its inverse."""
    from scipy import special

    return special.ndtri(p)


def stdtr(df: Any, t: Any) -> Any:
    """Student's distribution function."""
    from scipy import special

    return special.stdtr(df, t)


def stdtrit(df: Any, p: Any) -> Any:
    """The inverse of Student's distribution function."""
    from scipy import special

    return special.stdtrit(df, p)


def digamma(x: Any) -> Any:
    """The derivative of the gamma function's logarithm."""
    from scipy import special

    return special.digamma(x)


def polygamma(n: int, x: Any) -> Any:
    """The nth derivative of digamma."""
    from scipy import special

    return special.polygamma(n, x)


def cholesky(a: Any, **options: Any) -> Any:
    """The triangular factor of a positive definite matrix; raises LinAlgError."""
    from scipy import linalg

    return linalg.cholesky(a, **options)


def inverse_half(factor: Any) -> Any:
    """The lower half of a's inverse, from its lower factor: LAPACK's potri."""
    from scipy.linalg import lapack

    return lapack.dpotri(factor, lower=1)[0]


def cho_solve(factor: Any, b: Any, **options: Any) -> Any:
    """x of a x = b, from a's factor."""
    from scipy import linalg

    return linalg.cho_solve(factor, b, **options)


def solve_triangular(a: Any, b: Any, **options: Any) -> Any:
    """x of a x = b, where a is triangular."""
    from scipy import linalg

    return linalg.solve_triangular(a, b, **options)
