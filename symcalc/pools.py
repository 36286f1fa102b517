"""Where SciPy's LAPACK may stand beside NumPy's products: with one thread, or not at all.

The wheels of NumPy and SciPy each bring a BLAS with threads of its own. Those of the one wait awake
for more work, and take the processors from the other: 40 times slower for a 100-by-100 matrix.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from importlib.util import find_spec
from typing import Any

COUNTERS = (  # what a library calls the number of its threads
    "scipy_openblas_get_num_threads64_", "openblas_get_num_threads64_", "openblas_get_num_threads",
    "MKL_Get_Max_Threads",
)  # fmt: skip
VARIABLES = (  # where it is set, if the library does not say it
    "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS",
)  # fmt: skip


def default_target() -> str:
    """Return the target of functions that run here: SciPy's LAPACK where it stands in no way."""
    return "scipy" if blas_threads() == 1 and find_spec("scipy") else "numpy"


def blas_threads() -> int | None:
    """Return how many threads NumPy's products use now; None if that is not known."""
    counter = _counter()
    if counter is not None:
        return int(counter())
    said = [os.environ[name] for name in VARIABLES if os.environ.get(name, "").isdecimal()]
    return int(said[0]) if said else None


@cache
def _counter() -> Any:
    """Return the function by which NumPy's BLAS says how many threads it has."""
    spec = find_spec("numpy.linalg._umath_linalg")
    try:
        library = ctypes.CDLL(spec.origin if spec else None)
    except OSError:
        return None
    return next((c for name in COUNTERS if (c := getattr(library, name, None))), None)
