"""Writes `corpus/formulas_truth.json`: values and gradients of `corpus/formulas.toml` by JAX.

`python -m tests.make_formulas` needs JAX; the tests read the file and do not.
"""

import importlib
import json
import tomllib
from pathlib import Path

import numpy as np

from symcalc import variables
from symcalc.sample import sample
from symcalc.shape import dim_names

CORPUS = Path(__file__).parent / "corpus"
SIZES = (4, 3, 2, 5)
SEED = 7


def formulas() -> dict[str, dict]:
    """Return the formulas by their id."""
    text = (CORPUS / "formulas.toml").read_text(encoding="utf-8")
    return {case["id"]: case for case in tomllib.loads(text)["formula"]}


def point(case: dict, seed: int) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    """Return sizes and arrays for the declared variables of a formula."""
    symbols = variables(case["where"])
    names = dict.fromkeys(name for s in symbols for dim in s.shape for name in dim_names(dim))
    sizes = {name: SIZES[k % len(SIZES)] for k, name in enumerate(names)}
    rng = np.random.default_rng(seed)
    return sizes, {s.name: np.round(sample(s, sizes, rng), 6) for s in symbols}


def value_and_gradient(case: dict, sizes: dict, arrays: dict) -> tuple[float, np.ndarray]:
    """Evaluate `f_jnp` and differentiate it by the variable, with JAX in double precision."""
    jax, jnp, jsl = map(importlib.import_module, ("jax", "jax.numpy", "jax.scipy.linalg"))
    jax.config.update("jax_enable_x64", True)
    source = compile(case["f_jnp"], case["id"], "eval")

    def f(array):
        given = {**arrays, case["wrt"]: array}
        named = {name + "_" * (name == "lambda"): jnp.asarray(a) for name, a in given.items()}
        return jnp.asarray(eval(source, {"jnp": jnp, "jsl": jsl, "jax": jax, **sizes, **named}))

    value, gradient = jax.value_and_grad(f)(jnp.asarray(arrays[case["wrt"]]))
    return float(value), np.asarray(gradient)


def main() -> None:
    """Write the truth of every formula at one point."""
    truth = {}
    for k, (name, case) in enumerate(formulas().items()):
        sizes, arrays = point(case, SEED + k)
        value, gradient = value_and_gradient(case, sizes, arrays)
        listed = {key: array.tolist() for key, array in arrays.items()}
        truth[name] = {"inputs": listed, "value": value, "gradient": gradient.tolist()}
    rows = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in truth.items()]
    path = CORPUS / "formulas_truth.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
