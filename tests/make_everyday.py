"""Writes `corpus/NAME_truth.json`: derivatives of `corpus/NAME.toml` by JAX, at two points.

`python -m tests.make_everyday [NAME]` needs JAX; the tests read the files and do not. The layout is
that of `truth.json`: Jacobians and Hessians in vec order (column-major), gradients in the shape of
the variable, differentials along the direction `dX`.
"""

import importlib
import json
import sys
import tomllib
from pathlib import Path

import numpy as np

from symcalc import variables
from symcalc.sample import sample, structured
from symcalc.shape import dim_names

CORPUS = Path(__file__).parent / "corpus"
FILES = ("everyday", "questions", "practice", "research", "books")
SIZES = (4, 3, 2, 5, 6)


def cases(file: str) -> dict[str, dict]:
    """Return the cases of a file by their id."""
    text = (CORPUS / f"{file}.toml").read_text(encoding="utf-8")
    return {case["id"]: case for case in tomllib.loads(text)["case"]}


def point(case: dict, seed: int) -> tuple[dict[str, int], dict, dict]:
    """Return sizes, arrays of the declared variables, and the direction of a differential."""
    symbols = variables("; ".join(f"{k}: {v}" for k, v in case["where"].items()))
    names = dict.fromkeys(name for s in symbols for dim in s.shape for name in dim_names(dim))
    sizes = {name: SIZES[k % len(SIZES)] for k, name in enumerate(names)}
    rng = np.random.default_rng(seed)
    digits = {s.name: 17 if "orthogonal" in s.attributes else 5 for s in symbols}
    arrays = {s.name: np.round(sample(s, sizes, rng), digits[s.name]) for s in symbols}
    (variable,) = (s for s in symbols if s.name == case["wrt"][0])
    along = np.round(structured(variable, rng.standard_normal(np.shape(arrays[variable.name]))), 5)
    extra = {f"d{variable.name}": along} if case["task"] == "differential" else {}
    return sizes, arrays, extra


def sqrtm(jnp, a):
    """Return the principal square root by the iteration of Denman and Beavers."""
    y, z = a, jnp.eye(a.shape[0])
    for _ in range(14):
        y, z = (y + jnp.linalg.inv(z)) / 2, (z + jnp.linalg.inv(y)) / 2
    return y


def logm(jnp, a):
    """Return the logarithm: six square roots, then the series of the inverse tanh."""
    for _ in range(6):
        a = sqrtm(jnp, a)
    one = jnp.eye(a.shape[0])
    z = (a - one) @ jnp.linalg.inv(a + one)
    total, power = z, z
    for k in range(3, 21, 2):
        power = power @ z @ z
        total = total + power / k
    return 2**7 * total


def sylvester(jnp, a, b, c):
    """Return the solution of `a*X + X*b = c` by one system of linear equations for its rows."""
    m, n = c.shape
    rows = jnp.kron(a, jnp.eye(n)) + jnp.kron(jnp.eye(m), b.T)
    return jnp.linalg.solve(rows, c.reshape(-1)).reshape(m, n)


def function(case: dict, sizes: dict, arrays: dict):
    """Return the function of the variables in `wrt` that `f_jnp` writes, in double precision."""
    jax, jnp, jsl = map(importlib.import_module, ("jax", "jax.numpy", "jax.scipy.linalg"))
    jax.config.update("jax_enable_x64", True)
    source = compile(case["f_jnp"], case["id"], "eval")
    known = {"jsp": jax.scipy.special, "jax": jax, "jnp": jnp, "jsl": jsl, **sizes}
    known |= {"SQRTM": lambda a: sqrtm(jnp, a), "LOGM": lambda a: logm(jnp, a)}
    known |= {"SYLVESTER": lambda a, b, c: sylvester(jnp, a, b, c)}

    def f(*values):
        given = {**arrays, **dict(zip(case["wrt"], values, strict=True))}
        return jnp.asarray(eval(source, {**known, **{k: jnp.asarray(a) for k, a in given.items()}}))

    return f


def matrix(array, shape: tuple[int, ...], by: tuple[int, ...]) -> np.ndarray:
    """Return a derivative of shape `(*shape, *by)` as a matrix in vec order."""
    rows, cols = int(np.prod(shape)), int(np.prod(by))
    turned = np.transpose(
        np.asarray(array),
        [*range(len(shape))[::-1], *range(len(shape), len(shape) + len(by))[::-1]],
    )
    return np.reshape(turned, (rows, cols))


def derivative(case: dict, f, values: list, extra: dict) -> np.ndarray:
    """Return what the task asks for."""
    jax, jnp = map(importlib.import_module, ("jax", "jax.numpy"))
    task, last = case["task"], len(values) - 1
    shapes = [np.shape(v) for v in values]
    if task in ("gradient", "gradient_symmetric"):
        return jax.grad(f)(*values)
    if task == "differential":
        return jax.jvp(f, tuple(values), tuple(map(jnp.asarray, extra.values())))[1]
    if task == "jacobian":
        found = jax.jacfwd(f)(*values)
        return matrix(found, found.shape[: found.ndim - len(shapes[0])], shapes[0])
    if task == "hessian":
        return matrix(jax.jacfwd(jax.grad(f), last)(*values), shapes[0], shapes[last])
    return jax.grad(lambda *v: jnp.trace(jax.grad(f)(*v)), last)(*values)


def truth(case: dict, seed: int) -> dict:
    """Return a point, the value and the derivative there."""
    sizes, arrays, extra = point(case, seed)
    f = function(case, sizes, arrays)
    values = [importlib.import_module("jax.numpy").asarray(arrays[name]) for name in case["wrt"]]
    found = np.asarray(derivative(case, f, values, extra))
    if not np.all(np.isfinite(found)):
        raise ValueError(f"{case['id']}: the derivative is not finite")
    listed = [{k: a.tolist() for k, a in group.items()} for group in (arrays, extra)]
    return {
        "inputs": listed[0],
        "extra": listed[1],
        "dims": sizes,
        "value": short(f(*values)),
        "truth": short(found),
    }


def short(array) -> list:
    """Return an array as lists of numbers of twelve digits."""
    array = np.asarray(array, float)
    return np.reshape([float(f"{v:.12g}") for v in array.ravel()], array.shape).tolist()


def write(file: str) -> None:
    """Write the truth of every case of a file."""
    rows = []
    for k, (name, case) in enumerate(cases(file).items()):
        try:
            points = [truth(case, 100 + 2 * k + i) for i in range(2)]
        except Exception as failure:
            sys.exit(f"{name}: {case['f_jnp']}: {failure}")
        entry = {"case": case, "file": f"{file}.toml", "points": points}
        rows.append(f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}")
    path = CORPUS / f"{file}_truth.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or FILES:
        write(name)
