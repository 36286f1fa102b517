"""The second differential, in the forms that are wanted: bilinear, as an action, as a matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symcalc import late
from symcalc.algebra import LINEAR_ATTRIBUTES
from symcalc.differential import differential
from symcalc.errors import EvaluationError
from symcalc.expr import Expr, in_scope, substitute, with_sizes
from symcalc.late import codegen, specialise, structure_at, vec, verify_second
from symcalc.linear import split_linear
from symcalc.narrate import steps_lines_latex, steps_lines_text
from symcalc.project import duplicates
from symcalc.rulebook import Rulebook
from symcalc.shape import SCALAR, Shape
from symcalc.simplify import normalizer, simplify
from symcalc.steps import Step, pairing, second_steps

if TYPE_CHECKING:
    from symcalc.judge import Verification
    from symcalc.structured import StructuredHessian


@dataclass(frozen=True)
class SecondDifferential:
    """`d2f[H, K] = tr(G2(K)*H')`: the second derivative of a scalar function, nothing lost.

    `first` and `second` are the directions (`H_1` of the first variable, `H_2` of the second).
    """

    function: Expr
    gradient: Expr
    variables: tuple[Expr, Expr]
    symmetric: str
    scope: Mapping[str, Expr] = field(repr=False)
    rules: Rulebook = field(repr=False)

    @cached_property
    def first(self) -> Expr:
        """The direction of the first variable."""
        return self._direction(0)

    @cached_property
    def second(self) -> Expr:
        """The direction of the second variable, in which the gradient is differentiated."""
        return self._direction(1)

    def _direction(self, index: int) -> Expr:
        taken = set(self.scope)
        prefix = next(
            p for p in ("H_", "K_", "dir_", "direction_") if not {p + "1", p + "2"} & taken
        )
        variable = self.variables[index]
        kept = variable.attributes & LINEAR_ATTRIBUTES
        return self.rules.algebra.symbol(f"{prefix}{index + 1}", variable.shape, kept)

    @cached_property
    def action(self) -> Expr:
        """`G2(K)`, the derivative of the gradient in the direction `H_2`; it is linear in `H_2`.

        >>> from symcalc import derive
        >>> print(derive("||X||_F^2", "X").second().action)
        2*H_2
        """
        return self._known(simplify(self.raw_action, self.rules, self.function))

    @cached_property
    def raw_action(self) -> Expr:
        """The action as the rules give it, not simplified."""
        return differential(self.gradient, {self.variables[1]: self.second}, self.rules)

    @cached_property
    def bilinear(self) -> Expr:
        """`d2f[H_1, H_2]`, a scalar that is linear in both directions.

        >>> from symcalc import derive
        >>> print(derive("||X||_F^2", "X").second().bilinear)
        tr(2*H_2*H_1')
        """
        return self._known(pairing(self.action, self.first))

    @cached_property
    def hessian(self) -> Expr:
        """The matrix of the action in vec order; for a scalar variable the shape of the gradient.

        >>> from symcalc import derive
        >>> print(derive("x'*A*x", "x").second().hessian)
        A + A'
        """
        plain = map_matrix(self.action, self.second, self.rules)
        if self.symmetric == "entries":
            plain = self._by_entries(plain)
        return self._known(simplify(plain, self.rules, self.function, stacks=True))

    def _by_entries(self, matrix: Expr) -> Expr:
        """Write the Hessian by the free entries of symmetric variables: `D'*H*D`."""
        algebra = self.rules.algebra
        left, right = (duplicates(v, algebra) for v in self.variables)
        if left is not None:
            matrix = algebra.times(algebra.transpose(left), matrix)
        return matrix if right is None else algebra.times(matrix, right)

    @property
    def is_symmetric(self) -> bool:
        """Whether the Hessian is a symmetric matrix: it is where both variables are the same."""
        return self.variables[0] is self.variables[1]

    @cached_property
    def structure(self) -> str:
        """What kind of matrix the Hessian is, for arrays of any size.

        It is zero, scalar, diagonal, kronecker, kronecker times commutation, block diagonal,
        diagonal plus low rank, or dense.
        """
        return structure(self.hessian, self.variables[1].shape)

    def structured(self, /, **arrays: Any) -> StructuredHessian:
        """Return the Hessian at these arrays as an object: `product`, `matvec`, `solve`, `dense`.

        It holds the factors or blocks of its structure and forms the matrix only for `dense`; what
        is dense is of low rank where the arrays have few rows. Raises `EvaluationError` for arrays
        that do not fit, and for a derivative by a scalar.

        >>> import numpy as np
        >>> from symcalc import derive
        >>> s = derive("||M .* (T - U*V')||_F^2", "U").second()
        >>> U, V, T, M = (np.ones(shape) for shape in ((3, 2), (4, 2), (3, 4), (3, 4)))
        >>> h = s.structured(U=U, V=V, T=T, M=M)
        >>> h.structure, h.blocks.shape
        ('block diagonal', (3, 2, 2))
        """
        found: StructuredHessian = self._structures(arrays)
        return found

    @cached_property
    def _structures(self) -> Any:
        return structure_at.StructureMaker(self)

    @property
    def blocks(self) -> tuple[Expr, ...]:
        """The factors of a Hessian `kron(A, B)`, coefficient in the first; else the Hessian alone.

        >>> from symcalc import derive
        >>> print(*derive("||T - U*V'||_F^2", "U").second().blocks)
        2*V'*V I
        """
        factor, inner = _unscaled(self.hessian)
        if inner.op.name != "kron":
            return (self.hessian,)
        left, right = inner.args
        algebra = self.rules.algebra
        first = left if factor is None else simplify(algebra.times(factor, left), self.rules)
        return tuple(self._known(part) for part in (first, right))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The derivation of the second differential from the gradient."""
        return second_steps(self)

    def latex(self, steps: bool = False) -> str:
        """Return the bilinear form as LaTeX, or the derivation as an `aligned` environment."""
        if steps:
            return steps_lines_latex(self.steps, "\\nabla f")
        return f"\\mathrm{{d}}^2 f = {self.bilinear.latex()}"

    def text(self, steps: bool = False, pretty: bool = False) -> str:
        """Return the forms, or the whole derivation, as text."""
        return steps_lines_text(self.steps, pretty) if steps else str(self)

    def code(
        self,
        target: str = "numpy",
        form: str = "hessian",
        sizes: Mapping[str, int] | None = None,
    ) -> str:
        """Return a standalone function: the Hessian matrix, the `action` or the `bilinear` form.

        The directions are arguments of the function; `sizes` are about what the dimensions will be,
        for the order of products. Raises `EvaluationError` for an unknown form.
        """
        outputs, arguments, summary = self._request(form)
        return str(codegen.generate(outputs, arguments, form, summary, self.rules, target, sizes))

    def _request(self, form: str) -> tuple[dict[str, Expr], list[Expr], str]:
        """Return what is computed of which arguments, and a line that says it."""
        if form not in ("hessian", "action", "bilinear"):
            raise EvaluationError(f"the form is hessian, action or bilinear, not {form!r}")
        e: Expr = getattr(self, form)
        known = {**self.scope, **{v.name: v for v in (self.first, self.second, *e.variables)}}
        used = [*e.variables, *(() if form != "hessian" else self.variables)]
        used = with_sizes(e, used, known.values())
        arguments = [v for v in known.values() if v in used]
        names = " and ".join(dict.fromkeys(v.name for v in self.variables))
        return {form: e}, arguments, f"The {form} of {self.function} by {names}: {e}"

    def compile(
        self,
        target: str | None = None,
        form: str = "hessian",
        sizes: Mapping[str, int] | None = None,
    ) -> Callable[..., Any]:
        """Return the function that `code` prints, its source in `.source`.

        Without a target it is chosen, and arguments are checked, as `Derivation.compile` says.
        """
        outputs, arguments, summary = self._request(form)
        made: Callable[..., Any] = specialise.function_of(
            outputs, arguments, form, summary, self.rules, target, sizes
        )
        return made

    def verify(
        self,
        sizes: Mapping[str, int] | None = None,
        seed: int = 0,
        against: tuple[str, ...] = ("differences",),
    ) -> Verification:
        """Compare action, bilinear form and Hessian with second differences or automatic ones.

        `against` names `"differences"`, `"jax"`, `"torch"`.
        """
        found: Verification = verify_second.verify_second(self, dict(sizes or {}), seed, against)
        return found

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        names = ", ".join(v.name for v in self.variables)
        return (
            f"d2f[{self.first}, {self.second}] by {names}\n"
            f"  bilinear: {self.bilinear}\n  action:   {self.second} -> {self.action}"
        )

    def _known(self, e: Expr) -> Expr:
        both = {v.name: v for v in (*e.variables, self.first, self.second)}
        return in_scope(e, {**self.scope, **both})


def map_matrix(e: Expr, h: Expr, book: Rulebook) -> Expr:
    """Return the matrix of a linear map; of a map from the scalars, its value at 1."""
    if h.shape == SCALAR:
        return substitute([e], {h: book.algebra.number(1)})[0]
    split = split_linear(e, h, book)
    if split is not e:  # a row may fit each of the terms, as for `diag(A*diag(h)*B)`
        n = normalizer(book)
        rewritten = n.canonical(split)
        split = rewritten if n.fired else split
    return vec.linear_matrix(split, h, book)


def structure(e: Expr, variable: Shape) -> str:
    """Name the structure of a Hessian by a variable of a shape."""
    if e.shape == SCALAR:
        return "scalar"
    if e.op.role == "zeros":
        return "zero"
    plan = late.structure.Structures(e, variable, {}).plan()
    return late.structured.Dense.structure if plan is None else plan.structure


def _unscaled(e: Expr) -> tuple[Expr | None, Expr]:
    return (e.args[0], e.args[1]) if e.op.role == "scale" else (None, e)
