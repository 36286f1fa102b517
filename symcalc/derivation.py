"""The whole pipeline on one screen: differentiate, trace form, simplify, read off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symcalc.adjoint import gradients
from symcalc.again import ambient, riemannian, squared_up, weighted
from symcalc.assume import assumptions
from symcalc.differential import differential, direction
from symcalc.errors import ShapeError
from symcalc.expr import Expr, in_scope
from symcalc.inputs import reading_of, variable_name, variable_of
from symcalc.late import codegen, objective, specialise, stationary, verify
from symcalc.narrate import steps_latex, steps_text
from symcalc.normal import Normalizer
from symcalc.project import project
from symcalc.reader import Reading
from symcalc.rulebook import Rulebook
from symcalc.scope import spelled_in
from symcalc.second import SecondDifferential, map_matrix
from symcalc.shape import shape_text
from symcalc.show import declaration
from symcalc.simplify import normalizer, simplify, unfold
from symcalc.steps import Step, derivation_steps

if TYPE_CHECKING:
    from symcalc.judge import Verification
    from symcalc.objective import Objective

LAYOUTS = ("denominator", "numerator")
CONVENTIONS = ("space", "entries")
Sizes = Mapping[str, int] | None


@dataclass(frozen=True)
class Derivation:
    """The derivative of a function by a variable, and everything that was done to find it."""

    function: Expr
    variable: Expr
    layout: str
    symmetric: str
    scope: Mapping[str, Expr] = field(repr=False)
    rules: Rulebook = field(repr=False)
    free: frozenset[str] = field(default=frozenset(), repr=False)
    parent: Derivation | None = field(default=None, repr=False)
    weight: Expr | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def differential(self) -> Expr:
        """The differential, an expression in the direction `dX`.

        >>> from symcalc import derive
        >>> print(derive("X'*A*X", "X").differential)
        X'*A*dX + dX'*A*X
        """
        h = direction(self.variable)
        d = differential(self._unfolded, {self.variable: h}, self.rules)
        return self._known(simplify(d, self.rules, self.function, self._normalizer), h)

    @cached_property
    def gradient(self) -> Expr:
        """The gradient, in the shape of the variable; `ShapeError` if `f` is not a scalar."""
        plain = self.raw_gradient
        projected = project(plain, self.variable, self.symmetric, self.rules)
        shown = self.rules.algebra.transpose(projected) if self.layout == "numerator" else projected
        return self._known(simplify(shown, self.rules, self.function, self._normalizer))

    @cached_property
    def riemannian_gradient(self) -> Expr:
        """The gradient along the matrices with orthonormal columns, `G - Q*(Q'*G + G'*Q)/2`, for
        an `orthonormal` variable, and `(G - Q*G'*Q)/2` for an `orthogonal` one (Absil, Mahony &
        Sepulchre, 2008, ch. 3.6; the metric of the surrounding space).

        >>> from symcalc import derive
        >>> print(derive("tr(A*Q)", "Q", where="Q: orthogonal matrix(n)").riemannian_gradient)
        (A' - Q*A*Q)/2
        >>> d = derive("tr(A'*Q)", "Q", where="Q: orthonormal matrix(n, k)")
        >>> print(d.riemannian_gradient)
        A - Q*(A'*Q + Q'*A)/2
        """
        return riemannian(self)

    @cached_property
    def raw_gradient(self) -> Expr:
        """The gradient as the adjoints give it: not simplified, not projected on a structure."""
        if not self.function.is_scalar:
            raise ShapeError(
                f"the function is {shape_text(self.function.shape)}, not a scalar: it has a "
                "differential, but no gradient; take a trace, a norm or a sum of it"
            )
        one = self.rules.algebra.number(1)
        return gradients(self._unfolded, {self.variable: None}, one, self.rules)[self.variable]

    @cached_property
    def jacobian(self) -> Expr:
        """The matrix J with `vec(dF) = J*vec(dX)`; for vectors `dy = J*dx`, for a scalar variable
        the derivative in the shape of the function. A scalar function has the row `vec(G)'`.

        >>> from symcalc import derive
        >>> print(derive("A*sin(x)", "x").jacobian)
        A*diag(cos(x))
        """
        if self.function.is_scalar and not self.variable.is_scalar:
            g = self.usual.gradient
            column = g if g.shape[1] == 1 else self.rules.algebra.call("vec", g)
            return self._known(simplify(column.T, self.rules, self.function))
        h = direction(self.variable)
        d = differential(self._unfolded, {self.variable: h}, self.rules)
        matrix = map_matrix(simplify(d, self.rules), h, self.rules)
        return self._known(simplify(matrix, self.rules, self.function, stacks=True))

    @property
    def result(self) -> Expr:
        """The gradient of a scalar function, the differential of any other."""
        return self.gradient if self.function.is_scalar else self.differential

    def derive(self, wrt: str | Expr, weight: str | Expr | None = None) -> Derivation:
        """Differentiate again: the derivative of `tr(G)`, or of `tr(weight'*G)`.

        `tr(G)` gives the Hessian applied to the identity, `tr(V'*G)` the Hessian applied to a
        direction `V`; neither is the whole Hessian (that is `second().hessian`). A gradient that
        is not square needs a weight of its shape. Raises `ShapeError` if it is missing or does not
        fit.

        >>> from symcalc import derive
        >>> print(derive("tr(X^3)", "X").derive("X").gradient)
        6*X'
        """
        book = self.rules
        if weight is None and (squared := squared_up(self)) is not None:
            return squared.derive(wrt)
        variable = self._other(wrt)
        if (freed := ambient(self, variable)) is not self:
            return freed.derive(variable.name, weight)
        traced, by, scope = weighted(self, weight)
        return Derivation(
            traced, variable, self.layout, self.symmetric, {**scope, variable.name: variable}, book,
            self.free, self, by,
        )  # fmt: skip

    def second(self, wrt: str | Expr | None = None) -> SecondDifferential:
        """Return the second differential by this variable and `wrt` (by default the same again).

        >>> from symcalc import derive
        >>> print(derive("||X||_F^2", "X").second().bilinear)
        tr(2*H_2*H_1')
        """
        other = self.variable if wrt is None else self._other(wrt)
        if (freed := ambient(self, other)) is not self:
            return freed.second(other.name)
        scope = {**self.scope, other.name: other}
        return SecondDifferential(
            self.function,
            self.usual.gradient,
            (self.variable, other),
            self.symmetric,
            scope,
            self.rules,
        )

    def stationary(self) -> Expr:
        """Solve "gradient = 0" for the variable, where the gradient is linear in it (also after a
        multiplication by the variable: `inv(S)`). The result satisfies the equation where what it
        inverts is invertible (`symcalc.stationary.conditions`); it need not be a minimum. Raises
        `StationaryError` where no closed form is found.

        >>> from symcalc import derive
        >>> print(derive("||A*X - B||_F^2 + c*||X||_F^2", "X").stationary())
        inv(A'*A + c*I)*A'*B
        """
        return self._known(stationary.stationary(self))

    def put_in_force(self) -> None:
        """Let function and gradient, which may be shared, accept arrays for these declarations."""
        in_scope(self.function, self.scope)
        if self.function.is_scalar:
            self._known(self.gradient)

    @cached_property
    def usual(self) -> Derivation:
        """The same derivative in denominator layout, for a structured variable in its space."""
        if (self.layout, self.symmetric) == (LAYOUTS[0], CONVENTIONS[0]):
            return self
        return replace(self, layout=LAYOUTS[0], symmetric=CONVENTIONS[0])

    @cached_property
    def _normalizer(self) -> Normalizer:
        return normalizer(self.rules)  # the function's normal form is used again by its derivatives

    @cached_property
    def _unfolded(self) -> Expr:
        return unfold(self.function, self.rules, self._normalizer)[0]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The derivation as a person would write it: equalities, each with its rule and source."""
        return derivation_steps(self)

    @cached_property
    def assumptions(self) -> tuple[str, ...]:
        """What the result takes for granted: shapes and attributes, and where it holds."""
        used = dict.fromkeys([*self.function.variables, self.variable])
        declared = [f"{v.name}: {declaration(v)}" for v in used]
        found = assumptions(self._unfolded, self.variable, self._normalizer)
        return (*declared, *self.notes, *found)

    def verify(
        self,
        sizes: Mapping[str, int] | None = None,
        seed: int = 0,
        against: tuple[str, ...] = ("differences",),
    ) -> Verification:
        """Compare the gradient, and every step, with numbers at random points.

        `sizes` fixes dimensions (`{"n": 3}`), `against` names the judges: `"differences"` (central
        differences along random directions), `"complex-step"`, `"jax"` and `"torch"` (automatic
        differentiation of the function, an independent route). Raises `EvaluationError` where
        no point of the domain is found.

        >>> from symcalc import derive
        >>> derive("logdet(X)", "X").verify().passed
        True
        """
        found: Verification = verify.verify_gradient(self, dict(sizes or {}), seed, against)
        return found

    def latex(self, steps: bool = False) -> str:
        """Return the result as LaTeX, or the whole derivation as an `aligned` environment."""
        return steps_latex(self, steps)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        return steps_text(self, steps=False)

    def pretty(self, steps: bool = False) -> str:
        """Return the result, or the whole derivation, as text with Unicode signs."""
        return steps_text(self, steps=steps, pretty=True)

    def text(self, steps: bool = False) -> str:
        """Return the result, or the whole derivation, as plain text."""
        return steps_text(self, steps=steps)

    def evaluate(self, /, **arrays: Any) -> Any:
        """Return the value of the gradient; see `Expr.evaluate`."""
        return self.gradient.evaluate(**arrays)

    def code(
        self, target: str = "numpy", name: str = "value_and_gradient", sizes: Sizes = None
    ) -> str:
        """Return a standalone function of real arrays: value and gradient, or Jacobian.

        `target` is numpy, jax, torch, or scipy: NumPy with SciPy's LAPACK, which is fastest on one
        thread (SciPy has a BLAS of its own, whose threads and NumPy's stand in each other's way);
        dask (lazy arrays in chunks), array_api (any library that has or is given the standard's
        names; the first array tells which), julia or matlab. What a target lacks is an
        `EvaluationError` that names it.
        `sizes` are about what the dimensions will be, for the order of products.
        """
        outputs, used, summary = self._request(False)
        return str(codegen.generate(outputs, used, name, summary, self.rules, target, sizes))

    @property
    def _outputs(self) -> dict[str, Expr]:
        kind = "gradient" if self.function.is_scalar else "jacobian"
        return {"value": self._unfolded, kind: getattr(self, kind)}

    def _request(self, every: bool) -> tuple[dict[str, Expr], list[Expr], str]:
        """Return what is computed of which arguments, and a line that says it."""
        outputs = self._outputs
        (_, (kind, result)) = outputs.items()
        summary = f"{self.function} and its {kind} by {self.variable.name}: {result}"
        return outputs, self._arguments(outputs, every), summary

    def compile(self, target: str | None = None, sizes: Sizes = None) -> Callable[..., Any]:
        """Return the function of `code`, of every declared variable; its source is in `.source`.

        Without a target it is scipy where SciPy is installed and NumPy's products use one thread,
        else numpy. For both, arrays are brought to the convention (lists, whole numbers, n-by-1)
        or refused (a wrong shape, complex numbers); for jax and torch shapes are, while tracing.
        `sizes` (`{"n": 1000, "k": 5}`) says what the dimensions will be about: they decide the
        order of products. Without them a function whose order depends on the sizes chooses it by
        its arguments. The function is right for arrays of any size.
        """
        outputs, used, summary = self._request(True)
        made: Callable[..., Any] = specialise.function_of(
            outputs, used, "value_and_gradient", summary, self.rules, target, sizes
        )
        return made

    def _arguments(self, outputs: Mapping[str, Expr], every: bool) -> list[Expr]:
        """Return the declared variables, all or those that are used, and what came up besides."""
        used = dict.fromkeys([self.variable, *(v for e in outputs.values() for v in e.variables)])
        known = [v for v in self.scope.values() if every or v in used]
        return [*known, *(v for v in used if v not in known)]

    def objective(self, /, x0: Any, **arrays: Any) -> Objective:
        """Return a function for `scipy.optimize` that starts at `x0`; the rest is fixed by name.

        `scipy.optimize.minimize(o, o.x0, jac=True, hessp=o.hessp)` minimises it, and
        `o.unflatten(result.x)` is the point. Raises `EvaluationError` for a missing array or a
        start outside the domain, `ShapeError` for a function that is not a scalar.

        >>> from symcalc import derive
        >>> derive("x'*A*x", "x").objective([1, 0], A=[[1, 2], [3, 4]])([1, 1])
        (10.0, array([ 7., 13.]))
        """
        made: Objective = objective.Objective(self, x0, arrays)
        return made

    def _other(self, wrt: str | Expr) -> Expr:
        """Return another variable, which need not occur in the function."""
        name = variable_name(wrt)
        if isinstance(wrt, Expr) or spelled_in(name, self.scope):
            return variable_of(wrt, Reading(self.function, self.scope))
        return reading_of(self.function, None, self.rules, name).scope[name]

    def _known(self, e: Expr, *more: Expr) -> Expr:
        """Let the result accept arrays for every declared variable, beside those in it."""
        return in_scope(e, {**self.scope, **{v.name: v for v in more}})
