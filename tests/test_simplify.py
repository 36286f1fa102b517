"""Simplification on random expressions: the value stays, the result is final, order plays no part.

A short slice of `make fuzz`, which runs many more.
"""

import pytest

from tests.fuzz import run


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions(seed):
    assert run(count=60, seed=seed) == []
