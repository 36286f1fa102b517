"""The trace trick in PyTorch, beside symcalc: d/dY [df/dX] := d/dY tr(df/dX).

`backward` *adds* to `.grad`: calling it once for f and once for the trace of the gradient leaves
the first gradient inside the second. `torch.autograd.grad` returns the gradient and accumulates
nothing, so it is the right call; `create_graph=True` keeps the first gradient differentiable.
Run: python examples/trace_trick_torch.py
"""

import numpy as np
import torch

import symcalc

FORMULA = "tr(X*Y*X'*Y')"


def f(X, Y):
    return torch.trace(X @ Y @ X.T @ Y.T)


def traced_derivative(X, Y, first, second):
    """Return d/d(second) of tr(df/d(first))."""
    (gradient,) = torch.autograd.grad(f(X, Y), first, create_graph=True)
    (again,) = torch.autograd.grad(torch.trace(gradient), second)
    return again


def accumulated_by_backward(X, Y):
    """What two calls of `backward` leave in Y.grad: the sum of both gradients, not the second."""
    value = f(X, Y)
    value.backward(create_graph=True)
    torch.trace(Y.grad.clone()).backward()
    return Y.grad.detach().clone()


def main():
    torch.manual_seed(0)
    X, Y = (torch.randn(4, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    tensors = {"X": X, "Y": Y}
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    where = "X: matrix(n); Y: matrix(n)"
    for first, second in (("Y", "X"), ("X", "Y"), ("Y", "Y")):
        numbers = traced_derivative(X, Y, tensors[first], tensors[second]).numpy()
        formula = symcalc.derive(FORMULA, first, where=where).derive(second).gradient
        error = np.max(np.abs(formula.evaluate(**arrays) - numbers))
        print(f"d/d{second} [df/d{first}] = {formula}   (difference to PyTorch {error:.1e})")
        assert error < 1e-10
    right = traced_derivative(X, Y, Y, Y).numpy()
    wrong = accumulated_by_backward(X, Y).numpy()
    off = np.max(np.abs(wrong - right))
    print(f"two calls of backward are off by {off:.1e}: the first gradient is still in there")


if __name__ == "__main__":
    main()
