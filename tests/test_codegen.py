"""Generated code: run from its text alone, compared with `evaluate`, jitted and differentiated."""

import ast
import inspect
import keyword

import numpy as np
import pytest

from symcalc import EvaluationError, derive
from tests.test_derive import draw

LINEAR = "A: matrix(n, m); b: vector(n)"
GAUSS = "x: vector(n); mu: vector(n); S: spd matrix(n)"
LAYER = "W: matrix(n, m); b: vector(n); x: vector(m); y: vector(n)"
TARGETS = {"numpy": {"scipy"}, "scipy": {"scipy"}, "jax": {"jax"}, "torch": {"torch"}}  # and NumPy
MODULES = {"numpy": "np", "scipy": "np", "jax": "jnp", "torch": "torch"}

FUNCTIONS = [  # formula, variable, declarations
    ("||A*x - b||^2", "x", LINEAR),
    ("x'*A*x", "x", "A: matrix(n)"),
    ("exp(x'*A*x)", "A", "A: matrix(n)"),
    ("||A*X - B||_F^2", "X", ""),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "mu", GAUSS),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "S", GAUSS),
    ("log(det(X)) + 1/det(X)", "X", ""),
    ("tr(A*X*B*X')", "X", ""),
    ("tr(X^3) + tr(X^-2)", "X", ""),
    ("tr(inv(X)*A)", "X", ""),
    ("tr(kron(X, A))", "X", "A: matrix(m)"),
    ("||M .* (A - U*V')||_F^2", "U", "U: matrix(n, k)"),
    ("sum(softplus(-y .* (X*w)))", "w", ""),
    ("logsumexp(W*x) - y'*W*x", "W", LAYER),
    ("-y'*log(softmax(x))", "x", ""),
    ("||sigmoid(W*x + b) - y||^2", "b", LAYER),
    ("sum(relu(W*x))", "x", LAYER),
    ("||X||_F + ||X||_*", "X", "X: matrix(m, n)"),
    ("normspec(X)", "X", ""),
    ("norm1(A*x - y)", "x", ""),
    ("sum(A ./ X)", "X", "X: positive matrix(n, m)"),
    ("sum(erf(x)) + sum(gammaln(x))", "x", "x: positive vector(n)"),
    ("tr(adj(X)) + tr(pinv(X)*A)", "X", "X: matrix(n)"),
    ("sum(x)/n + mean(x .^ 3)", "x", "x: vector(n)"),
    ("tr(A*X)", "X", "X: lower matrix(n)"),
    ("tr(A*X)", "X", "X: symmetric matrix(n)"),
    ("t^2*x'*A*x", "t", "t: scalar; A: matrix(n)"),
    ("lambda*||x||^2", "x", "lambda: scalar"),
    ("a^b", "b", "a: positive scalar"),
    ("x'*x", "y", "y: vector(m)"),
    ("A*exp(x)", "x", ""),
    ("X'*A*X", "X", "A: matrix(n); X: matrix(n, m)"),
    ("t^2*A", "t", "t: scalar"),
]
SMOOTH = [c for c in FUNCTIONS[:-3] if c[1] != "y" and "lower" not in c[2] and "symm" not in c[2]]
IDS = [f"{f} by {wrt}" for f, wrt, _ in FUNCTIONS]
SECOND = [
    ("||A*x - b||^2", "x", None, LINEAR),
    ("x'*A*x", "x", "A", "A: matrix(n)"),
    ("logsumexp(A*x)", "x", None, LINEAR),
    ("sum(log(exp(-y .* (X*w)) + vector(1)))", "w", None, ""),
    ("||T - U*V'||_F^2", "U", None, "U: matrix(n, k)"),
    ("logdet(X)", "X", None, ""),
    ("tr(X^3)", "X", None, ""),
    ("sum(exp(X))", "X", None, ""),
    ("sum(tanh(W*x))", "W", "x", LAYER),
    ("t^3*a'*x", "x", "t", "t: scalar; a: vector(n)"),
    ("lambda^3*x'*x", "lambda", None, "lambda: scalar"),
]
NAMES = [  # formula, variable, declarations: names that mean something to Python or to the code
    ("lambda*x'*x", "x", "lambda: scalar"),
    ("lambda*lambda_*x'*x", "x", "lambda: scalar; lambda_: scalar"),
    ("value*value_*gradient'*x", "x", "value: scalar; value_: scalar; gradient: vector(n)"),
    ("np*jnp*torch*sum(erf(x))", "x", "np: scalar; jnp: scalar; torch: scalar"),
    ("special*sum(erf(x))", "x", "special: scalar"),
    ("t1*t2*sum(exp(x))*sum(exp(x) .* x)", "x", "t1: scalar; t2: scalar"),
    ("in'*if*is", "if", "in: vector(n); if: matrix(n, m); is: vector(m)"),
    ("print*float*logdet(S)", "S", "print: scalar; float: scalar; S: spd matrix(n)"),
    ("_logdet*logdet(S)", "S", "_logdet: scalar; S: spd matrix(n)"),
    ("μ'*Σ*μ", "μ", "μ: vector(n); Σ: matrix(n)"),
    ("sum(exp(x))/value + sum(x)", "x", "x: vector(value)"),
    ("sum(exp(x))/np + sum(x)", "x", "x: vector(np)"),
    ("sum(exp(x))/lambda + sum(x)", "x", "x: vector(lambda)"),
    ("sum(exp(x))*sum(x)/t1", "x", "x: vector(t1)"),
]


def run(source, name):
    """Return the function that a text defines, run in a namespace of its own."""
    scope = {}
    exec(compile(source, "<generated>", "exec"), scope)
    return scope[name]


def call(function, point, make=lambda a: a):
    """Call by name; a name that Python or the code needs has underscores at its end."""
    given = {}
    for name in inspect.signature(function).parameters:
        plain = name
        while plain not in point or plain in given.values():
            assert plain.endswith("_"), f"{name} is not a variable of the formula"
            plain = plain[:-1]
        given[name] = plain
    return function(**{name: make(point[plain]) for name, plain in given.items()})


def close(got, wanted):
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(np.asarray(got), wanted, rtol=1e-10, atol=1e-12)


def arrays_of(target):
    """Return how to make an array of a library, in double precision."""
    if target in ("numpy", "scipy"):
        return np.asarray
    library = pytest.importorskip(target, reason=f"the generated code runs on {target}")
    if target == "torch":
        return lambda a: library.tensor(np.asarray(a), dtype=library.float64)
    return library.numpy.asarray


@pytest.fixture(autouse=True)
def double_precision(request):
    target = getattr(request.node, "callspec", None) and request.node.callspec.params.get("target")
    if target != "jax":
        yield
        return
    jax = pytest.importorskip("jax", reason="the generated code runs on JAX")
    with jax.enable_x64(True):
        yield


def value_of(d, point):
    return d.function.evaluate(**{v.name: point[v.name] for v in d.function.variables})


def result(d):
    return d.gradient if d.function.is_scalar else d.jacobian


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=IDS)
def test_the_code_computes_value_and_gradient(f, wrt, where, target):
    make, d = arrays_of(target), derive(f, wrt, where=where)
    point = draw(result(d).where)
    value, slope = call(run(d.code(target), "value_and_gradient"), point, make)
    close(value, value_of(d, point))
    close(slope, result(d).evaluate(**point))
    if target == "torch" and np.ndim(slope):
        assert type(slope).__name__ == "Tensor" and str(slope.dtype) == "torch.float64"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=IDS)
def test_the_code_stands_alone_and_says_what_it_is(f, wrt, where, target):
    d = derive(f, wrt, where=where)
    source = d.code(target)
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert {name.split(".")[0] for name in modules} <= {"numpy", *TARGETS[target]}
    imported = {name.asname or name.name for node in imports for name in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert [name for name in imported - used if name != MODULES[target]] == []
    assert "symcalc" not in source
    function = next(n for n in tree.body if getattr(n, "name", "") == "value_and_gradient")
    lines = ast.get_docstring(function).splitlines()
    word = "gradient" if d.function.is_scalar else "jacobian"
    assert lines[0] == f"{d.function} and its {word} by {wrt}: {result(d)}"
    known = result(d).where
    arguments = [a.arg for a in function.args.args]
    assert {name.rstrip("_") for name in arguments} == {
        wrt,
        *(v.name for v in d.function.variables),
    }
    assert lines[2:] == [f"{name}: {known[name.rstrip('_')]}" for name in arguments]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", ["hessian", "action", "bilinear"])
@pytest.mark.parametrize(("f", "first", "second", "where"), SECOND, ids=[c[0] for c in SECOND])
def test_the_code_of_second_derivatives(f, first, second, where, form, target):
    make, s = arrays_of(target), derive(f, first, where=where).second(second)
    formula = getattr(s, form)
    point = draw(formula.where)
    source = s.code(target, form)
    close(call(run(source, form), point, make), formula.evaluate(**point))
    assert "symcalc" not in source and source.count(f"def {form}(") == 1
    assert s.compile(form=form).source == s.code(form=form)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("f", "wrt", "where"), NAMES, ids=[c[2] for c in NAMES])
def test_any_name_is_a_name(f, wrt, where, target):
    make, d = arrays_of(target), derive(f, wrt, where=where)
    point = draw(d.gradient.where)
    function = run(d.code(target), "value_and_gradient")
    assert not any(keyword.iskeyword(name) for name in inspect.signature(function).parameters)
    value, slope = call(function, point, make)
    close(value, value_of(d, point))
    close(slope, d.evaluate(**point))


@pytest.mark.parametrize("target", ["jax"])
@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS[1::3], ids=IDS[1::3])
def test_jax_code_is_jitted_and_differentiated_by_jax(f, wrt, where, target):
    jax = pytest.importorskip("jax", reason="the generated code runs on JAX")
    d = derive(f, wrt, where=where)
    point = draw(result(d).where)
    function = run(d.code(target), "value_and_gradient")
    value, slope = call(jax.jit(function), point, jax.numpy.asarray)
    close(value, value_of(d, point))
    close(slope, result(d).evaluate(**point))
    if (f, wrt, where) in SMOOTH:
        of_wrt = jax.grad(lambda x: call(function, {**point, wrt: x}, jax.numpy.asarray)[0])
        np.testing.assert_allclose(of_wrt(point[wrt]), slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("target", ["torch"])
@pytest.mark.parametrize(("f", "wrt", "where"), SMOOTH, ids=[c[0] for c in SMOOTH])
def test_torch_differentiates_the_value_to_the_gradient(f, wrt, where, target):
    torch = pytest.importorskip("torch", reason="the generated code runs on PyTorch")
    make, d = arrays_of(target), derive(f, wrt, where=where)
    point = draw(d.gradient.where)
    function = run(d.code(target), "value_and_gradient")
    x = make(point[wrt]).requires_grad_(True)
    value, slope = call(function, {**point, wrt: x}, lambda a: a if a is x else make(a))
    (wanted,) = torch.autograd.grad(value, x)
    np.testing.assert_allclose(slope.detach(), wanted, rtol=1e-8, atol=1e-9)


def test_compile_is_the_code():
    d = derive("||A*x - b||^2", "x", where=LINEAR)
    function = d.compile()
    assert function.source == d.code() and function.__name__ == "value_and_gradient"
    point = draw(d.gradient.where)
    value, slope = function(**point)
    close(value, ((point["A"] @ point["x"] - point["b"]) ** 2).sum())
    close(slope, 2 * point["A"].T @ (point["A"] @ point["x"] - point["b"]))
    hessian = d.second().compile(form="hessian")
    close(call(hessian, point), 2 * point["A"].T @ point["A"])
    assert hessian.source == d.second().code(form="hessian")


def test_shared_work_has_one_name():
    source = derive("||A*x - b||^2", "x", where=LINEAR).code()
    assert source.count("A @ x") == 1
    again = derive("logsumexp(W*x) + sum(exp(W*x))", "W", where=LAYER).code()
    assert again.count("W @ x") == 1


@pytest.mark.parametrize("target", ["fortran", "", "NumPy"])
def test_an_unknown_target_is_refused(target):
    d = derive("x'*x", "x")
    for call_ in (d.code, d.compile, d.second().code):
        with pytest.raises(EvaluationError, match="the target is one of numpy, scipy, jax, torch"):
            call_(target)


def test_an_unknown_form_is_refused():
    with pytest.raises(EvaluationError, match="the form is hessian, action or bilinear, not 'x'"):
        derive("x'*x", "x").second().code(form="x")
