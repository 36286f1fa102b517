"""The notations of the language: how each is read, its shape, its meaning, what is inferred."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from symcalc import ShapeError, derive, parse
from symcalc.declare import parse_where
from symcalc.shape import shape_text

# text, declarations, canonical text, shape
NOTATIONS = [
    # names
    ("X", None, "X", "n×m"),
    ("A_1", None, "A_1", "n×m"),
    ("x2 + x_1", None, "x2 + x_1", "n×1"),
    ("mu*Sigma", None, "mu*Sigma", "n×m"),
    ("λ*Σ", None, "λ*Σ", "n×m"),
    ("µ*x", None, "μ*x", "n×1"),  # the micro sign of keyboards is the Greek letter
    # numbers
    ("2", None, "2", "1×1"),
    ("0.5", None, "1/2", "1×1"),
    (".5", None, "1/2", "1×1"),
    ("2.5*x", None, "5*x/2", "n×1"),
    ("1e-3*x", None, "x/1000", "n×1"),
    ("1.5E+2", None, "150", "1×1"),
    ("0.1*x + 0.2*x", None, "x/10 + x/5", "n×1"),
    ("2e3x", None, "2000*x", "n×1"),
    ("2e", None, "2*e", "1×1"),
    ("2pi", None, "2*pi", "1×1"),
    ("pi*c", None, "pi*c", "1×1"),
    ("pi(a + b)", None, "pi*(a + b)", "1×1"),
    # products
    ("A*B", None, "A*B", "n×p"),
    ("A @ B", None, "A*B", "n×p"),
    ("A B", None, "A*B", "n×p"),
    ("A·B", None, "A*B", "n×p"),
    ("2X", None, "2*X", "n×m"),
    ("(A + B)(C)", None, "(A + B)*C", "n×p"),
    ("2(a + b)x", None, "2*(a + b)*x", "n×1"),
    ("x'x", None, "x'*x", "1×1"),
    ("a x' A x", None, "a*x'*A*x", "1×1"),
    ("A*(B*C)", None, "A*(B*C)", "n×q"),
    ("A*(2*B)", None, "2*A*B", "n×p"),
    ("A*c", None, "c*A", "n×m"),
    ("x'*y*z", None, "(x'*y)*z", "m×1"),
    ("x*y'", None, "x*y'", "n×m"),
    # entrywise and Kronecker products
    ("A .* B", None, "A .* B", "n×m"),
    ("A ∘ B", None, "A .* B", "n×m"),
    ("A⊙B", None, "A .* B", "n×m"),
    ("A ./ B", None, "A ./ B", "n×m"),
    ("2./x", None, "2*(ones(n) ./ x)", "n×1"),
    ("A .^ 2", None, "A .^ 2", "n×m"),
    ("x.^-1", None, "x .^ -1", "n×1"),
    ("x.^(1/2)", None, "x .^ (1/2)", "n×1"),
    ("c*A .* B", None, "c*(A .* B)", "n×m"),
    ("A ⊗ B", None, "kron(A, B)", "n*p×m*q"),
    ("A ⊗ B*C", None, "kron(A, B)*C", "n*p×r"),
    # transposes
    ("X'", None, "X'", "m×n"),
    ("X.T", None, "X'", "m×n"),
    ("X.'", None, "X'", "m×n"),
    ("X^T", None, "X'", "m×n"),
    ("X^{T}", None, "X'", "m×n"),
    ("X^⊤", None, "X'", "m×n"),
    ("Xᵀ", None, "X'", "m×n"),
    ("X^TX", None, "X'*X", "m×m"),
    ("X^-TX", "X: matrix(n)", "inv(X)'*X", "n×n"),
    ("1'*x", None, "ones(n)'*x", "1×1"),
    ("1^T x", None, "ones(n)'*x", "1×1"),
    ("x𝟏ᵀ + A", None, "x*ones(m)' + A", "n×m"),
    ("||X||^2_F", None, "normF(X)^2", "1×1"),
    ("‖X‖²_F", None, "normF(X)^2", "1×1"),
    ("<A, X>_F", None, "tr(A'*X)", "1×1"),
    ("norm(x, 1) + norm(x, 2)", None, "norm1(x) + norm2(x)", "1×1"),
    ("Diag(x)*A", None, "diag(x)*A", "n×m"),
    ("X’", None, "X'", "m×n"),
    ("c'", "c: scalar", "c", "1×1"),
    ("c'*x", None, "c'*x", "1×1"),
    ("A''", None, "A''", "n×m"),
    ("(A*B)'", None, "(A*B)'", "p×n"),
    # powers
    ("X^2", None, "X^2", "n×n"),
    ("X**2", None, "X^2", "n×n"),
    ("X^-1", None, "inv(X)", "n×n"),
    ("X^{-1}", None, "inv(X)", "n×n"),
    ("X^-T", None, "inv(X)'", "n×n"),
    ("X^{-T}", None, "inv(X)'", "n×n"),
    ("X^-⊤", None, "inv(X)'", "n×n"),
    ("X'^-1", None, "inv(X')", "n×n"),
    ("X^-2", None, "X^-2", "n×n"),
    ("x^p", "x: scalar; p: scalar", "x^p", "1×1"),
    # norms and brackets
    ("||x||", None, "norm2(x)", "1×1"),
    ("||x||_2", None, "norm2(x)", "1×1"),
    ("||x||_1", None, "norm1(x)", "1×1"),
    ("||X||_F", None, "normF(X)", "1×1"),
    ("||A*X - B||_F^2", None, "normF(A*X - B)^2", "1×1"),
    ("||X||_{F}^{2}", None, "normF(X)^2", "1×1"),
    ("‖x‖_2", None, "norm2(x)", "1×1"),
    ("norm(x)", None, "norm2(x)", "1×1"),
    ("||X||_*", None, "normnuc(X)", "1×1"),
    ("normspec(X)", None, "normspec(X)", "1×1"),
    ("||x||*||y||_1", None, "norm2(x)*norm1(y)", "1×1"),
    ("|c*||x||*b|", None, "abs(c*norm2(x)*b)", "1×1"),
    ("A : B", None, "tr(A'*B)", "1×1"),
    ("x : y", None, "x'*y", "1×1"),
    ("<A, B>", None, "tr(A'*B)", "1×1"),
    ("⟨A, B⟩", None, "tr(A'*B)", "1×1"),
    ("|X|", None, "det(X)", "1×1"),
    ("|x'*y|", None, "abs(x'*y)", "1×1"),
    # constants
    ("I", "X: matrix(n)", "I", "n×n"),
    ("X + I", None, "X + I", "n×n"),
    ("eye(3)", None, "eye(3)", "3×3"),
    ("ones(n)", None, "ones(n)", "n×1"),
    ("ones(n, m)", None, "ones(n, m)", "n×m"),
    ("ones(2*n)", None, "ones(2*n)", "2*n×1"),
    ("zeros(3, 2)", None, "zeros(3, 2)", "3×2"),
    ("x + vector(1)", None, "x + ones(n)", "n×1"),
    ("x - vector(3)", None, "x - 3*ones(n)", "n×1"),
    ("X + matrix(c)", None, "X + c*ones(n, m)", "n×m"),
    # functions
    ("Tr(X) + trace(X)", None, "tr(X) + tr(X)", "1×1"),
    ("ln(x)", None, "log(x)", "n×1"),
    ("sum(A, 0)", None, "sum(A, 0)", "m×1"),
    ("sum(A, 1)", None, "sum(A, 1)", "n×1"),
    ("sum(1)", None, "sum(1)", "1×1"),
    ("diag(x)", None, "diag(x)", "n×n"),
    ("diag(X)", None, "diag(X)", "n×1"),
    ("mean(x)", None, "mean(x)", "1×1"),
    ("mean(X)", None, "mean(X)", "1×1"),
    ("dot(x, y)", None, "x'*y", "1×1"),
    # precedence as in MATLAB
    ("-c^2", None, "-c^2", "1×1"),
    ("2^3^2", None, "64", "1×1"),
    ("2^-c", None, "2^(-c)", "1×1"),
    ("X.^2'", None, "(X .^ 2)'", "m×n"),
    ("-A'*B", None, "-A'*B", "m×p"),
    ("A/2*B", None, "A*B/2", "n×p"),
    ("1/2x", None, "x/2", "n×1"),
    ("a - (b - d)", None, "a - (b - d)", "1×1"),
    ("a - -b", None, "a + b", "1×1"),
    ("a/(b/d)", None, "a/(b/d)", "1×1"),
    ("A .* B*C", None, "(A .* B)*C", "n×p"),
    ("A*B .* C", None, "(A*B) .* C", "n×p"),
    ("A*B : C", None, "tr((A*B)'*C)", "1×1"),
    ("A : B + c", None, "tr(A'*B) + c", "1×1"),
    ("lambda: 0", None, "0*lambda", "1×1"),
    # a scalar plus a vector, entry by entry
    ("1 - sigmoid(X*w)", None, "ones(n) - sigmoid(X*w)", "n×1"),
    ("A*x - b", None, "A*x - b*ones(n)", "n×1"),
    ("x' + 1", None, "x' + ones(1, n)", "1×n"),
    # dimensions as numbers, ordinary names
    ("sum(x)/n", "x: vector(n)", "sum(x)/n", "1×1"),
    ("A*x/(n*m)", "A: matrix(n, m)", "A*x/(n*m)", "n×1"),
    ("T*x", "T: matrix(n)", "T*x", "n×1"),
    ("X^T*T", "T: vector(n)", "X'*T", "m×1"),
    ("I'*x", "I: vector(n)", "I'*x", "1×1"),
    ("S*x", "S: spd matrix(n)", "S*x", "n×1"),
    ("lambda'*x", "lambda: vector(n)", "lambda'*x", "1×1"),
    ("pi'*x", "pi: vector(n)", "pi'*x", "1×1"),
    ("c²", None, "c^2", "1×1"),
    ("X⁻¹Xᵀ", "X: matrix(n)", "inv(X)*X'", "n×n"),
    ("X⁻ᵀ", "X: matrix(n)", "inv(X)'", "n×n"),
]


@pytest.mark.parametrize("text, where, expected, shape", NOTATIONS)
def test_notation(text, where, expected, shape):
    e = parse(text, where)
    assert str(e) == expected
    assert shape_text(e.shape) == shape
    assert parse(str(e), e.where) is e


def test_decimals_are_exact_rationals():
    assert parse("0.1").data == Fraction(1, 10)
    assert parse("1e-30").data == Fraction(1, 10**30)


# text, declarations, all declarations of the result
INFERENCE = [
    ("||A*X - B||_F^2", None, {"A": "matrix(n, m)", "X": "matrix(m, p)", "B": "matrix(n, p)"}),
    ("x'*A*y", None, {"x": "vector(n)", "A": "matrix(n, m)", "y": "vector(m)"}),
    ("x'*A*x", None, {"x": "vector(n)", "A": "matrix(n)"}),
    ("A + A'", None, {"A": "matrix(n)"}),
    ("tr(A*B)", None, {"A": "matrix(n, m)", "B": "matrix(m, n)"}),
    ("A .* (x*y')", None, {"A": "matrix(n, m)", "x": "vector(n)", "y": "vector(m)"}),
    ("diag(x)*A", None, {"x": "vector(n)", "A": "matrix(n, m)"}),
    ("kron(A, B)*x", None, {"A": "matrix(n, m)", "B": "matrix(p, q)", "x": "vector(m*q)"}),
    ("vec(A)'*x", None, {"A": "matrix(n, m)", "x": "vector(m*n)"}),
    ("A*x", "A: matrix(2, 3)", {"A": "matrix(2, 3)", "x": "vector(3)"}),
    ("A*x", "x: vector(k)", {"x": "vector(k)", "A": "matrix(n, k)"}),
    ("A*x", " A : matrix ( n , m ) ;", {"A": "matrix(n, m)", "x": "vector(m)"}),
    ("A*x", {"A": "matrix(n, n)"}, {"A": "matrix(n)", "x": "vector(n)"}),
    ("n'*n", None, {"n": "vector(m)"}),
    ("vec(I)*vec(A)' + eye(4)", "A: matrix(2)", {"A": "matrix(2)"}),
    ("n*x", "x: vector(n)", {"x": "vector(n)"}),
    ("x'*x", "x: vector(n); Y: matrix(p, q)", {"x": "vector(n)", "Y": "matrix(p, q)"}),
    ("X*y", "X: orthogonal matrix(n)", {"X": "orthogonal matrix(n)", "y": "vector(n)"}),
    ("Q", "Q: orthonormal matrix(n, k)", {"Q": "orthonormal matrix(n, k)"}),
    ("Q", "Q: orthonormal matrix(n)", {"Q": "orthogonal matrix(n)"}),
    ("D", "D: diagonal matrix(n)", {"D": "diagonal matrix(n)"}),
    ("S", "S: spd matrix(n)", {"S": "spd matrix(n)"}),
    ("x", "x: positive unit vector(n)", {"x": "positive unit vector(n)"}),
    ("a*x", "a: vector(n); x: positive scalar", {"a": "vector(n)", "x": "positive scalar"}),
    ("q", "q: vector(1)", {"q": "scalar"}),
]


@pytest.mark.parametrize("text, where, expected", INFERENCE)
def test_inferred_declarations(text, where, expected):
    assert parse(text, where).where == expected


KINDS = [
    ("scalar", "a g e1 c_2 mu alpha alpha_1 lambda λ σ_1"),
    ("vector(n)", "h x z x1 y_2 x_n"),
    ("matrix(n, m)", "A X A_1 B2 Sigma Lambda_2 Σ Ω_1"),
]


WHERE = [
    "A: matrix(m, n); b: vector(m); x, y: vector(n); c: scalar; f: entrywise",
    "A: matrix(m, n), b: vector(m), x, y: vector(n), c: scalar, f: entrywise",
    "\n  A: matrix(m,\n n)\n b: vector(m)\n x, y: vector(n), c: scalar\n f: entrywise,\n",
]


@pytest.mark.parametrize("where", WHERE)
def test_declarations_as_text(where):
    assert parse_where(where) == parse_where(
        {"A": "matrix(m, n)", "b": "vector(m)", "x": "vector(n)", "y": "vector(n)"}
        | {"c": "scalar", "f": "entrywise"}
    )


@pytest.mark.parametrize("kind, name", [(k, name) for k, names in KINDS for name in names.split()])
def test_default_kind(kind, name):
    assert parse(name).where == {name: kind}


def _values():
    rng = np.random.default_rng(7)
    v = {name: rng.uniform(0.5, 2, (3, 4)) for name in "AB"}
    v |= {name: rng.uniform(-1, 1, (3, 3)) + 3 * np.eye(3) for name in "XY"}
    v |= {"C": rng.uniform(-1, 1, (4, 3)), "S": np.eye(3) + np.outer([1, 2, 3], [1, 2, 3])}
    v |= {name: rng.uniform(0.5, 2, 3) for name in "xyz"} | {"w": rng.uniform(-1, 1, 4)}
    return SimpleNamespace(**v, a=1.3, b=0.7, c=2.1)


V = _values()
# text, declarations, the same in NumPy
MEANING = [
    ("-a^2", None, lambda v: -(v.a**2)),
    ("-2^2", None, lambda v: -4),
    ("2^3^2", None, lambda v: 64),
    ("2^-a", None, lambda v: 2**-v.a),
    ("a^-b^c", None, lambda v: (v.a**-v.b) ** v.c),
    ("a/b*c", None, lambda v: v.a / v.b * v.c),
    ("a/b c", None, lambda v: v.a / v.b * v.c),
    ("a/b/c", None, lambda v: v.a / v.b / v.c),
    ("a - b - c", None, lambda v: v.a - v.b - v.c),
    ("a - (b - c)", None, lambda v: v.a - (v.b - v.c)),
    ("2pi*a", None, lambda v: 2 * np.pi * v.a),
    ("1/2x", None, lambda v: v.x / 2),
    ("0.1*x", None, lambda v: v.x / 10),
    ("A/2*C", None, lambda v: v.A @ v.C / 2),
    ("X.^2'", None, lambda v: (v.X**2).T),
    ("X'^2", None, lambda v: v.X.T @ v.X.T),
    ("X^3", None, lambda v: v.X @ v.X @ v.X),
    ("X^-1'", None, lambda v: np.linalg.inv(v.X).T),
    ("X^-T*y", None, lambda v: np.linalg.inv(v.X).T @ v.y),
    ("-X'*y", None, lambda v: -(v.X.T @ v.y)),
    ("A .* B*C", None, lambda v: (v.A * v.B) @ v.C),
    ("A*C .* Y", None, lambda v: (v.A @ v.C) * v.Y),
    ("A ./ B .* A", None, lambda v: v.A / v.B * v.A),
    ("2./x", None, lambda v: 2 / v.x),
    ("x .^ (1/2)", None, lambda v: np.sqrt(v.x)),
    ("x'*y*z", None, lambda v: (v.x @ v.y) * v.z),
    ("x*w'", None, lambda v: np.outer(v.x, v.w)),
    ("A : B + c", None, lambda v: np.sum(v.A * v.B) + v.c),
    ("X*Y : S", None, lambda v: np.sum((v.X @ v.Y) * v.S)),
    ("|X|", None, lambda v: np.linalg.det(v.X)),
    ("|a - c|", None, lambda v: abs(v.a - v.c)),
    ("||X||_1", None, lambda v: np.sum(abs(v.X))),
    ("norm2(X)", None, lambda v: np.linalg.norm(v.X, "fro")),
    ("normspec(X)", None, lambda v: np.linalg.norm(v.X, 2)),
    ("||X||_*", None, lambda v: np.linalg.norm(v.X, "nuc")),
    ("||A*w - x||^2", None, lambda v: np.sum((v.A @ v.w - v.x) ** 2)),
    ("A*w + c", None, lambda v: v.A @ v.w + v.c),
    ("(x' + 1)*y", None, lambda v: (v.x + 1) @ v.y),
    ("X + matrix(2)", None, lambda v: v.X + 2),
    ("c*I - X", None, lambda v: v.c * np.eye(3) - v.X),
    ("sum(A, 0)", None, lambda v: v.A.sum(0)),
    ("sum(A, 1)", None, lambda v: v.A.sum(1)),
    ("sum(x)/n", "x: vector(n)", lambda v: np.mean(v.x)),
    ("mean(A)", "A: matrix(n, m)", lambda v: np.mean(v.A)),
    ("mean(A)", None, lambda v: np.mean(v.A)),
    ("diag(x)*A", None, lambda v: v.x[:, None] * v.A),
    ("diag(X)", None, lambda v: np.diag(v.X)),
    ("vec(A)", None, lambda v: v.A.flatten(order="F")),
    ("x ⊗ w", None, lambda v: np.kron(v.x, v.w)),
    ("K(n, m)*vec(A)", "A: matrix(n, m)", lambda v: v.A.T.flatten(order="F")),
    ("exp(X)", None, lambda v: np.exp(v.X)),
    ("logdet(S)", "S: spd matrix(n)", lambda v: np.log(np.linalg.det(v.S))),
]


@pytest.mark.parametrize("text, where, numpy", MEANING)
def test_meaning(text, where, numpy):
    e = parse(text, where)
    value = e.evaluate(**{name: getattr(V, name) for name in e.where})
    expected = numpy(V)
    assert np.shape(value) == np.shape(expected)
    np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_names_match_however_python_spells_them():
    assert parse("µ*2").evaluate(µ=1.5) == 3.0  # Python reads this keyword as the Greek letter


# names that nobody declared: what they must be, and what the result says of it
SUPPOSED = [
    ("1/(2*n)*||y - X*w||^2", "n: scalar", "`n` is a scalar: it stands in a divisor or exponent"),
    ("1/N*sum(x)", "N: scalar", "`N` is a scalar: it stands in a divisor or exponent"),
    ("a'*X*b", "b: vector(m)", "`b` is a vector: a scalar does not fit there"),
    ("tr(A^(2*k))", "k: scalar", "`k` is a scalar: it stands in a divisor or exponent"),
    ("||x||_W^2", "W: matrix(n)", "`||x||_W` is sqrt(x'*W*x), with `W` for W"),
    ("x @ b", "b: vector(n)", None),
]


@pytest.mark.parametrize(("text", "declared", "note"), SUPPOSED, ids=[t for t, *_ in SUPPOSED])
def test_what_is_supposed_is_said(text, declared, note):
    d = derive(text, "X" if "X" in text else "A" if "A" in text else "x")
    assert declared in d.assumptions and (note is None or note in d.assumptions)


def test_a_divisor_that_is_differentiated_is_no_scalar():
    with pytest.raises(ShapeError, match="divides by a scalar"):
        derive("1/x", "x")
    with pytest.raises(ShapeError, match="divides by a scalar"):
        parse("b'/A*b")


# conditions: an even power of a norm is smooth, a norm is not
CONDITIONS = [
    ("exp(-||x - y||^2)", ()),
    ("||x||^2/||y||^2", ()),
    ("||x||", ("x ≠ 0",)),
    ("norm1(x)^2", ("x has no zero entry",)),
    ("||x||^2 + ||x||", ("x ≠ 0",)),
]


@pytest.mark.parametrize(("text", "conditions"), CONDITIONS, ids=[t for t, _ in CONDITIONS])
def test_conditions(text, conditions):
    stated = [a for a in derive(text, "x").assumptions if ": " not in a]
    assert tuple(stated) == conditions


# functions of the entries of a square matrix: what the result says of the other reading, unless
# the text shows which one is meant
BY_ENTRIES = [
    ("tr(exp(X))", "`exp(X)` is taken entry by entry; the function of the matrix is `expm(X)`"),
    ("tr(ln(X))", "`log(X)` is taken entry by entry; the function of the matrix is `logm(X)`"),
    ("sum(sqrt(X'*X))",
     "`sqrt(X'*X)` is taken entry by entry; the function of the matrix is `sqrtm(X'*X)`"),
    (r"\operatorname{tr}(\exp(X))",
     "`exp(X)` is taken entry by entry; the function of the matrix is `expm(X)`"),
    ("tr(exp.(X))", None),
    ("tr(np.exp(X))", None),
    ("tr(X.exp())", None),
    (r"\operatorname{tr}(e^{X})", None),
    ("tr(expm(X))", None),
    ("sum(exp(X))", None),
    ("sum(exp(X*y))", None),
    ("exp(tr(X))", None),
    ("tr(sin(X))", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "note"), BY_ENTRIES, ids=[t for t, _ in BY_ENTRIES])
def test_a_function_of_the_entries_of_a_square_matrix_is_said_to_be_one(text, note):
    stated = [a for a in derive(text, "X").assumptions if "entry by entry" in a]
    assert stated == ([note] if note else [])


@pytest.mark.parametrize(
    ("text", "noted"),
    [("||A||_2", True), ("||A*X - B||_2^2", True), ("||A||", False), ("||A*x||_2", False)],
)
def test_the_norm_of_a_matrix_with_a_2_says_which_it_is(text, noted):
    found = any("`normspec(.)`" in line for line in derive(text, "A").assumptions)
    assert found == noted


# a product without a sign beside `∘` or `⊗`, where it only fits if it is read first
UNSIGNED = [
    ("log(det(S ∘ V V'))", "log(det(S .* (V*V')))"),
    (r"\log\det(S \odot VV^T)", "logdet(S .* (V*V'))"),
    (r"(S \circ vv^T)v", "(S .* (v*v'))*v"),
    (r"\| W - U \odot VX^T\|_F^2", "normF(W - U .* (V*X'))^2"),
    (r"S \odot S v", "(S .* S)*v"),  # fits from left to right
]


@pytest.mark.parametrize("text, meaning", UNSIGNED)
def test_a_product_without_a_sign(text, meaning):
    where = (
        "S: matrix(n); V: matrix(n, m); v: vector(n); U: matrix(n, k); W: matrix(n, k); "
        "X: matrix(k, m)"
    )
    assert parse(text, where) is parse(meaning, where)


def test_it_says_that_a_product_without_a_sign_is_read_first():
    d = derive("tr(B*(S ∘ V V'))", "V", where="S: matrix(n); V: matrix(n, m); B: matrix(n)")
    assert any("`A ∘ B C` is A ∘ (B C)" in note for note in d.assumptions)
