"""Lowering: the value stays, the order is the cheapest one, and what is large is never formed."""

import random
import tomllib

import numpy as np
import pytest

from symcalc import derive, parse
from symcalc.codegen import generate
from symcalc.evaluate import compute, numpy_backend, read_arrays
from symcalc.lower import Lowering
from symcalc.plan import lowered
from symcalc.rulebook import default_rules, rules_folder
from symcalc.rulecheck import check_op, check_rewrite
from tests.fuzz import SHAPES, SIZES, WHERE, Generator, point, variables
from tests.test_codegen import FUNCTIONS, call, close, run
from tests.test_conformance import CASES, result
from tests.test_derive import draw

BOOK = default_rules()
ROWS = tomllib.loads((rules_folder() / "lower.toml").read_text())
LARGE = 400  # an array of LARGE^2 by LARGE^2 numbers does not fit into any memory


@pytest.mark.parametrize("name", [n for n in ROWS if n != "rewrite"])
def test_a_form_is_what_its_row_defines(name):
    checks = {check.what: check for check in check_op(BOOK, BOOK.ops[name])}
    assert checks["define"].passed, checks["define"]


@pytest.mark.parametrize("row", ROWS["rewrite"], ids=[r["name"] for r in ROWS["rewrite"]])
def test_both_sides_of_a_row_are_equal(row):
    assert row["stage"] == "lower"
    (rewrite,) = [r for r in BOOK.rewrites if r.name == row["name"]]
    check = check_rewrite(BOOK, rewrite)
    assert check.passed, check


def plainly(e, arrays, scope=None):
    """Return the value of an expression node by node, nothing lowered."""
    values, dims = read_arrays(scope or e.known, arrays)
    return np.asarray(compute([e], values, dims, numpy_backend())[0])


SCOPE = {v.name: v for v in variables(WHERE)}


def random_cases(count, seed):
    for k in range(count):
        rng = random.Random(seed * 1_000_003 + k)
        e = Generator(rng).build(rng.choice(SHAPES), rng.choice([2, 3, 4]))
        yield e, point(k)


def agree(got, wanted, e):
    if np.all(np.isfinite(wanted)) and np.max(np.abs(wanted), initial=0) < 1e8:
        scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
        assert got.shape == wanted.shape, str(e)
        assert np.max(np.abs(got - wanted), initial=0) <= 1e-7 * scale, str(e)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(6))
def test_lowering_keeps_the_value_of_random_expressions(seed):
    for e, arrays in random_cases(60, seed):
        wanted = plainly(e, arrays, SCOPE)
        agree(plainly(Lowering(BOOK.algebra, SIZES).lower([e])[0], arrays, SCOPE), wanted, e)
        (full,) = lowered({"value": e}, BOOK, SIZES, True).values()
        agree(plainly(full, arrays, SCOPE), wanted, e)


@pytest.mark.parametrize(
    ("f", "wrt", "where"), FUNCTIONS, ids=[f"{c[0]} by {c[1]}" for c in FUNCTIONS]
)
def test_sizes_change_the_order_and_not_the_value(f, wrt, where):
    d = derive(f, wrt, where=where)
    result = d.gradient if d.function.is_scalar else d.jacobian
    arrays = draw(result.where)
    names = {n for v in result.variables for n in map(str, v.shape)}
    for size in (1, 7, 5000):
        sizes = {n: size + 3 * k for k, n in enumerate(sorted(names))}
        got = call(run(d.code(sizes=sizes), "value_and_gradient"), arrays)
        close(got[1], result.evaluate(**arrays))


ORDERS = [  # formula, declarations, sizes, the code of its value
    ("A*B*x", "A: matrix(n); B: matrix(n)", {}, "value = A @ (B @ x)"),
    ("x'*A*B", "A: matrix(n); B: matrix(n); x: vector(n)", {}, "value = x @ A @ B"),
    ("x*y'*A", "A: matrix(n); x: vector(n); y: vector(n)", {}, "value = x[:, None] * (y @ A)"),
    ("(A + A')*x", "A: matrix(n)", {}, "value = A @ x + A.T @ x"),
    ("U*V'*W", "U: matrix(n, k); V: matrix(n, k)", {"n": 900, "k": 3}, "value = U @ (V.T @ W)"),
    ("U*V*W", "U: matrix(k, n); V: matrix(n, n)", {"n": 900, "k": 3}, "value = U @ V @ W"),
    ("tr(A'*B)", "A: matrix(n, m)", {}, "value = np.vdot(B, A)"),
    ("tr(A*B)", "A: matrix(n, m); B: matrix(m, n)", {}, "value = np.vdot(A.T, B)"),
    ("diag(A*B)", "A: matrix(n, m); B: matrix(m, n)", {}, "value = (A * B.T).sum(1)"),
    ("A + x*ones(m)'", "A: matrix(n, m); x: vector(n)", {}, "value = A + x[:, None]"),
    ("A - 2*ones(n)*x'", "A: matrix(n, m); x: vector(m)", {}, "value = A - 2 * x"),
    ("A - ones(n)*mean(A, 0)'", "A: matrix(n, m)", {},
     "n = A.shape[0]; value = A - 1 / n * A.sum(0)"),
    ("B - (x*ones(m)')/c", "B: matrix(n, m); x: vector(n); c: scalar", {},
     "value = B - (1 / c * x)[:, None]"),
    ("sum(A .* exp(B))", "A: matrix(n, m); B: matrix(n, m)", {}, "value = np.vdot(A, np.exp(B))"),
    ("x*y' - A", "A: matrix(n); x: vector(n); y: vector(n)", {}, "value = x[:, None] * y - A"),
    ("A - x*x'", "A: matrix(n); x: vector(n)", {}, "value = A - x[:, None] * x"),
    ("log(A + ones(n, m) + B)", "A: matrix(n, m); B: matrix(n, m)", {}, "value = np.log1p(A + B)"),
    ("log(1 + c)", "c: scalar", {}, "value = np.log1p(c)"),
    ("log(2 + c)", "c: scalar", {}, "value = np.log(c + 2)"),
    ("log(x + ones(n))", "x: vector(n)", {}, "value = np.log1p(x)"),
    ("exp(A) - 2*ones(n, m)", "A: matrix(n, m)", {}, "value = np.exp(A) - 2"),
    ("logdet(A*A' + diag(exp(x)))", "A: matrix(n, m); x: vector(n)", {},
     "t1 = _cholesky(_add_diagonal(A @ A.T, np.exp(x))); "
     "value = 2 * np.log(t1.diagonal()).sum()"),
    ("y'*inv(S)*K*inv(S)*y", "S: spd matrix(n); K: matrix(n); y: vector(n)", {},
     "t1 = _cholesky(S); t2 = _spd_solve(S, t1, y); value = t2 @ K @ t2"),
    ("diag(x)*A", "A: matrix(n, m); x: vector(n)", {}, "value = x[:, None] * A"),
    ("A*diag(x)", "A: matrix(n, m); x: vector(m)", {}, "value = A * x"),
    ("X'*diag(x)*X", "X: matrix(n, m)", {}, "value = X.T * x @ X"),
    ("A + c*I", "A: matrix(n)", {}, "value = _add_diagonal(A, c)"),
    ("ones(n)'*A*ones(m)", "A: matrix(n, m)", {}, "value = A.sum()"),
    ("ones(n)'*A", "A: matrix(n, m)", {}, "value = A.sum(0)"),
    ("A*ones(m)", "A: matrix(n, m)", {}, "value = A.sum(1)"),
    ("A .^ 3", "A: matrix(n, m)", {}, "value = A * (A * A)"),
    ("inv(A)*x", "A: matrix(n)", {}, "value = np.linalg.solve(A, x)"),
    ("inv(A)*B", "A: matrix(n)", {}, "value = np.linalg.solve(A, B)"),
    ("2*A*x", "A: matrix(n)", {}, "value = 2 * (A @ x)"),
    ("2*x*y'", "x: vector(n)", {}, "value = (2 * x)[:, None] * y"),
    ("S*W + S'*W", "S: symmetric matrix(n)", {}, "value = 2 * (S @ W)"),
    ("logdet(S)", "S: spd matrix(n)", {},
     "t1 = _cholesky(S); value = 2 * np.log(t1.diagonal()).sum()"),
    ("kron(eye(3), A)", "A: matrix(n, m)", {}, "value = _block_diagonal(A, 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "where", "sizes", "code"), ORDERS, ids=[c[0] for c in ORDERS])
def test_the_form_that_is_computed(f, where, sizes, code):
    e = parse(f, where)
    source = generate({"value": e}, e.variables, "f", "", BOOK, sizes=sizes)
    lines = source[source.rindex('"""\n') :].splitlines()[1:]
    assert "; ".join(line.strip() for line in lines[:-1]) == code


@pytest.mark.parametrize("size", [3, 500])
def test_a_definite_matrix_has_one_factorisation_at_every_size(size):
    d = derive("logdet(S) + tr(X*inv(S)*X')", "S", where="S: spd matrix(n); X: matrix(m, n)")
    source = d.code("scipy", sizes={"n": size, "m": size})
    assert source.count("= _cholesky(S)") == 1 and "_lu(" not in source


NEVER_FORMED = [  # formula, declarations: each would form an array beyond memory
    ("kron(A, B)*v", "A: matrix(n); B: matrix(n); v: vector(n*n)"),
    ("v'*kron(A, B)", "A: matrix(n); B: matrix(n); v: vector(n*n)"),
    ("v'*kron(A, B)*v", "A: matrix(n); B: matrix(n); v: vector(n*n)"),
    ("kron(A, B)*M", "A: matrix(n); B: matrix(n); M: matrix(n*n, 2)"),
    ("M'*kron(A, B)", "A: matrix(n); B: matrix(n); M: matrix(n*n, 2)"),
    ("kron(A, B)*vec(C)", "A: matrix(n); B: matrix(n); C: matrix(n)"),
    ("kron(A, B)*kron(B, A)*v", "A: matrix(n); B: matrix(n); v: vector(n*n)"),
    ("K(n, n)*v", "A: matrix(n); v: vector(n*n)"),
    ("K(n, n)*M", "A: matrix(n); M: matrix(n*n, 2)"),
    ("diag(v)*M", "v: vector(n*n); M: matrix(n*n, 2)"),
    ("M'*diag(v)*M", "v: vector(n*n); M: matrix(n*n, 2)"),
    ("diag(v)*v", "v: vector(n*n)"),
    ("v*v'*M", "v: vector(n*n); M: matrix(n*n, 2)"),
    ("tr(M*N')", "M: matrix(n*n, 2); N: matrix(n*n, 2)"),
    ("diag(M*N')", "M: matrix(n*n, 2); N: matrix(n*n, 2)"),
    ("ones(n*n)*ones(n*n)'*v", "A: matrix(n); v: vector(n*n)"),
]  # fmt: skip


def given(e, size):
    rng = np.random.default_rng(0)
    shapes = {v.name: v.shape for v in e.known.values()}
    measure = {"n": size, 1: 1, 2: 2}
    sizes = {name: [measure.get(d, size * size) for d in shape] for name, shape in shapes.items()}
    return {name: rng.standard_normal(r if c == 1 else (r, c)) for name, (r, c) in sizes.items()}


@pytest.mark.parametrize(("f", "where"), NEVER_FORMED, ids=[c[0] for c in NEVER_FORMED])
def test_what_is_large_is_never_formed(f, where):
    e = parse(f, where)
    small = given(e, 3)
    np.testing.assert_allclose(np.asarray(e.evaluate(**small)), plainly(e, small), rtol=1e-9)
    assert np.all(np.isfinite(e.evaluate(**given(e, LARGE))))


def test_evaluation_of_complex_numbers_is_not_conjugated():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    for text in ("tr(A'*A)", "tr(A*A)", "sum(sigmoid(A))", "diag(A*A')", "logdet(A*A' + 9*I)"):
        e = parse(text, "A: matrix(n)")
        got, wanted = e.evaluate(A=a), plainly(e, {"A": a})
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_one_factorisation_serves_value_and_gradient():
    where = "S: spd matrix(n); x: vector(n)"
    source = derive("logdet(S) + x'*inv(S)*x", "S", where=where).code()
    assert source.count("_cholesky(S)") == 1 and source.count("linalg.inv(S)") == 0
    source = derive("tr(inv(X)*A)", "X").code()
    assert source.count("linalg.inv(") == 1 and "solve(" not in source


SHARED = [  # formula, variable, declarations, target, how often its body says what
    ("logdet(A) + x'*inv(A)*y", "A", "A: matrix(n)", "scipy", {"_lu(": 1, "linalg.inv": 0}),
    ("logdet(A) + x'*inv(A)*y", "x", "A: matrix(n)", "scipy", {"_lu(": 1, "linalg.inv": 0}),
    ("det(A)*sum(x)", "A", "A: matrix(n); x: vector(m)", "scipy", {"_lu(": 1, "linalg.": 0}),
    ("x'*inv(A)*y", "A", "A: matrix(n)", "scipy",
     {"_lu(": 1, "t2 = _lu_solve": 1, "linalg.inv": 0}),
    ("tr(inv(A)*B)", "A", "A: matrix(n)", "scipy",
     {"_lu(": 1, "_lu_solve(": 1, "_lu_solve_turned(": 1, ".trace(": 1}),
    ("logdet(A)", "A", "A: matrix(n)", "numpy", {"_lu": 0, "_logdet(": 1}),
    ("tr(expm(A)*B)", "A", "A: matrix(n)", "numpy", {"_expm_parts(": 1, "_expm_value(": 1}),
    ("||expm(A) - B||_F^2", "A", "A: matrix(n)", "scipy", {"_expm_parts(": 1, "_expm_value(": 1}),
    ("tr(expm(A)*B)", "A", "A: matrix(n)", "jax", {"_expm_parts(": 0, "_expm_differential(": 1}),
    ("tr(kron(A, X)*C)", "X", "A: matrix(p); X: matrix(n)", "numpy",
     {"kron_right(": 1, "kron_w": 0}),
    ("tr(kron(A, X)*C)", "A", "A: matrix(p); X: matrix(n)", "numpy",
     {"kron_left(": 1, "kron_w": 0}),
    ("logdet(S + c*I)", "c", "S: spd matrix(n); c: positive scalar", "scipy",
     {"_cholesky(": 1, "_spd_trace_inverse(": 1, "_spd_inverse": 0}),
    ("logdet(S) + tr(S)", "S", "S: spd matrix(n)", "scipy", {"_spd_inverse(": 1, "_lu": 0}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "wrt", "where", "target", "said"),
    SHARED,
    ids=[f"{c[0]} by {c[1]}, {c[3]}" for c in SHARED],
)
def test_a_factorisation_is_shared_where_there_is_one(f, wrt, where, target, said):
    d = derive(f, wrt, where=where)
    source = d.code(target)
    body = source[source.rindex('"""\n') :]
    assert {text: body.count(text) for text in said} == said, body
    small = draw(d.gradient.where)
    value, slope = call(run(source, "value_and_gradient"), {k: small[k] for k in d.gradient.where})
    exact = 1e-9 if value.dtype == float else 1e-5
    np.testing.assert_allclose(value, d.function.evaluate(**small), rtol=exact)
    np.testing.assert_allclose(slope, d.evaluate(**small), rtol=exact, atol=exact)


@pytest.mark.parametrize("size", [5, 40])
@pytest.mark.parametrize("norm", [0.1, 1.0, 20.0])
def test_one_approximation_serves_the_exponential_and_its_derivative(size, norm):
    rng = np.random.default_rng(size)
    a, e = (norm * rng.standard_normal((size, size)) / size**0.5 for _ in range(2))
    d = derive("tr(expm(A)*B)", "A", where="A: matrix(n)")
    value, slope = d.compile()(a, e)
    frechet = pytest.importorskip("scipy.linalg").expm_frechet
    exponential, wanted = frechet(a.T, e.T)
    np.testing.assert_allclose(value, np.sum(exponential * e), rtol=1e-11)
    np.testing.assert_allclose(slope, wanted, rtol=1e-11, atol=1e-11 * np.abs(wanted).max())


def test_a_singular_matrix_has_no_factors():
    for f in ("logdet(A)", "det(A)", "tr(inv(A)*B)"):
        function = derive(f, "A", where="A: matrix(n)").compile("scipy")
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            call(function, {"A": np.ones((3, 3)), "B": np.eye(3)})


@pytest.mark.parametrize("target", ["numpy", "scipy"])
@pytest.mark.parametrize("size", [10, 200, 333])
def test_the_kernels_for_definite_matrices(size, target):
    rng = np.random.default_rng(size)
    a = rng.standard_normal((size, size))
    point = {"S": a @ a.T / size + np.eye(size), "x": rng.standard_normal(size)}
    for wrt in ("S", "x"):
        d = derive("logdet(S) + x'*inv(S)*x", wrt, where="S: spd matrix(n); x: vector(n)")
        value, slope = call(run(d.code(target), "value_and_gradient"), point)
        np.testing.assert_allclose(value, d.function.evaluate(**point), rtol=1e-10)
        np.testing.assert_allclose(slope, d.evaluate(**point), rtol=1e-8, atol=1e-8)


def test_a_product_that_is_needed_elsewhere_is_used_again():
    where = "A: matrix(n); B: matrix(n); x: vector(n)"
    source = derive("tr(A*B) + x'*A*B*x + ||A*B||_F^2", "x", where=where).code()
    assert source.count("A @ B") + source.count("B.T @ A.T") == 1


@pytest.mark.parametrize("name", CASES)
def test_generated_code_computes_the_results_of_the_corpus(name):
    e, drawn = result(CASES[name]["case"]), CASES[name]["points"][0]
    given = {k: np.array(v) for k, v in {**drawn["inputs"], **drawn["extra"]}.items()}
    wanted = plainly(e, given)
    used = [e.known[key] for key in given]
    got = run(generate({"value": e}, used, "f", "", BOOK), "f")(*given.values())
    np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-9 * (1 + np.abs(wanted).max()))


# -- the order by the arguments -----------------------------------------------------------------

ORDERED = [  # formula, variable, declarations, whether the order depends on the sizes
    ("tr(A*B*C*X)", "X", "A: matrix(n, m); B: matrix(m, k); C: matrix(k, p)", True),
    ("||U*V'*X - Y||_F^2", "X", "U: matrix(n, k); V: matrix(n, k)", True),
    ("||A*B*x||^2", "x", "A: matrix(n, m); B: matrix(m, k)", False),
    ("||A*X - B||_F^2", "X", "", False),
    ("x'*A*x", "x", "", False),
]


@pytest.mark.parametrize(("f", "wrt", "where", "varies"), ORDERED, ids=[c[0] for c in ORDERED])
def test_only_an_order_that_depends_on_the_sizes_is_chosen_by_them(f, wrt, where, varies):
    d = derive(f, wrt, where=where)
    function = d.compile()
    assert ("known" in d.compile("array_api").__code__.co_names) == varies
    plain = d.compile(sizes={})
    assert "known" not in d.compile("array_api", {}).__code__.co_names
    assert plain.source == function.source
    rng = np.random.default_rng(0)
    for sizes in ({"n": 3, "m": 40, "k": 2, "p": 30}, {"n": 40, "m": 3, "k": 30, "p": 2}):
        drawn = [rng.random([sizes.get(s, 9) for s in v.shape if s != 1]) for v in d.scope.values()]
        named = dict(zip(d.scope, drawn, strict=True))
        for made in (function(*drawn), function(**named)):
            for got, wanted in zip(made, plain(*drawn), strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
    with pytest.raises(TypeError, match="missing"):
        function(drawn[0])


def test_nonnegative_weights_give_a_gram_matrix():
    second = derive("sum(log(1 + exp(-y .* (X*w))))", "w").second()
    source = second.compile().source
    rng = np.random.default_rng(0)
    x, w, y = rng.standard_normal((6, 3)), rng.standard_normal(3), rng.choice([-1.0, 1.0], 6)
    s = 1 / (1 + np.exp(y * (x @ w)))
    assert "np.sqrt(" in source and ".T @ " in source
    assert np.allclose(second.compile()(y=y, X=x, w=w), x.T @ np.diag(s * (1 - s)) @ x)
