"""The code of every formula of the corpus, for every library and language, against stored numbers.

Run `python -m tests.sweep [TARGET ...]`: each result of `test_conformance.py` is compiled for the
targets, called at its first point, and compared with the derivative that JAX gave there. `matlab`
is run by Octave, and needs `octave-cli` (`apt install octave`). `test_targets.py` runs a slice.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from symcalc import EvaluationError, Expr
from tests.test_conformance import CASES, expected, on_its_space, result
from tests.test_targets import chunked, literal, strict

Answer = tuple[str, Any]  # the name of a case, its value or what was said instead


def in_torch(a: np.ndarray) -> Any:
    return import_module("torch").tensor(a)


def in_jax(a: np.ndarray) -> Any:
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray(a)


LIBRARIES: dict[str, Callable[[np.ndarray], Any]] = {
    "numpy": np.asarray, "scipy": np.asarray, "jax": in_jax, "torch": in_torch,
    "dask": chunked(2), "array_api": strict,
}  # fmt: skip
TARGETS = (*LIBRARIES, "matlab")
FRAME = """\
try
  source('{file}');
  value = f_({arguments});
  printf('{name} %s\\n', sprintf(' %.17g', value));
catch e
  printf('{name} ! %s\\n', strrep(e.message, sprintf('\\n'), ' '));
end
"""


def main(targets: list[str]) -> int:
    """Print what is refused and what is wrong; return how many are wrong."""
    warnings.simplefilter("ignore")
    wrong = 0
    for target in targets or TARGETS:
        answers = dict(by_octave() if target == "matlab" else by_library(target))
        refused = {name: e for name, e in answers.items() if isinstance(e, EvaluationError)}
        bad = {n: a for n, a in answers.items() if n not in refused and not agrees(n, a)}
        for kind, found in (("refused", refused), ("wrong", bad)):
            for name, said in found.items():
                print(f"{target}: {kind} {name}: {said}")
        right = len(answers) - len(refused) - len(bad)
        print(f"{target}: {right} right, {len(bad)} wrong, {len(refused)} refused")
        wrong += len(bad)
    return wrong


def by_library(target: str) -> Iterator[Answer]:
    """Yield the values of all cases by the compiled functions of a library."""
    for name in CASES:
        formula, arrays = result(CASES[name]["case"]), point_of(name)
        try:
            given = {k: LIBRARIES[target](a) for k, a in with_sizes(formula, arrays).items()}
            yield name, np.asarray(formula.compile(target)(**given))
        except EvaluationError as error:
            yield name, error
        except Exception as error:  # what else a library raises is wrong
            yield name, repr(error)


def by_octave() -> Iterator[Answer]:
    """Yield the values of all cases by MATLAB code, in one run of Octave."""
    with tempfile.TemporaryDirectory() as folder:
        programs = []
        for name in CASES:
            try:
                programs.append(program(name, Path(folder)))
            except EvaluationError as error:
                yield name, error
        run = Path(folder, "run.m")
        run.write_text("1;\nwarning('off', 'all');\n" + "".join(programs))
        command = ["octave-cli", "--quiet", str(run)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        name, said = line.split(" ", 1)
        yield name, said if said[:1] == "!" else np.array([float(x) for x in said.split()])


def program(name: str, folder: Path) -> str:
    """Write the function of a case to a file; return the lines that call it."""
    formula, given = result(CASES[name]["case"]), point_of(name)
    file = folder / f"{name}.m"
    file.write_text("1;\n" + formula.code("matlab", name="f_"))
    names = re.search(r"def f_\((.*)\)", formula.code(name="f_"))[1].split(", ")
    arrays = [given[n if n in given else n.rstrip("_")] for n in names if n]
    arguments = ", ".join(literal(array, "matlab") for array in arrays)
    return FRAME.format(file=file, name=name, arguments=arguments)


def point_of(name: str) -> dict[str, np.ndarray]:
    point = CASES[name]["points"][0]
    return {k: np.array(v, dtype=float) for k, v in {**point["inputs"], **point["extra"]}.items()}


def with_sizes(formula: Expr, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return an array for every declared variable: zeros for those that do not occur."""
    declared = formula.declared()
    known = [k for k in declared if k in arrays]
    pairs = [p for k in known for p in zip(declared[k].shape, arrays[k].shape, strict=False)]
    sizes = dict(pairs)
    made = {k: [sizes.get(dim, dim) for dim in v.shape if dim != 1] for k, v in declared.items()}
    return {k: arrays[k] if k in arrays else np.zeros(shape) for k, shape in made.items()}


def agrees(name: str, got: Any) -> bool:
    """Whether a value is that of the corpus."""
    case, point, arrays = CASES[name]["case"], CASES[name]["points"][0], point_of(name)
    wanted = expected(case, np.array(point["truth"]))
    if isinstance(got, str) or np.size(wanted) != np.size(got):
        return False
    if case["task"] == "jacobian" and np.ndim(arrays[case["wrt"][0]]) == 0:
        wanted = np.reshape(wanted, np.shape(point["value"]), order="F")
    got = np.reshape(got, np.shape(wanted), order="F")
    got, wanted = (on_its_space(a, case, arrays) for a in (got, wanted))
    return np.allclose(got, wanted, 1e-7, 1e-9 + 1e-7 * np.abs(wanted).max())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
