"""Is my hand-derived gradient right? An answer against the derivative: a verdict, and what is off.

Equality is proven by simplification or seen at random points; whatever else is said of a wrong
answer (transposed, off by a factor, not symmetrised) is seen at random points of the domain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.derivation import Derivation
from symcalc.derive import derive
from symcalc.differential import direction
from symcalc.errors import ParseError, ShapeError
from symcalc.expr import Expr
from symcalc.late import compare, difflib, evaluate, judge, verdict
from symcalc.project import PROJECTIONS, project
from symcalc.reader import read
from symcalc.rulebook import Rulebook
from symcalc.show import declaration
from symcalc.simplify import simplify

if TYPE_CHECKING:
    from symcalc.compare import Samples, Terms


class Verdict(StrEnum):
    """What an answer is."""

    PROVEN = "proven"
    EQUAL = "equal"
    TRANSPOSED = "transposed"
    FACTOR = "factor"
    CONVENTION = "other convention"
    UNSYMMETRISED = "unsymmetrised"
    SHAPE = "wrong shape"
    WRONG = "wrong"


@dataclass(frozen=True)
class Counterexample:
    """A point where the answer is wrong: the arrays by name, the right value, the answer's."""

    point: Mapping[str, Any]
    expected: Any
    answer: Any

    def as_lists(self) -> dict[str, Any]:
        """Return the same with lists for arrays, as JSON wants it; None for what is not finite."""
        return {
            "point": {name: _as_lists(array) for name, array in self.point.items()},
            "expected": _as_lists(self.expected),
            "answer": _as_lists(self.answer),
        }


@dataclass(frozen=True)
class Check:
    """The outcome of `check`; it is true exactly when the answer is right.

    `verdict` is one of `Verdict`, `expected` the gradient (or differential, or Jacobian: `kind`),
    `factor` the c of an answer that is c times too large, `turned` whether the answer is compared
    after a transposition, `difference` is answer - expected and `terms` what is off term by term.
    `str` of it is a message that says what to mend.
    """

    verdict: Verdict
    derivation: Derivation = field(repr=False)
    kind: str
    expected: Expr
    answer: Expr | None
    factor: Expr | None = None
    turned: bool = False
    difference: Expr | None = None
    terms: Terms | None = None
    counterexample: Counterexample | None = None
    points: int = 0
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.verdict in (Verdict.PROVEN, Verdict.EQUAL)

    def __str__(self) -> str:
        return str(verdict.describe(self))


def _as_lists(value: Any) -> Any:
    array = np.asarray(value)
    listed = array.astype(object)
    listed[~np.isfinite(array)] = None
    return listed.tolist()


def check(
    f: str | Expr,
    wrt: str | Expr,
    answer: str | Expr,
    where: Mapping[str, str] | str | None = None,
    *,
    layout: str = "denominator",
    symmetric: str = "space",
    rules: Rulebook | None = None,
    seed: int = 0,
) -> Check:
    """Say whether `answer` is the derivative of `f` by `wrt`, and if not, what is off.

    The answer is text, LaTeX or an expression; its names have the shapes that they have in `f`.
    It is compared with the gradient of a scalar function, with the differential if it contains
    `dX`, with the Jacobian of any other function. Raises what `derive` raises, and `ParseError`
    for an answer that cannot be read or uses other names than the function.

    >>> print(check("||A*X - B||_F^2", "X", "A'*(A*X - B)").verdict)
    factor
    >>> bool(check("x'*A*x", "x", "A*x + A'*x"))
    True
    """
    d = derive(f, wrt, where=where, rules=rules, layout=layout, symmetric=symmetric)
    try:
        given = _read(answer, d)
    except ShapeError as error:
        kind, expected = _expected(d, str(answer))
        notes = (*str(error).splitlines(), *_misspelt(str(answer), d))
        return Check(Verdict.SHAPE, d, kind, expected, None, notes=notes)
    kind, expected = _expected(d, str(given))
    return _judged(Check(Verdict.WRONG, d, kind, expected, given), given, seed)


def _read(answer: str | Expr, d: Derivation) -> Expr:
    """Read an answer with the declarations of the function."""
    h = direction(d.variable)
    known = dict(d.scope) if d.rules.find(h.name) else {h.name: h, **d.scope}
    if isinstance(answer, Expr):
        if all(known.get(v.name) is v for v in answer.variables):
            return answer
        answer = str(answer)
    declared = {name: declaration(symbol) for name, symbol in known.items()}
    shape = d.result.shape if d.function.is_scalar else None
    reading = read(answer, declared, d.rules, shape)
    strange = [name for name in reading.scope if name not in known]
    if strange:
        near = difflib.get_close_matches(strange[0], known, 1, 0) or ["X"]
        near = [n for n in known if n.lower() == strange[0].lower()] or near
        raise ParseError(
            f"the answer uses `{strange[0]}`, which the function does not have: did you mean "
            f"`{near[0]}`? Otherwise declare it in `where`"
        )
    return reading.expr


def _misspelt(answer: str, d: Derivation) -> list[str]:
    """Point at names that the function writes with the other case."""
    names = dict.fromkeys(re.findall(r"[^\W\d]\w*", answer))
    return [
        f"the function has no `{name}`: did you mean `{name.swapcase()}`?"
        for name in names
        if name not in d.scope and name.swapcase() in d.scope
    ]


def _expected(d: Derivation, answer: str) -> tuple[str, Expr]:
    """Return what an answer stands for, and the right one."""
    h = direction(d.variable).name
    if h not in d.scope and re.search(rf"\b{h}\b", answer):
        return "differential", d.differential
    return ("gradient", d.gradient) if d.function.is_scalar else ("Jacobian", d.jacobian)


def _judged(found: Check, answer: Expr, seed: int) -> Check:
    algebra, wanted = found.derivation.rules.algebra, found.expected
    if answer.shape == wanted.shape:
        if compare.same_form(answer, wanted, found.derivation.rules):
            return replace(found, verdict=Verdict.PROVEN)
        return _measured(found, answer, algebra.transpose(answer), seed)
    if answer.shape == wanted.shape[::-1]:
        return _measured(found, algebra.transpose(answer), None, seed)
    return replace(found, verdict=Verdict.SHAPE)


def _measured(found: Check, answer: Expr, turned: Expr | None, seed: int) -> Check:
    """Judge an answer in the right shape by numbers; `turned` is its transpose if that fits too."""
    wanted = found.expected
    samples = compare.Samples(found.derivation, wanted, answer, seed)
    found = replace(found, points=len(samples.all), turned=turned is None)
    if samples.agree(answer, wanted):
        return replace(found, verdict=Verdict.TRANSPOSED if turned is None else Verdict.EQUAL)
    if turned is not None and turned.shape == wanted.shape and samples.agree(turned, wanted):
        return replace(found, verdict=Verdict.TRANSPOSED, turned=True)
    structured = _structured(found, answer, samples)
    return _scaled(found, answer, turned, samples) if structured is None else structured


def _structured(found: Check, answer: Expr, samples: Samples) -> Check | None:
    """Recognise the other reading of a structured variable."""
    d = found.derivation
    if found.kind != "gradient" or not d.variable.attributes & set(PROJECTIONS):
        return None
    other = replace(d, symmetric="space" if d.symmetric == "entries" else "entries")
    if samples.agree(answer, other.gradient):
        return replace(found, verdict=Verdict.CONVENTION)
    if samples.agree(_projected(answer, d), found.expected):
        return replace(found, verdict=Verdict.UNSYMMETRISED)
    return None


def _projected(answer: Expr, d: Derivation) -> Expr:
    turn = d.rules.algebra.transpose
    if d.layout == "numerator":
        return turn(project(turn(answer), d.variable, d.symmetric, d.rules))
    return project(answer, d.variable, d.symmetric, d.rules)


def _scaled(found: Check, answer: Expr, turned: Expr | None, samples: Samples) -> Check:
    """Recognise a constant factor; otherwise say what is wrong, and where."""
    factor = samples.factor(answer, found.expected)
    if factor is not None:
        return replace(found, verdict=Verdict.FACTOR, factor=factor)
    if turned is not None and turned.shape == found.expected.shape:
        factor = samples.factor(turned, found.expected)
        if factor is not None:
            return replace(found, verdict=Verdict.FACTOR, factor=factor, turned=True)
    return _wrong(found, answer, samples)


def _wrong(found: Check, answer: Expr, samples: Samples) -> Check:
    book = found.derivation.rules
    notes = tuple(
        f"it would be right if {v.name} were symmetric: declare {v.name}: symmetric matrix"
        f"({v.shape[0]}), or keep the transposes"
        for v in samples.symmetric_would_do()
    )
    return replace(
        found,
        difference=simplify(answer - found.expected, book, found.derivation.function),
        terms=compare.compared_terms(answer, found.expected, book),
        counterexample=_counterexample(found, answer, samples),
        notes=notes,
    )


def _counterexample(found: Check, answer: Expr, samples: Samples) -> Counterexample:
    sample = samples.counterexample()
    roots = [found.expected, answer]
    right, got = judge.values_of(roots, sample.point, sample.sizes)
    used = {*found.expected.variables, *answer.variables}
    point = {v.name: evaluate.outward(a, v) for v, a in sample.point.items() if v in used}
    return Counterexample(point, evaluate.outward(right, roots[0]), evaluate.outward(got, roots[1]))
