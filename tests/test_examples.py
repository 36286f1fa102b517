"""The example programs run and agree with the library they are written in."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_the_trace_trick(library):
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install symcalc[{library}]")
    program = EXAMPLES / f"trace_trick_{library}.py"
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "d/dX [df/dY] = X*(Y + Y') + (Y + Y')*X" in done.stdout
    assert "d/dY [df/dY] = X*X' + X'*X" in done.stdout
