"""SymPy in and out, and SymPy's functions of one variable, against NumPy code made by SymPy."""

from functools import reduce
from math import prod

import numpy as np
import pytest
from sympy import (
    Adjoint,
    BlockDiagMatrix,
    BlockMatrix,
    Determinant,
    DiagMatrix,
    DiagonalMatrix,
    DiagonalOf,
    E,
    Float,
    Function,
    HadamardPower,
    HadamardProduct,
    I,
    Identity,
    Inverse,
    KroneckerProduct,
    Lambda,
    LambertW,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Rational,
    Sum,
    Symbol,
    Trace,
    Transpose,
    ZeroMatrix,
    asinh,
    besselj,
    cos,
    diagonalize_vector,
    exp,
    gamma,
    lambdify,
    log,
    oo,
    pi,
    sin,
    sqrt,
    symbols,
    tan,
    zeta,
)

from symcalc import (
    ParseError,
    RuleError,
    ShapeError,
    default_rules,
    derive,
    load_rules,
    parse,
)
from symcalc.interop import from_sympy
from symcalc.shape import dim_names, dim_substitute

BOOK = default_rules()
A, B, C, D, X = (MatrixSymbol(name, 3, 3) for name in "ABCDX")
M, P, Q = MatrixSymbol("M", 3, 2), MatrixSymbol("P", 4, 3), MatrixSymbol("Q", 2, 4)
a, b, c, d, x, y = (MatrixSymbol(name, 3, 1) for name in "abcdxy")
u = MatrixSymbol("u", 2, 1)
k, t = symbols("k t", positive=True)
i1 = OneMatrix(3, 1)

# The inputs of SymPy's own tests of matrix derivatives, and others like them.
MATRIX_CASES = [
    X, X.T, 2 * X, X * X, X**3, Inverse(X), Inverse(X).T, Inverse(A + X), A * X * B, A * X.T * B,
    X.T * X, X * X.T, X.T * A * X, P * M, P * M * M.T, X + A, KroneckerProduct(X, A),
    KroneckerProduct(A, X), KroneckerProduct(X, X), HadamardProduct(X, B),
    HadamardProduct(X, X, A),
    HadamardPower(X, 2), HadamardPower(X, Rational(1, 2)), HadamardPower(2, X),
    HadamardPower(X, k), X.applyfunc(sin), (A * X).applyfunc(exp), A * X.applyfunc(sin) * B,
    X.applyfunc(Lambda(t, t**2 + k * t)), X.applyfunc(sin).applyfunc(cos), Trace(X) * X,
    Determinant(X) * X, DiagonalMatrix(X), A * DiagonalMatrix(X), DiagonalOf(X), Adjoint(X),
    X + Identity(3) * Trace(X), X * a, X.T * a, DiagMatrix(X * a), exp(Trace(X)) * A,
]  # fmt: skip
TRACES = [
    Trace(X), Trace(X * A), Trace(A * X), Trace(A * X * B), Trace(A * X.T * B),
    Trace(X**2), Trace(X**2 * A), Trace(X**4), Trace(X.T * X), Trace(X * X.T), Trace(X.T * A * X),
    Trace(X.T * A * X * B), Trace(A * X * X.T * B), Trace(A * X * B * X),
    Trace(A * X * B * X.T * C),
    Trace((A * X * B + C) * (A * X * B + C).T), Trace(Inverse(X)), Trace(Inverse(X) * A),
    Trace(A * Inverse(X) * B), Trace(Inverse(A + X)), Trace(X) * k,
    Trace(HadamardProduct(X, A)), Trace(HadamardProduct(X, X) * B), Trace(A * HadamardPower(X, 3)),
    Trace(X.applyfunc(sin)), Trace(A * X.applyfunc(exp) * B), Trace(KroneckerProduct(X, A)),
    Trace(KroneckerProduct(X, X) * KroneckerProduct(A, B)), Trace(DiagonalMatrix(X) * A),
    Trace(P * M * Q), Trace(M * M.T * A), Trace(M.T * A * M), Trace(X) ** 2,
    Trace(X) * Trace(X * A),
    log(Trace(X)), exp(Trace(A * X)), sqrt(Trace(X.T * X)), Trace(X) / Trace(X * A), 1 / Trace(X),
    Determinant(X), Determinant(X) ** 2, Determinant(A * X * B), Determinant(X.T * A * X),
    Determinant(M.T * M), log(Determinant(X)), log(Determinant(M.T * A.T * A * M)),
    log(Determinant(X)) - Trace(Inverse(X) * A), sin(Trace(X)) * cos(Determinant(X)),
    Determinant(Inverse(X)), Trace(X * A) ** k, k ** Trace(X), pi * Trace(X) + E,
    a.T * X * b, a.T * X.T * b, a.T * X * a, a.T * X.T * X * b, a.T * Inverse(X) * b,
    (X * a + b).T * C * (X * a + b), (X * a).T * C.T * C * (X * b), a.T * X * A * X.T * b,
    log(a.T * X * b), exp(a.T * X * b), sqrt(a.T * X.T * X * a), (a.T * X * b) ** 3,
    i1.T * X.applyfunc(tan) * i1, i1.T * HadamardProduct(X, A) * i1, asinh(Trace(X)),
    LambertW(Trace(X)), gamma(Trace(X)), Trace((A * X).applyfunc(LambertW)), Float(0.1) * Trace(X),
    Trace(BlockMatrix([[X, M], [M.T, B[:2, 1:]]]) ** 2), Trace(BlockDiagMatrix(X, A) ** 3),
    Determinant(BlockMatrix([[X, M], [ZeroMatrix(2, 3), B[:2, :2]]])), Trace(X[:2, 1:] * M.T * M),
    i1.T * DiagonalOf(X), Trace(diagonalize_vector(X * a) * A), Transpose(A * X * a) * b,
]  # fmt: skip
VECTOR_CASES = [
    x, x.T, A * x, x * x.T, x * a.T, a * x.T, x.T * A, A * x.applyfunc(sin), x * (x.T * A * x),
    DiagMatrix(x), DiagMatrix(x) * A, A * DiagMatrix(x), DiagMatrix(x) * x,
    diagonalize_vector(x) * a,
    HadamardProduct(x, x), HadamardPower(x, 3), HadamardProduct(a, A * x), a * (x.T * x),
    KroneckerProduct(x, a), KroneckerProduct(A, x), x.applyfunc(Lambda(t, 1 / (1 + exp(-t)))),
    a.T * x, x.T * a, x.T * x, x.T * A * x, x.T * A.T * A * x, a.T * x * x.T * b, (x.T * x) ** 2,
    (x.T * A * x) ** Rational(4, 3), sqrt(x.T * x), log(x.T * x), exp(a.T * x), sin(a.T * x),
    (B * x + b).T * C * (D * x + d), (x - a).T * A * (x - a), x.T * DiagMatrix(x) * a,
    Trace(DiagMatrix(x)), Trace(A * DiagMatrix(x) * B), Trace(x * a.T), i1.T * x.applyfunc(exp),
    x.applyfunc(sin).T * x, a.T * x.applyfunc(log), x.T * x.applyfunc(exp),
    Determinant(DiagMatrix(x) + A), a.T * DiagMatrix(x) * A * DiagMatrix(x) * b,
]  # fmt: skip
CASES = [(f, X if f.has(X) else M) for f in MATRIX_CASES + TRACES]
CASES += [(f, x) for f in VECTOR_CASES]
CASES += [
    (Trace(X) * k**2, k),
    (k * X, k),
    (sin(k) * Trace(X) / (1 + k), k),
    (a.T * X * b * k**3, k),
]


def values_for(f, extra=()):
    """Random arrays for the symbols: matrices with a positive determinant, vectors as columns."""
    rng = np.random.default_rng(7)
    free = {s for s in f.free_symbols if not getattr(s, "is_Matrix", False)} - {t}
    scalars = {s: rng.uniform(0.5, 1.5) for s in sorted(free, key=str)}
    matrices = sorted({*f.atoms(MatrixSymbol), *extra} - free, key=str)
    drawn = {s: rng.uniform(0.2, 1.0, tuple(map(int, s.shape))) for s in matrices}
    square = {s: v + 2 * np.eye(*v.shape) * (v.shape[0] == v.shape[1]) for s, v in drawn.items()}
    return {**scalars, **square}


def times(a, b):
    return a * b if 0 in (np.ndim(a), np.ndim(b)) else a @ b


NUMPY = {
    "Add": lambda *args: sum(args), "MatAdd": lambda *args: sum(args),
    "Mul": lambda *args: prod(args),
    "MatMul": lambda *args: reduce(times, args), "Pow": lambda a, k: a**k,
    "Transpose": np.transpose,
    "MatPow": lambda a, k: a**k if a.size == 1 else np.linalg.matrix_power(a, int(k)),
    "Inverse": lambda a, k: np.linalg.inv(a), "Trace": np.trace, "Determinant": np.linalg.det,
    "HadamardProduct": lambda *args: prod(args), "HadamardPower": np.power, "Adjoint": np.transpose,
    "KroneckerProduct": lambda *args: reduce(np.kron, args),
    "DiagMatrix": lambda a: np.diag(a[:, 0]),
    "DiagonalMatrix": lambda a: np.diag(np.diag(a)), "DiagonalOf": lambda a: np.diag(a)[:, None],
    "OneMatrix": lambda m, n: np.ones((int(m), int(n))), "Identity": lambda n: np.eye(int(n)),
    "ZeroMatrix": lambda m, n: np.zeros((int(m), int(n))),
    "Heaviside": lambda a, zero: np.heaviside(a, zero),
}  # fmt: skip


def value(f, values):
    """The value of an expression of SymPy, by NumPy, and by SymPy's code for functions."""
    if f in values:
        return values[f]
    if f.is_number and not f.is_Matrix:
        return float(f)
    name = type(f).__name__
    if name == "ElementwiseApplyFunction":
        (entry,) = f.function.variables
        return value(f.function.expr, {**values, entry: value(f.expr, values)})
    if isinstance(f, BlockMatrix):
        rows = [f.blocks.row(i) for i in range(f.blockshape[0])]
        return np.block([[np.atleast_2d(value(b, values)) for b in row] for row in rows])
    if name == "MatrixSlice":
        rows, columns = (slice(*map(int, span)) for span in (f.rowslice, f.colslice))
        return value(f.parent, values)[rows, columns]
    args = [value(arg, values) for arg in f.args]
    if name in NUMPY:
        return NUMPY[name](*args)
    slots = [Symbol(f"s{place}") for place in range(len(args))]
    return np.real(lambdify(slots, f.func(*slots), ["numpy", "scipy"])(*args))


def slope(g, step=1e-3):
    return (8 * (g(step) - g(-step)) - (g(2 * step) - g(-2 * step))) / (12 * step)


def vec(value):
    return np.reshape(np.atleast_2d(value), -1, order="F")


def arrays(values):
    return {str(s.name): v for s, v in values.items()}


@pytest.mark.parametrize(("f", "by"), CASES, ids=[f"{f} by {by}"[:70] for f, by in CASES])
def test_a_derivative(f, by):
    values = values_for(f, [by] if hasattr(by, "shape") else [])
    values.setdefault(by, 0.8)
    way = np.random.default_rng(3).standard_normal(np.shape(values[by]))
    wanted = slope(lambda s: vec(value(f, {**values, by: values[by] + s * way})))
    made, given = derive(f, by), arrays(values)
    if made.function.is_scalar:
        gradient = np.asarray(made.gradient.evaluate(**given))
        assert np.allclose(np.sum(gradient * np.reshape(way, gradient.shape)), wanted, rtol=1e-6)
    else:
        got = made.differential.evaluate(**given, **{f"d{by.name}": way})
        assert np.allclose(vec(np.reshape(got, np.shape(value(f, values)))), wanted, rtol=1e-6)
        jacobian = np.asarray(made.jacobian.evaluate(**given))
        jacobian = np.reshape(jacobian, (len(wanted), -1), order="F")
        assert np.allclose(jacobian @ vec(way), wanted, rtol=1e-6)


def test_there_are_enough_cases_and_all_differ():
    assert len({str(f) for f, _ in CASES}) == len(CASES) > 130


@pytest.mark.parametrize(("f", "by"), CASES, ids=[f"{f}"[:70] for f, _ in CASES])
def test_a_formula_out_and_in_again_has_its_value(f, by):
    """Also the gradient goes out: its value is the one that SymPy's code gives."""
    e = from_sympy(f, BOOK)
    made = derive(f, by)
    results = [e, made.gradient if e.is_scalar else made.jacobian]
    values = values_for(f, [by] if hasattr(by, "shape") else [])
    values.setdefault(by, 0.8)
    for result in results:
        try:
            out = result.sympy()
        except RuleError as error:
            assert "SymPy has no operation for" in str(error)
            continue
        again = from_sympy(out, BOOK)
        used = {v.name for v in [*result.variables, *again.variables]}
        given = {name: value for name, value in arrays(values).items() if name in used}
        wanted = np.asarray(result.evaluate(**given))
        assert again.shape == result.shape
        assert np.allclose(again.evaluate(**given), wanted, rtol=1e-10)
        shown = value(out, {s: np.asarray(values[s]) for s in values})
        assert np.allclose(np.reshape(shown, wanted.shape), wanted, rtol=1e-10)


# Gradients that must go out, so that the refusal above cannot hide them.
GOES_OUT = [Trace(A * X * B), log(Determinant(X)), Trace(X**2 * A), a.T * Inverse(X) * b,
            Trace(A * X.applyfunc(exp) * B), sqrt(Trace(X.T * X))]  # fmt: skip


@pytest.mark.parametrize("f", GOES_OUT, ids=str)
def test_a_gradient_goes_out(f):
    assert derive(f, X).gradient.sympy().shape == (3, 3)


ROWS = [op for op in BOOK.ops.values() if op.column("sympy")]


def at_size(op):
    """The operation over variables of fixed sizes, and values for them."""
    names = [n for s in op.slots for dim in (s.rows, s.cols) for n in dim_names(dim)]
    sizes = dict(zip(dict.fromkeys([*names, *op.dims]), (3, 2, 4, 2), strict=False))
    sizes |= op.column("sizes", {})
    shapes = [(dim_substitute(s.rows, sizes), dim_substitute(s.cols, sizes)) for s in op.slots]
    slots = [BOOK.algebra.symbol(s.name, shape) for s, shape in zip(op.slots, shapes, strict=True)]
    rng = np.random.default_rng(5)
    given = {v.name: 2 if v.name == "k" else rng.uniform(0.2, 0.8, v.shape) for v in slots}
    if op.variadic:
        slots.append(BOOK.algebra.symbol("Z", shapes[0]))
        given["Z"] = rng.uniform(0.2, 0.8, shapes[0])
    e = BOOK.algebra.build(op, slots, [sizes[name] for name in op.dims])
    return e, {name: v[0, 0] if np.shape(v) == (1, 1) else v for name, v in given.items()}


@pytest.mark.parametrize("op", ROWS, ids=[op.name for op in ROWS])
def test_the_sympy_column_of_a_row(op):
    e, given = at_size(op)
    out = e.sympy()
    shown = value(out, {s: given[s.name] for s in out.free_symbols})
    wanted = np.asarray(e.evaluate(**given))
    assert np.allclose(np.reshape(shown, wanted.shape), wanted, rtol=1e-12)
    again = from_sympy(out, BOOK)
    assert again.shape == e.shape and np.allclose(again.evaluate(**given), wanted, rtol=1e-12)


def test_every_part_of_the_language_that_sympy_has_goes_out():
    assert {op.name for op in ROWS} >= set(
        "pi add scale mul div transpose tr had ediv epow mpow eye ones zeros sum sum_columns "
        "sum_rows diag diagonal kron inv det logdet norm2 normF exp log sqrt sin cos tan asin acos "
        "atan sinh cosh tanh abs sign heaviside sigmoid relu softplus erf gammaln digamma".split()
    )


@pytest.mark.parametrize("text", ["pinv(X)", "expm(X)", "vec(A)", "lambda_max(A)", "tril(A)"])
def test_what_sympy_does_not_have_is_refused_by_name(text):
    name = text.partition("(")[0]
    with pytest.raises(RuleError, match=f"SymPy has no operation for `{name}`"):
        parse(text).sympy()


OUT = [
    ("tr(A*X)", "Trace(A*X)"),
    ("x'*A*x", "Trace(x.T*A*x)"),
    ("exp(a)/2 + pi", "exp(a)/2 + pi"),
    ("x .* y", "HadamardProduct(x, y)"),
    ("kron(A, B)", "KroneckerProduct(A, B)"),
    ("det(X)^2", "Determinant(X)**2"),
]


@pytest.mark.parametrize(("text", "shown"), OUT)
def test_a_formula_as_sympy_prints_it(text, shown):
    assert str(parse(text).sympy()) == shown


def test_symbols_of_the_users_choice_stand_in_the_result():
    n = Symbol("n", integer=True, positive=True)
    out = parse("tr(A*X)*b", "A: matrix(n); X: matrix(n)").sympy(n=n, b=Symbol("b", real=True))
    assert {s.shape for s in out.atoms(MatrixSymbol)} == {(n, n)}
    assert Symbol("b", real=True) in out.free_symbols


n, m = symbols("n m")
SIZES = [
    (n, m, "matrix(n, m)"), (n, n, "matrix(n)"), (n, 1, "vector(n)"), (1, n, "matrix(1, n)"),
    (1, 1, "scalar"), (n + 1, 2 * m, "matrix(n + 1, 2*m)"), (n * m, n**2, "matrix(m*n, n*n)"),
    (n * (n + 1) / 2, 3, "matrix(n*n/2 + n/2, 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "cols", "declaration"), SIZES, ids=str)
def test_a_size(rows, cols, declaration):
    rows, cols = (size.expand() if hasattr(size, "expand") else size for size in (rows, cols))
    assert from_sympy(MatrixSymbol("X", rows, cols), BOOK).where == {"X": declaration}


def test_a_size_is_a_number_in_the_formula():
    e = from_sympy(Trace(MatrixSymbol("X", n, n)) / n, BOOK)
    assert e.where == {"X": "matrix(n)"} and e.evaluate(X=np.eye(4)) == 1.0


Xn = MatrixSymbol("X", n, n)
REFUSED = [
    (exp(X), ShapeError, r"write X.applyfunc\(f\)"),
    (X[symbols("i"), 1], RuleError, "an entry of `X` with a symbol as index"),
    (Sum(k, (k, 0, n)), RuleError, "no row of the rules stands for `Sum`"),
    (Function("f")(k), RuleError, "a function without a meaning"),
    (Function("exp")(k), RuleError, "a function without a meaning"),
    (besselj(1, k), RuleError, "`besselj` of SymPy is no function of one variable"),
    (zeta(k, 2), RuleError, r"`zeta` takes 1 argument"),
    (I * Trace(X), RuleError, "`ImaginaryUnit`"),
    (oo * k, RuleError, "`Infinity`"),
    (X[::2, :], RuleError, "leaves no rows or columns out"),
    (Matrix([[1, 2]]), ParseError, "write explicit matrices as MatrixSymbol"),
    (Float("1e400") * k, ShapeError, "too large"),
    (Symbol("x_{1}"), ParseError, "rename the symbol in SymPy"),
    (Symbol("exp"), ParseError, "`exp` is an operation"),
    (Symbol("X") * Trace(X), ParseError, "two different symbols of SymPy are called `X`"),
    (Symbol("n", positive=True) * Trace(Xn), ParseError, "two different symbols"),
    (MatrixSymbol("W", n - 1, 2), ShapeError, "the size `n - 1` is not read"),
    (MatrixSymbol("W", sqrt(n), 2), ShapeError, "is not read"),
    (k > 1, RuleError, "`StrictGreaterThan`"),
]


@pytest.mark.parametrize(("f", "error", "match"), REFUSED, ids=[str(f)[:40] for f, *_ in REFUSED])
def test_what_has_no_meaning_is_refused(f, error, match):
    with pytest.raises(error, match=match):
        from_sympy(f, BOOK)


def test_attributes_are_declared_or_assumed():
    assert str(derive(log(Determinant(X)), X, where="X: spd matrix(3)").gradient) == "inv(X)"
    assert from_sympy(k, BOOK).where == {"k": "positive scalar"}
    with pytest.raises(ShapeError, match="X is 3×3 in SymPy and declared n×n"):
        derive(Trace(X), X, where="X: matrix(n)")


def test_a_variable_of_sympy_beside_text():
    assert derive("tr(A*X)", X).assumptions == ("A: matrix(3)", "X: matrix(3)")
    assert str(derive("x'*A*x", Symbol("x")).gradient) == "(A + A')*x"
    with pytest.raises(ShapeError, match="declared n×m"):
        derive("tr(A*X)", X, where="X: matrix(n, m)")


def test_a_variable_that_does_not_occur():
    assert str(derive(Trace(X), Symbol("z")).gradient) == "0"
    assert str(derive(Trace(X), A).gradient) == "zeros(3, 3)"


@pytest.mark.parametrize("by", [X.T, k + 1, X * A, Trace(X)], ids=str)
def test_what_is_no_variable(by):
    with pytest.raises(ParseError, match="is not a variable"):
        derive(Trace(X), by)


def test_the_second_derivative_takes_symbols_of_sympy():
    made = derive(Trace(X * X * A), X)
    assert str(made.derive(A).gradient) == str(derive("tr(X*X*A)", "X").derive("A").gradient)
    assert str(made.derive(X, weight=B).gradient) == "(B*A + A*B)'"
    assert made.second(X).hessian.shape == (9, 9)


BAD_COLUMNS = [
    ("open({A})", "the name `open` is not allowed"),
    ("Trace({A}).doit()", "Attribute is not allowed"),
    ("Symbol('x')", "is not allowed"),
    ("Trace({B})", "not an expression|is not allowed"),
    ("lambda: 0", "Lambda is not allowed"),
    ("Trace(", "is not an expression"),
]


@pytest.mark.parametrize(("column", "match"), BAD_COLUMNS)
def test_a_column_that_calls_anything_else_is_refused(column, match, tmp_path):
    (tmp_path / "rows.toml").write_text(
        f'[mine]\nargs = {{ A = "n n" }}\nd = {{ A = "tr(H)" }}\narray = "xp.trace({{A}})"\n'
        f'sympy = "{column}"\nsource = "test"\n'
    )
    with pytest.raises(RuleError, match=match):
        load_rules(tmp_path)


def test_a_row_of_a_user_goes_out_and_in(tmp_path):
    (tmp_path / "rows.toml").write_text(
        '[double_trace]\nargs = { A = "n n" }\nd = { A = "2*tr(H)" }\narray = "2*xp.trace({A})"\n'
        'sympy = "2*Trace({A})"\nsource = "test"\n'
    )
    assert str(parse("double_trace(X)", rules=load_rules(tmp_path)).sympy()) == "2*Trace(X)"
