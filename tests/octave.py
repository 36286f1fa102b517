"""The MATLAB code of every formula of the corpus, run by Octave.

Run `python -m tests.octave` where `octave-cli` is installed (`apt install octave`): each result of
`test_conformance.py` is printed as MATLAB code, and its values in one run of Octave are compared
with the stored derivatives, which JAX gave. `test_targets.py` runs a slice.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from symcalc import EvaluationError
from tests.test_conformance import CASES, expected, on_its_space, result
from tests.test_targets import literal

FRAME = """\
try
  source('{file}');
  value = f_({arguments});
  printf('{name} %s\\n', sprintf(' %.17g', value));
catch e
  printf('{name} ! %s\\n', strrep(e.message, sprintf('\\n'), ' '));
end
"""


def main() -> int:
    """Print what is refused and what is wrong; return how many are wrong."""
    with tempfile.TemporaryDirectory() as folder:
        programs = []
        for name in CASES:
            try:
                programs.append(program(name, Path(folder)))
            except EvaluationError as error:
                print(f"refused {name}: {error}")
        run = Path(folder, "run.m")
        run.write_text("1;\nwarning('off', 'all');\n" + "".join(programs))
        command = ["octave-cli", "--quiet", str(run)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    wrong = [name for name in CASES if name in said and not agrees(name, said[name])]
    for name in wrong:
        print(f"wrong {name}: {said[name]}")
    print(f"{len(said)} of {len(CASES)} run, {len(wrong)} wrong")
    return len(wrong)


def program(name: str, folder: Path) -> str:
    """Write the function of a case to a file; return the lines that call it at the first point."""
    formula, point = result(CASES[name]["case"]), CASES[name]["points"][0]
    given = {k: np.array(v) for k, v in {**point["inputs"], **point["extra"]}.items()}
    file = folder / f"{name}.m"
    file.write_text("1;\n" + formula.code("matlab", name="f_"))
    names = re.search(r"def f_\((.*)\)", formula.code(name="f_"))[1].split(", ")
    arrays = [given[n if n in given else n.rstrip("_")] for n in names if n]
    arguments = ", ".join(literal(array, "matlab") for array in arrays)
    return FRAME.format(file=file, name=name, arguments=arguments)


def agrees(name: str, said: str) -> bool:
    """Whether Octave's values are those of the corpus."""
    case, point = CASES[name]["case"], CASES[name]["points"][0]
    arrays = {k: np.array(v) for k, v in {**point["inputs"], **point["extra"]}.items()}
    wanted = expected(case, np.array(point["truth"]))
    if said.startswith("!") or np.size(wanted) != len(said.split()):
        return False
    if case["task"] == "jacobian" and np.ndim(arrays[case["wrt"][0]]) == 0:
        wanted = np.reshape(wanted, np.shape(point["value"]), order="F")
    got = np.reshape([float(x) for x in said.split()], np.shape(wanted), order="F")
    got, wanted = (on_its_space(a, case, arrays) for a in (got, wanted))
    return np.allclose(got, wanted, 1e-7, 1e-9 + 1e-7 * np.abs(wanted).max())


if __name__ == "__main__":
    sys.exit(main())
