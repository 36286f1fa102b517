"""One entry in index notation: how it is written, and that it reads back."""

from __future__ import annotations

import numpy as np
import pytest

from symcalc import derive, parse
from symcalc.cli import main
from symcalc.errors import ShapeError
from symcalc.sample import SIZES, choose_sizes, points

SHOWN = [
    ("A*x", r"\sum_{j} A_{ij} x_{j}"),
    ("x'*A*y", r"\sum_{i,j} x_{i} A_{ij} y_{j}"),
    ("A'", r"A_{ji}"),
    ("2*A'*(A*X - B)", r"2 \sum_{k} A_{ki} \left(\sum_{l} A_{kl} X_{lj} - B_{kj}\right)"),
    ("diag(x)*A", r"x_{i} A_{ij}"),
    ("diag(x)", r"\delta_{ij} x_{i}"),
    ("A*diag(x)*B", r"\sum_{k} A_{ik} x_{k} B_{kj}"),
    ("3*I + A", r"3 \delta_{ij} + A_{ij}"),
    ("tr(A*B)", r"\sum_{i} \sum_{j} A_{ij} B_{ji}"),
    ("diag(A)", r"A_{ii}"),
    ("sum(A, 1)", r"\sum_{j} A_{ij}"),
    ("ones(n)'*ones(n)*x", r"n x_{i}"),
    ("(A*x) .^ 2", r"{\left(\sum_{j} A_{ij} x_{j}\right)}^{2}"),
    ("exp(A*x) ./ y", r"\frac{\exp\left(\sum_{j} A_{ij} x_{j}\right)}{y_{i}}"),
    ("phi(W_1*x)", r"\phi\left(\sum_{j} W_{1,ij} x_{j}\right)"),
    ("-(A*x)*(-x)'", r"\sum_{k} A_{ik} x_{k} x_{j}"),
    ("inv(A)*x", r"\sum_{j} \left[A^{-1}\right]_{ij} x_{j}"),
    ("logdet(A)*i*x", r"\log\det\left(A\right) i x_{j}"),
]


@pytest.mark.parametrize(("formula", "entry"), SHOWN)
def test_an_entry_is_written_as_in_a_book(formula: str, entry: str) -> None:
    where = {"phi": "entrywise", "i": "scalar"} if "i*x" in formula else {"phi": "entrywise"}
    assert parse(formula, where).entry() == entry


READ_BACK = [
    ("||A*X - B||_F^2", "X"), ("x'*A*x + b'*x", "x"), ("sum(log(ones(n) + exp(A*x)))", "x"),
    ("||M .* (U*V' - R)||_F^2", "U"), ("tr(A*X*B*X'*C)", "X"), ("sum((X*diag(w)*Y) .^ 2)", "w"),
    ("var(A*x)", "x"), ("sum(tanh(W*x) ./ y)", "W"), ("(x'*A*x)/(x'*x)", "x"),
    ("||X'*X - C||_F^2", "X"), ("sum(A*X .* (B*X))", "X"), ("tr(X)^2 + tr(A*X)^3", "X"),
    ("||diag(x)*A*x - y||^2", "x"), ("sum(sigmoid(X*w) .* y)", "w"),
    ("||A*Σ - B||_F^2", "Σ"), ("||y - X*beta_1||^2", "beta_1"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "variable"), READ_BACK)
def test_an_entry_reads_back_as_the_formula(formula: str, variable: str) -> None:
    where = {"beta_1": "vector(m)", "w": "vector(m)", "b": "vector(n)"}
    d = derive(formula, variable, where={k: v for k, v in where.items() if k in formula})
    back = parse(d.gradient.entry(), {**d.function.where, **d.gradient.where})
    variables = sorted({*d.function.variables, *d.gradient.variables}, key=lambda v: v.name)
    sizes = choose_sizes(variables, {}, SIZES)
    point = next(iter(points(variables, sizes, np.random.default_rng(0))))
    arrays = {v.name: value for v, value in point.items()}
    np.testing.assert_allclose(back.evaluate(**arrays), d.gradient.evaluate(**arrays), rtol=1e-9)


def test_a_variable_called_delta_is_no_kronecker_symbol() -> None:
    with pytest.raises(ShapeError, match="Kronecker"):
        parse("delta + diag(x)", {"delta": "matrix(n)", "x": "vector(n)"}).entry()


def test_a_long_formula_is_refused() -> None:
    with pytest.raises(ShapeError, match="too long for index notation"):
        parse(" + ".join(f"A_{k}*x" for k in range(200))).entry()


def test_the_command_line_writes_entries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "x'*A*x", "x", "--format", "index"]) == 0
    shown = r"\sum_{j} \left(A_{ij} + A_{ji}\right) x_{j}"
    assert capsys.readouterr().out.strip() == shown
    assert main(["hessian", "x'*A*x", "x", "--format", "index"]) == 0
    assert capsys.readouterr().out.strip() == "A_{ij} + A_{ji}"
