"""One function on many libraries: shards, chunks, namespaces and devices; other languages."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from symcalc import EvaluationError, derive, parse
from symcalc.cli import main
from symcalc.targets import TARGETS
from tests.test_codegen import FUNCTIONS, IDS, SECOND, call, close, draw, result, run, value_of

LIKELIHOOD = "c*logdet(S)/2 + tr(inv(S)*X'*X)/2"
DATA = "c: scalar; S: spd matrix(n); X: matrix(k, n)"
SPECIAL = ("erf", "LambertW")

MESH = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from symcalc import derive
jax.config.update("jax_enable_x64", True)
assert jax.device_count() == 8, jax.devices()
mesh = Mesh(np.array(jax.devices()), ("rows",))
rows, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (["rows"], []))
random = np.random.default_rng(0)
A, b, x = random.normal(size=(64, 5)), random.normal(size=64), random.normal(size=5)
S = A.T @ A + np.eye(5)
CASES = [
    ("||A*x - b||^2", "x", "A: matrix(n, m); b: vector(n)", dict(A=A, b=b, x=x), "Ab"),
    ("||A*x - b||^2", "A", "A: matrix(n, m); b: vector(n)", dict(A=A, b=b, x=x), "Ab"),
    ("c*logdet(S)/2 + tr(inv(S)*X'*X)/2", "S", DATA, dict(c=64.0, S=S, X=A), "X"),
    ("c*logdet(S)/2 + tr(inv(S)*X'*X)/2", "X", DATA, dict(c=64.0, S=S, X=A), "X"),
]
for f, wrt, where, arrays, sharded in CASES:
    d = derive(f, wrt, where=where)
    place = {name: rows if name in sharded else whole for name in arrays}
    given = {name: jax.device_put(a, place[name]) for name, a in arrays.items()}
    value, slope = jax.jit(d.compile(target="jax"))(**given)
    wanted_value, wanted = d.compile()(**arrays)
    np.testing.assert_allclose(value, wanted_value, rtol=1e-12)
    np.testing.assert_allclose(slope, wanted, rtol=1e-10, atol=1e-12)
    assert slope.sharding.is_equivalent_to(place[wrt], slope.ndim), (wrt, slope.sharding)
    parts = {part.data.shape for part in slope.addressable_shards}
    assert parts == {(8, 5) if wrt in sharded else slope.shape}, parts
print("right")
"""


def test_jax_on_a_mesh_of_eight_devices_keeps_the_shards():
    pytest.importorskip("jax", reason="the generated code runs on JAX")
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    program = f"DATA = {DATA!r}\n{MESH}"
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=flags | path, capture_output=True, text=True
    )
    assert done.stdout == "right\n", done.stderr


def chunked(size):
    """Return how to make a Dask array in chunks of some size."""
    da = pytest.importorskip("dask.array", reason="the generated code runs on Dask")
    return lambda a: da.from_array(np.asarray(a), chunks=size) if np.ndim(a) else a


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=IDS)
def test_dask_computes_value_and_gradient_in_chunks(f, wrt, where, size):
    make, d = chunked(size), derive(f, wrt, where=where)
    point = draw(result(d).where)
    value, slope = call(run(d.code("dask"), "value_and_gradient"), point, make)
    if np.ndim(slope):
        assert hasattr(slope, "dask"), "lazy"
    close(np.asarray(value), value_of(d, point))
    close(np.asarray(slope), result(d).evaluate(**point))


UNLIKE_NUMPY = [  # formula, variable, declarations: functions that Dask lacks or has otherwise
    ("cross(a, x)", "x", "a: vector(3); x: vector(3)"),
    ("cross(a, x)'*A*x", "x", "a: vector(3); x: vector(3); A: matrix(3)"),
    (
        "||Z - X*kron(A, B)*Y'||_F^2",
        "A",
        "A: matrix(n); B: matrix(m); X: matrix(p, n*m); Y: matrix(q, n*m); Z: matrix(p, q)",
    ),
]


@pytest.mark.parametrize(("f", "wrt", "where"), UNLIKE_NUMPY)
def test_dask_computes_what_it_has_no_function_for(f, wrt, where):
    make, d = chunked(2), derive(f, wrt, where=where)
    point = draw(result(d).where)
    value, slope = call(d.compile("dask"), point, make)
    close(np.asarray(value), value_of(d, point))
    close(np.asarray(slope), result(d).evaluate(**point))


def likelihood_of_many_rows():
    random = np.random.default_rng(0)
    X = random.normal(size=(4000, 30))
    point = {"c": 4000.0, "S": X[:100].T @ X[:100] + np.eye(30), "X": X}
    d = derive(LIKELIHOOD, "S", where=DATA)
    return d, point, call(d.compile(), point)


@pytest.mark.parametrize("size", [7, 10, 30])
def test_dask_takes_data_and_covariances_of_several_chunks(size):
    make = chunked(size)
    d, point, (value, slope) = likelihood_of_many_rows()
    got = call(d.compile("dask"), point, make)
    np.testing.assert_allclose(np.asarray(got[0]), value, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(got[1]), slope, rtol=1e-9, atol=1e-9)
    assert got[1].npartitions == -(-30 // size)


def test_dask_needs_no_pivot_from_another_chunk():
    make, d = chunked(2), derive("||inv(X)*b||^2", "b", where="X: matrix(n); b: vector(n)")
    X = np.block([[np.zeros((2, 2)), np.eye(2)], [np.eye(2), np.zeros((2, 2))]])
    b = np.arange(4.0)
    value, slope = call(d.compile("dask"), {"X": X, "b": b}, make)
    close(np.asarray(value), b @ b)
    close(np.asarray(slope), 2 * b)


def test_dask_on_two_workers():
    make, distributed = chunked(10), pytest.importorskip("distributed", reason="Dask's cluster")
    d, point, wanted = likelihood_of_many_rows()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        assert len(client.scheduler_info()["workers"]) == 2
        got = client.gather(client.compute(list(call(d.compile("dask"), point, make))))
    for mine, right in zip(got, wanted, strict=True):
        np.testing.assert_allclose(mine, right, rtol=1e-9, atol=1e-9)


STANDARD = (
    "abs acos acosh asarray asin asinh astype atan atanh concat cos cosh exp expand_dims expm1 eye "
    "floor log log10 log1p log2 logaddexp matmul max maximum mean min minimum moveaxis ones "
    "ones_like permute_dims pi prod reshape sign sin sinh sqrt square stack sum take tan tanh "
    "tensordot tril triu vecdot where zeros zeros_like"
)
LINALG = (
    "cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank "
    "outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm"
)


class Plain(np.ndarray):
    """An array that has a namespace and nothing of NumPy's besides the standard."""

    ravel = dot = flatten = conj = property(lambda self: 1 / 0)

    def __array_namespace__(self):
        return PLAIN


def with_axis(function):
    return lambda *arrays, axis=None: function(*arrays, axis=axis)


PLAIN = SimpleNamespace(
    **{name: getattr(np, name) for name in STANDARD.split()},
    linalg=SimpleNamespace(**{name: getattr(np.linalg, name) for name in LINALG.split()}),
)
for reduction in ("sum", "prod", "max", "min", "concat"):
    setattr(PLAIN, reduction, with_axis(getattr(np, reduction)))


def plain(a):
    return np.asarray(a, float).view(Plain)


def strict(a):
    return pytest.importorskip("array_api_strict", reason="a namespace that is strict").asarray(a)


def by_compat(a):
    pytest.importorskip("array_api_compat", reason="gives PyTorch a namespace")
    torch = pytest.importorskip("torch", reason="an array library without a namespace")
    return torch.tensor(np.asarray(a))


@pytest.mark.parametrize("make", [plain, strict, by_compat])
@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=IDS)
def test_the_array_api_is_enough(f, wrt, where, make):
    d = derive(f, wrt, where=where)
    if any(name in f for name in SPECIAL):
        with pytest.raises(EvaluationError, match="array API has no special functions"):
            d.code("array_api")
        return
    point = draw(result(d).where)
    value, slope = call(run(d.code("array_api"), "value_and_gradient"), point, make)
    close(np.asarray(value), value_of(d, point))
    close(np.asarray(slope), result(d).evaluate(**point))
    assert make is plain or not np.ndim(slope) or type(slope) is type(make(np.ones(2)))


@pytest.mark.parametrize("target", ["dask", "array_api"])
@pytest.mark.parametrize("form", ["hessian", "action", "bilinear"])
@pytest.mark.parametrize(("f", "first", "second", "where"), SECOND, ids=[c[0] for c in SECOND])
def test_second_derivatives_on_the_new_targets(f, first, second, where, form, target):
    s = derive(f, first, where=where).second(second)
    point = draw(getattr(s, form).where)
    make = chunked(2) if target == "dask" else strict
    got = call(s.compile(target, form), point, make)
    close(np.asarray(got), getattr(s, form).evaluate(**point))


def test_without_arguments_the_array_api_cannot_know_the_library():
    e = parse("eye(3)")
    with pytest.raises(EvaluationError, match="without an argument there is no array"):
        e.code("array_api")


MADE = [  # formula, variable, declarations: eye, ones, zeros and the kernels that make arrays
    ("tr(inv(X + c*eye(n)))", "X", "c: scalar; X: matrix(n)"),
    ("tr(kron(X, A))", "X", "A: matrix(m); X: matrix(n)"),
    ("x'*x", "y", "x: vector(n); y: vector(m)"),
    ("sum(x .^ 3)/n", "x", "x: vector(n)"),
    ("A[1, 2]^3", "A", "A: matrix(n, m)"),
    ("X'*A*X", "X", "A: matrix(n); X: matrix(n, m)"),
    ("K(n, m)*vec(X)", "X", "X: matrix(n, m)"),
    ("tr([A, X]*C)", "X", "A: matrix(n, m); X: matrix(n); C: matrix(m+n, n)"),
    ("c*tr(eye(3))*t", "t", "c: scalar; t: scalar"),
]


@pytest.mark.parametrize(("f", "wrt", "where"), MADE, ids=[c[0] for c in MADE])
def test_what_is_made_has_the_type_and_the_device_of_the_first_array(f, wrt, where):
    torch = pytest.importorskip("torch", reason="the generated code runs on PyTorch")
    d = derive(f, wrt, where=where)
    sizes = {"n": 4, "m": 3, "m + n": 7}
    for device in ("cpu", "meta"):
        arrays = {
            name: torch.ones([sizes[str(dim)] for dim in v.shape if dim != 1], device=device)
            for name, v in d.scope.items()
        }
        for got in call(d.compile("torch"), arrays):
            kind = (got.dtype, got.device.type) if hasattr(got, "dtype") else None
            assert kind in (None, (torch.float32, device)), d.code("torch")


def test_a_plain_number_has_no_device():
    torch = pytest.importorskip("torch", reason="the generated code runs on PyTorch")
    function = parse("t*eye(3)", "t: scalar").compile("torch")
    assert function(2.0).dtype == torch.float64
    assert function(torch.tensor(2.0, device="meta")).device.type == "meta"


COLUMNS = [  # formula, variable, declarations: vectors that are cut out of matrices
    ("x'*A[:, 1]", "x", "A: matrix(n, m)"),
    ("A[1, :]*B*A[:, 1]", "A", "A: matrix(n); B: matrix(n)"),
    ("sum(exp(A[:, 2]))", "A", "A: matrix(n, m)"),
    ("exp(A[1, 1])", "A", "A: matrix(n, m)"),
]


@pytest.mark.parametrize("target", ["numpy", "array_api"])
@pytest.mark.parametrize(("f", "wrt", "where"), COLUMNS, ids=[c[0] for c in COLUMNS])
def test_a_column_of_a_matrix_is_a_vector(f, wrt, where, target):
    d = derive(f, wrt, where=where)
    point = draw(d.gradient.where)
    value, slope = call(d.compile(target), point, plain if target == "array_api" else np.asarray)
    close(np.asarray(value), value_of(d, point))
    close(np.asarray(slope), d.evaluate(**point))


@pytest.mark.parametrize("exponent", [2.5, 0.5, -1.25])
def test_a_power_that_is_not_whole_is_refused(exponent):
    function = derive("tr(X^k)", "X", where="k: scalar").compile()
    with pytest.raises(ValueError, match="a matrix power needs a whole exponent"):
        function(k=exponent, X=np.eye(2))


REFUSED = [  # formula, variable, declarations, target, message
    ("tr(expm(X)*A)", "X", "", "dask", "da has no `expm`: choose another target"),
    ("tr(expm(X)*A)", "X", "", "array_api", "the array API has no `expm`"),
    ("tr(logm(X)*A)", "X", "", "torch", "torch has no `logm`"),
    ("tr(logm(X)*A)", "X", "", "jax", "jnp has no `logm`"),
    ("sum(trigamma(x))", "x", "", "dask", "the target has no `special.polygamma`"),
    (
        "sum(f(x))",
        "x",
        "f: entrywise; x: vector(n)",
        "julia",
        "`apply` of .* cannot be written in J",
    ),
    (
        "sum(LambertW(x))",
        "x",
        "",
        "matlab",
        "`lambertw` of a vector",
    ),
]


@pytest.mark.parametrize(("f", "wrt", "where", "target", "message"), REFUSED)
def test_what_a_target_lacks_is_refused(f, wrt, where, target, message):
    with pytest.raises(EvaluationError, match=message):
        derive(f, wrt, where=where).code(target)


def golden():
    """Return the cases of the corpus: formula, variable, declarations, language, body."""
    text = (Path(__file__).parent / "corpus" / "foreign_code.txt").read_text("utf-8")
    for case in text.split("\n\n")[1:]:
        head, *bodies = case.split("--- ")
        for body in bodies:
            language, *lines = body.strip().split("\n")
            yield (*head.strip("\n").split(" | "), language, lines)


@pytest.mark.parametrize(("f", "wrt", "where", "language", "body"), list(golden()))
def test_other_languages_say_what_was_read_by_eye(f, wrt, where, language, body):
    lines = derive(f, wrt, where=where.strip()).code(language).splitlines()
    start = next(k for k, line in enumerate(lines) if "function" in line and "value_and" in line)
    function = lines[start + 1 : lines.index("end", start)]
    assert [line.strip() for line in function if line[0] not in "%#"] == body


@pytest.mark.parametrize("language", ["julia", "matlab"])
def test_every_function_has_its_helpers_and_its_imports(language):
    for f, wrt, where in FUNCTIONS:
        source = derive(f, wrt, where=where).code(language)
        table = TARGETS[language].language
        for name, text in table.helpers.items():
            called = re.search(rf"(?<!\w){name}(?!\w)", source.replace(text, "")) is not None
            assert (text in source) == called, (f, name)
        assert not re.search(r"\b(xp|np|special|k)\.", source), source


NAMES = [  # formula, variable, declarations, language, the arguments
    ("μ'*Σ*μ", "μ", "μ: vector(n); Σ: matrix(n)", "matlab", "(mu, Sigma)"),
    ("μ'*Σ*μ", "μ", "μ: vector(n); Σ: matrix(n)", "julia", "(μ, Σ)"),
    ("end*size*x'*x", "x", "end: scalar; size: scalar", "julia", "(end_, size_, x)"),
    ("end*size*x'*x", "x", "end: scalar; size: scalar", "matlab", "(end_, size_, x)"),
    (
        "svdvals*reshape*x'*x",
        "x",
        "svdvals: scalar; reshape: scalar",
        "matlab",
        "(svdvals, reshape_, x)",
    ),
    ("_a*a'*x", "x", "_a: scalar; a: vector(n)", "matlab", "(v_a, a, x)"),
]


@pytest.mark.parametrize(("f", "wrt", "where", "language", "arguments"), NAMES)
def test_names_hide_nothing_that_the_language_means(f, wrt, where, language, arguments):
    source = derive(f, wrt, where=where).code(language)
    assert f"value_and_gradient{arguments}" in source


def test_a_name_of_the_language_names_no_function():
    with pytest.raises(EvaluationError, match="`sum` means something in MATLAB"):
        derive("x'*x", "x").code("matlab", name="sum")


@pytest.mark.parametrize("language", ["julia", "matlab"])
def test_other_languages_are_printed_and_not_compiled(language):
    with pytest.raises(EvaluationError, match="`code` prints other languages"):
        derive("x'*x", "x").compile(language)


def literal(a, language):
    """Return an array as text of a language."""
    array = np.asarray(a)
    if not array.ndim:
        return repr(float(array))
    rows = [" ".join(repr(float(x)) for x in row) for row in array.reshape(len(array), -1)]
    text = f"[{'; '.join(rows)}]"
    return f"vec({text})" if language == "julia" and array.ndim == 1 else text


RUNNERS = {
    "julia": ("julia", "{source}\nfor part in value_and_gradient({arguments}), x in part\n"
              "    println(x)\nend\n", ".jl"),
    "matlab": ("octave", "1;\n{source}\n[v, g] = value_and_gradient({arguments});\n"
               'printf("%.17g\\n", v(:), g(:));\n', ".m"),
}  # fmt: skip


@pytest.mark.parametrize("language", RUNNERS)
@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=IDS)
def test_the_language_itself_agrees(f, wrt, where, language, tmp_path):
    program, frame, ending = RUNNERS[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    d = derive(f, wrt, where=where)
    point = draw(result(d).where)
    source = d.code(language)
    names = re.search(r"value_and_gradient\((.*)\)", source)[1].split(", ")
    given = [point[name if name in point else name.rstrip("_")] for name in names]
    arguments = ", ".join(literal(a, language) for a in given)
    file = tmp_path / f"run{ending}"
    file.write_text(frame.replace("{source}", source).replace("{arguments}", arguments))
    done = subprocess.run([program, str(file)], capture_output=True, text=True)
    if "Package SpecialFunctions not found" in done.stderr:
        pytest.skip("Julia has no SpecialFunctions here")
    assert done.returncode == 0, done.stderr
    wanted = [np.ravel(a, order="F") for a in (value_of(d, point), result(d).evaluate(**point))]
    got = np.array([float(line) for line in done.stdout.split()])
    np.testing.assert_allclose(got, np.concatenate(wanted), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_line_knows_every_target(target, capsys):
    assert main(["code", "||A*x - b||^2", "x", "--target", target]) == 0
    assert "value_and_gradient" in capsys.readouterr().out
