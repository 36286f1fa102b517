"""The trace trick in JAX, beside symcalc: d/dY [df/dX] := d/dY tr(df/dX).

A gradient is a matrix; take its trace and differentiate that.
Run: python examples/trace_trick_jax.py
"""

import jax
import jax.numpy as jnp
import numpy as np

import symcalc

jax.config.update("jax_enable_x64", True)
FORMULA = "tr(X*Y*X'*Y')"


def f(X, Y):
    return jnp.trace(X @ Y @ X.T @ Y.T)


def scalarized_dx(X, Y):
    """The trace of the gradient by X: a scalar, so it can be differentiated again."""
    return jnp.trace(jax.grad(f, argnums=0)(X, Y))


def scalarized_dy(X, Y):
    """The trace of the gradient by Y."""
    return jnp.trace(jax.grad(f, argnums=1)(X, Y))


def main():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((2, 4, 4))
    by_jax = {
        ("Y", "X"): jax.grad(scalarized_dy, argnums=0)(X, Y),  # d/dX [df/dY]
        ("X", "Y"): jax.grad(scalarized_dx, argnums=1)(X, Y),  # d/dY [df/dX]
        ("Y", "Y"): jax.grad(scalarized_dy, argnums=1)(X, Y),  # d/dY [df/dY]
    }
    where = "X: matrix(n); Y: matrix(n)"
    for (first, second), numbers in by_jax.items():
        formula = symcalc.derive(FORMULA, first, where=where).derive(second).gradient
        ours = formula.evaluate(X=X, Y=Y)
        error = np.max(np.abs(ours - numbers))
        print(f"d/d{second} [df/d{first}] = {formula}   (difference to JAX {error:.1e})")
        assert error < 1e-10


if __name__ == "__main__":
    main()
