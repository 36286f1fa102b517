"""Everyday objectives: compiled values, gradients and Hessians against the value itself.

The value is that of `evaluate`; slopes are central differences of the compiled value, second slopes
those of the compiled gradient, along a random direction.
"""

import inspect
from pathlib import Path

import numpy as np
import pytest

from symcalc import derive

FILE = Path(__file__).parent / "corpus" / "objectives.txt"
LINES = FILE.read_text(encoding="utf-8").splitlines()
CASES = [tuple(line.split(" => ")) for line in LINES if not line.startswith("#")]
STEP = 1e-6


def draw(v, sizes, rng):
    shape = [sizes[d] if isinstance(d, str) else d for d in v.shape]
    a = rng.standard_normal(shape)
    if "spd" in v.attributes:
        return a @ a.T + np.eye(shape[0])
    if "symmetric" in v.attributes:
        return a + a.T
    a = np.abs(a) + 0.5 if "positive" in v.attributes else a
    return float(a[0, 0]) if v.is_scalar else (a.ravel() if 1 in v.shape else a)


def given(function, arrays, direction):
    """Call by name; what is no variable of the formula is the direction."""
    names = inspect.signature(function).parameters
    return function(**{name: arrays.get(name, direction) for name in names})


def near(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5 * (1 + np.max(np.abs(wanted))))


@pytest.mark.parametrize("target", ["numpy", "scipy"])
@pytest.mark.parametrize("count", [(5, 2, 4, 3), (1, 1, 1, 1)], ids=["sizes", "ones"])
@pytest.mark.parametrize(("f", "wrt", "where"), CASES, ids=[" by ".join(c[:2]) for c in CASES])
def test_compiled_objectives_against_differences(f, wrt, where, count, target):
    d = derive(f, wrt, where=where)
    rng = np.random.default_rng(1)
    names = sorted({dim for v in d.scope.values() for dim in v.shape if isinstance(dim, str)})
    rank = {"k": 2, "p": 2} if count[0] > 1 else {}
    sizes = {**dict(zip(names, count * 2, strict=False)), **rank}
    arrays = {name: draw(v, sizes, rng) for name, v in d.scope.items()}
    by = draw(d.variable, sizes, rng)
    function = d.compile(target)
    moved = [function(**{**arrays, wrt: arrays[wrt] + h * by}) for h in (STEP, -STEP)]
    value, gradient = function(**arrays)
    near(value, d.function.evaluate(**arrays))
    slopes = [(a - b) / (2 * STEP) for a, b in zip(*moved, strict=True)]
    near(np.sum(gradient * by), slopes[0])
    action = given(d.second().compile(target, "action"), arrays, by)
    near(action if np.shape(action) else action * np.ones(np.shape(by)), slopes[1])
