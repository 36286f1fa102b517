"""The typical formulas in SymPy, where its language can say them, over given dimensions.

With whole numbers for dimensions the answer can be compared with a number; SymPy's `.diff` is timed
only where it is right. A sum of traces with a scalar function is differentiated to 0 (1.14), so
vector formulas stand as 1-by-1 matrices, and a logarithm that is constant is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

Form = tuple[Any, Any]  # function, variable
_t = sp.Symbol("t")
EXP, LOG, TANH = (sp.Lambda(_t, f(_t)) for f in (sp.exp, sp.log, sp.tanh))
SOFTPLUS = sp.Lambda(_t, sp.log(1 + sp.exp(-_t)))
ORDER = {"n": 2, "m": 3, "p": 2, "k": 3}


class Names:
    """Matrix symbols over dimensions: `names.A("n", "m")`; a vector has one dimension."""

    def __init__(self, sizes: dict[str, Any]) -> None:
        self.sizes = sizes

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def symbol(rows: str, columns: str | None = None) -> Any:
            return sp.MatrixSymbol(
                name, self.sizes[rows], self.sizes[columns] if columns else sp.Integer(1)
            )

        return symbol

    def ones(self, rows: str) -> Any:
        return sp.OneMatrix(self.sizes[rows], 1)


def squares(r: Any) -> Any:
    return sp.Trace(r.T * r)


def _distance(s: Names) -> Any:
    d = s.x("n") - s.mu("n")
    return d.T * s.S("n", "n").inv() * d / 2


def _log_sum_exp(s: Names) -> Any:
    z = s.W("n", "m") * s.x("m")
    return sp.log(sp.Trace(s.ones("n").T * z.applyfunc(EXP))) - sp.Trace(s.y("n").T * z)


def _logistic(s: Names) -> Any:
    margin = sp.HadamardProduct(s.y("n"), s.X("n", "m") * s.w("m"))
    return s.ones("n").T * margin.applyfunc(SOFTPLUS)


def _error(s: Names) -> Any:
    return s.X("n", "m") * s.w("m") - s.y("n")


def _residual(s: Names) -> Any:
    return s.T("n", "m") - s.U("n", "k") * s.V("m", "k").T


def _layer(s: Names) -> Any:
    return (s.W("n", "m") * s.X("m", "p")).applyfunc(TANH)


FORMS: dict[str, Callable[[Names], Form]] = {
    "quadratic form": lambda s: (s.x("n").T * s.A("n", "n") * s.x("n"), s.x("n")),
    "least squares": lambda s: (
        (s.A("n", "m") * s.x("m") - s.b("n")).T * (s.A("n", "m") * s.x("m") - s.b("n")), s.x("m")
    ),
    "matrix least squares": lambda s: (
        squares(s.A("n", "m") * s.X("m", "p") - s.B("n", "p")), s.X("m", "p")
    ),
    "log det": lambda s: (sp.log(sp.Determinant(s.X("n", "n"))), s.X("n", "n")),
    "log det of a product": lambda s: (
        sp.log(sp.Determinant(s.X("m", "n").T * s.A("m", "m") * s.X("m", "n"))), s.X("m", "n")
    ),
    "Gaussian in mu": lambda s: (_distance(s), s.mu("n")),
    "Gaussian in S": lambda s: (
        sp.Trace(_distance(s)) + sp.log(sp.Determinant(s.S("n", "n"))) / 2, s.S("n", "n")
    ),
    "logistic regression": lambda s: (_logistic(s), s.w("m")),
    "softmax cross-entropy": lambda s: (_log_sum_exp(s), s.W("n", "m")),
    "matrix factorisation": lambda s: (squares(_residual(s)), s.U("n", "k")),
    "masked factorisation": lambda s: (
        squares(sp.HadamardProduct(s.M("n", "m"), _residual(s))), s.U("n", "k")
    ),
    "trace of a product": lambda s: (
        sp.Trace(s.A("n", "m") * s.X("m", "p") * s.B("p", "p") * s.X("m", "p").T * s.C("m", "n")),
        s.X("m", "p"),
    ),
    "trace of an inverse": lambda s: (
        sp.Trace(s.X("n", "n").inv() * s.A("n", "n")), s.X("n", "n")
    ),
    "Kronecker trace": lambda s: (
        sp.Trace(sp.KroneckerProduct(s.A("m", "m"), s.X("n", "n"))), s.X("n", "n")
    ),
    "power": lambda s: (
        sp.Trace(s.A("n", "n") * s.X("n", "n") * s.X("n", "n") * s.X("n", "n")), s.X("n", "n")
    ),
    "PCA": lambda s: (-sp.Trace(s.W("n", "k").T * s.S("n", "n") * s.W("n", "k")), s.W("n", "k")),
    "ridge": lambda s: (
        _error(s).T * _error(s) + sp.Symbol("c") * s.w("m").T * s.w("m"), s.w("m")
    ),
    "Rayleigh quotient": lambda s: (
        sp.Trace(s.x("n").T * s.A("n", "n") * s.x("n")) / sp.Trace(s.x("n").T * s.x("n")), s.x("n")
    ),
    "neural layer": lambda s: (squares(_layer(s) - s.Y("n", "p")), s.W("n", "m")),
    "two-layer network": lambda s: (
        squares(s.V("k", "n") * _layer(s) - s.Y("k", "p")), s.W("n", "m")
    ),
}  # fmt: skip


def symbolic(name: str) -> Form:
    """Return a formula over symbolic dimensions."""
    sizes = {d: sp.Symbol(d, integer=True, positive=True) for d in ORDER}
    return FORMS[name](Names(sizes))


def numeric(name: str) -> Form:
    """Return the same formula over small whole dimensions."""
    return FORMS[name](Names({d: sp.Integer(size) for d, size in ORDER.items()}))
