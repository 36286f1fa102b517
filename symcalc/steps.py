"""The derivation as a person would write it, which is the one the engine did.

Each step is an equality of two expressions under a named rule. `differential(A)` stands for a
differential that is not worked out yet; `verify` gives it a value by finite differences, so every
step can be checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symcalc.adjoint import gradients
from symcalc.declare import shortest_attributes
from symcalc.differential import dependents, direction, local_differential, rule
from symcalc.expr import Expr, node, substitute
from symcalc.graph import postorder
from symcalc.linear import split_linear
from symcalc.op import Op
from symcalc.poly import Poly
from symcalc.present import Presenter
from symcalc.project import PROJECTIONS
from symcalc.rows import REFUSAL
from symcalc.rulebook import Rulebook
from symcalc.shape import SCALAR
from symcalc.simplify import normalizer, unfold

if TYPE_CHECKING:
    from symcalc.derivation import Derivation
    from symcalc.second import SecondDifferential

STRUCTURE = {"sum", "product", "scale", "transpose", "hadamard"}
MAX_ROUNDS = 60
EQUAL, INNER, SECOND = "equal", "inner product", "second differential"


@dataclass(frozen=True)
class Step:
    """An equality under a rule: `before = after`, by `rule`, which `source` states.

    `relation` is `"equal"`, or `"inner product"` where the step reads a gradient off: then
    `before` is `df` (or a gradient) and `after` the G with `df = sum(G .* dX)`.
    """

    before: Expr
    after: Expr
    rule: str
    source: str
    relation: str = EQUAL

    def __str__(self) -> str:
        return f"{self.before.pretty()} = {self.after.pretty()}   [{self.rule}]"


def derivation_steps(d: Derivation) -> tuple[Step, ...]:
    """Return the steps from the function to its gradient (or to its differential)."""
    book = d.rules
    function, fired = unfold(d.function, book)
    steps = []
    if function is not d.function:
        steps.append(Step(d.function, function, *_why(book, fired)))
    h = direction(d.variable)
    steps += _push(function, d.variable, h, book)
    last = steps[-1].after if steps else function
    if not d.function.is_scalar:
        return (*steps, *_equal(last, d.differential, "collected", "matrix algebra"))
    return (*steps, *_trace_form(d, last, h))


def _equal(before: Expr, after: Expr, rule: str, source: str) -> list[Step]:
    return [] if before is after else [Step(before, after, rule, source)]


def _why(book: Rulebook, fired: list[str]) -> tuple[str, str]:
    """Return the names and reasons of rewrite rows."""
    rows = [row for row in book.rewrites if row.name in fired]
    names = ", ".join(row.name.replace("-", " ") for row in rows)
    return names or "matrix algebra", "; ".join(dict.fromkeys(row.why for row in rows)) or "algebra"


# -- the differential, from the outside in ------------------------------------------------------


def _push(function: Expr, variable: Expr, h: Expr, book: Rulebook) -> list[Step]:
    """Work `d(f)` out from the outside: a layer of functions, then the products and sums inside."""
    moving = dependents(postorder([function]), {variable: h})
    if function is variable:
        return [
            Step(_pending(book, function), h, "d of the variable", "definition of the differential")
        ]
    if function not in moving:
        start = _pending(book, function)
        zero = book.algebra.zeros(function.shape)
        return [Step(start, zero, "d(constant) = 0", "definition of the differential")]
    d = {e: _pending(book, e) for e in moving} | {variable: h}
    current = d[function]
    steps: list[Step] = []
    for _ in range(MAX_ROUNDS):
        open_ = _frontier(current, book)
        if not open_:
            return steps
        expanded, used = _expand(current, open_, d, book)
        steps.append(Step(current, expanded, *_labels(book, used)))
        current = expanded
    return [*steps, *_finish(current, d, book)]


def _pending(book: Rulebook, e: Expr) -> Expr:
    return node(book.algebra.role["differential"], (e,), e.shape)


def _frontier(e: Expr, book: Rulebook) -> list[Expr]:
    role = book.algebra.role["differential"]
    return [n for n in postorder([e], into=lambda n: n.op is not role) if n.op is role]


def _expand(
    current: Expr, open_: list[Expr], d: dict[Expr, Expr], book: Rulebook
) -> tuple[Expr, list[Expr]]:
    """Expand the functions at the frontier; where there are none, all sums and products there."""
    functions = [p for p in open_ if p.args[0].op.role not in STRUCTURE]
    todo = functions or open_
    used: list[Expr] = []
    while todo:
        used += [p.args[0] for p in todo]
        bodies = {p: local_differential(p.args[0], _below(p.args[0], d), book) for p in todo}
        (current,) = substitute([current], bodies)
        rest = [] if functions else _frontier(current, book)
        todo = [p for p in rest if p.args[0].op.role in STRUCTURE]
    return current, used


def _below(e: Expr, d: dict[Expr, Expr]) -> dict[Expr, Expr]:
    return {arg: d[arg] for arg in (*e.args, *e.parameters) if arg in d}


def _finish(current: Expr, d: dict[Expr, Expr], book: Rulebook) -> list[Step]:
    """Work out what is left in one step: a long chain of functions is not printed by layers."""
    values: dict[Expr, Expr] = {}
    for e in postorder([p.args[0] for p in _frontier(current, book)]):
        if e in d and d[e].op is book.algebra.role["differential"]:
            below = {arg: values.get(arg, part) for arg, part in _below(e, d).items()}
            values[e] = local_differential(e, below, book)
    (done,) = substitute([current], {d[e]: value for e, value in values.items()})
    return [Step(current, done, "the chain rule, for all remaining layers", "chain rule")]


def _labels(book: Rulebook, used: Iterable[Expr]) -> tuple[str, str]:
    variables = list(dict.fromkeys(e for e in used if e.parameters))
    calls = [e for e in used if not e.parameters]
    ops = list(dict.fromkeys(e.op for e in calls))
    rules = [rule_text(book, op, _numbers([e for e in calls if e.op is op])) for op in ops]
    rules += [_chain_rule(book, v) for v in variables]
    sources = [str(op.column("source")) for op in ops] + ["chain rule"] * bool(variables)
    return "; ".join(rules), "; ".join(dict.fromkeys(sources))


def _chain_rule(book: Rulebook, v: Expr) -> str:
    """Return the differential of a variable that depends on scalars: `dK = dK_t*dt`."""
    terms = [f"{book.algebra.partial(v, p)}*d{p}" for p in v.parameters]
    return f"d({v}) = {' + '.join(terms)}"


def _numbers(calls: list[Expr]) -> frozenset[int]:
    """Return the slots in which all calls of an operation have a number."""
    slots = range(min(len(e.args) for e in calls))
    return frozenset(k for k in slots if all(e.args[k].op.role == "number" for e in calls))


def rule_text(book: Rulebook, op: Op, fixed: frozenset[int] = frozenset()) -> str:
    """Return the differential of an operation as its row gives it: `d(A*B) = dA*B + A*dB`; without
    the terms of slots that are `fixed`."""
    key = ("rule text", op, fixed)
    if key not in book.cache:
        book.cache[key] = _rule_text(book, op, frozenset() if op.variadic else fixed)
    return str(book.cache[key])


def _rule_text(book: Rulebook, op: Op, fixed: frozenset[int]) -> str:
    algebra = book.algebra
    slots = [algebra.symbol(s.name, (s.rows, s.cols)) for s in op.slots]
    if op.variadic:
        slots = [slots[0], algebra.symbol("B", slots[0].shape)]
    whole = node(op, tuple(slots), (op.rows, op.cols), op.dims or None)
    terms = []
    rows = [op.column("d", {}).get(op.slot(index).name, "") for index in range(len(slots))]
    if rows and all(row.startswith(REFUSAL) for row in rows):
        return f"{whole}: {rows[0].removeprefix(REFUSAL)}"
    for index, slot in enumerate(slots):
        left_out = index in fixed or rows[index].startswith(REFUSAL)
        if left_out or (template := rule(book, op, index)) is None:
            continue
        h = algebra.symbol(f"d{slot.name}", slot.shape)
        args = (slot,) if op.variadic else tuple(slots)
        names = [*op.dims, *(dim for s in op.slots for dim in (s.rows, s.cols))]
        dims = {name: name for name in names if isinstance(name, str)}
        terms.append(template(algebra, (*args, h), dims))
    body = str(algebra.sum_of(*terms)) if terms else "0"
    return f"d({whole}) = {body}"


# -- the trace form -----------------------------------------------------------------------------


def _trace_form(d: Derivation, last: Expr, h: Expr) -> list[Step]:
    """Move all off the direction: split, turn each term into `tr(G*dX')`, collect, read off."""
    n = normalizer(d.rules)
    plain = n.normal(gradients(last, {h: None}, d.rules.algebra.number(1), d.rules)[h])
    presenter = Presenter(n, d.function)
    g = presenter.present(n.build(plain))
    steps = []
    split = split_linear(last, h, d.rules)
    if split is not last:
        steps.append(Step(last, split, "linear in each factor", "the trace and the sum are linear"))
        last = split
    turned = _terms_form(presenter, plain, h)
    steps += _equal(last, turned, _moves(last, h, d.rules), "adjoints: tr(G'*L(H)) = tr(L*(G)'*H)")
    whole = pairing(g, h)
    steps += _equal(turned, whole, "collected into one factor", "the trace is linear")
    read = "df = sum(G .* dX), the first identification theorem"
    steps.append(Step(whole, g, read, "Magnus & Neudecker (2019), ch. 9", INNER))
    if g is not d.gradient:
        steps.append(Step(g, d.gradient, _last_rule(d), "structure and layout", INNER))
    return steps


def _last_rule(d: Derivation) -> str:
    structure = [word for word in shortest_attributes(d.variable.attributes) if word in PROJECTIONS]
    projected = f"projected on the {', '.join(structure)} matrices" if structure else ""
    layout = "transposed: numerator layout" if d.layout == "numerator" else ""
    return "; ".join(part for part in (projected, layout) if part) or "simplified"


def pairing(g: Expr, h: Expr) -> Expr:
    """Return `tr(G*dX')`; for a vector `g'*dx`, for a scalar `g*dx`."""
    algebra = g.op.algebra
    if h.shape == SCALAR:
        return algebra.times(g, h)
    if h.shape[1] == 1:
        return algebra.times(algebra.transpose(g), h)
    return algebra.trace(algebra.times(g, algebra.transpose(h)))


def _terms_form(presenter: Presenter, g: Poly, h: Expr) -> Expr:
    """Return one `tr(.*dX')` for each term of the gradient, coefficients before it."""
    algebra = presenter.algebra
    parts = []
    for mono, c in g.terms.items():
        inner = presenter.present(presenter.n.build(Poly(g.shape, {mono._replace(scalars=()): 1})))
        outer = presenter.n.build_term(SCALAR, mono._replace(factors=()), c)
        for base, _ in mono.scalars:
            presenter.present(base)
        parts.append(algebra.times(outer, pairing(inner, h)))
    return algebra.sum_of(*parts) if parts else algebra.number(0)


def _moves(e: Expr, h: Expr, book: Rulebook) -> str:
    """Name the identities that move the operations of `e` off the direction."""
    moving = dependents(postorder([e]), {h: None})
    roles = {n.op.role or n.op.name for n in moving if n is not h}
    named = {"product": "tr(A*B) = tr(B*A)", "transpose": "tr(A) = tr(A')"}
    names = [text for role, text in named.items() if role in roles]
    others = sorted(roles - set(named) - {"trace", "sum", "scale"})
    return ", ".join(names + [f"adjoint of {name}" for name in others]) or "collected"


def second_steps(s: SecondDifferential) -> tuple[Step, ...]:
    """Return the steps from the gradient to the bilinear form."""
    steps = _push(s.gradient, s.variables[1], s.second, s.rules)
    last = steps[-1].after if steps else s.gradient
    steps += _equal(last, s.action, "collected", "matrix algebra")
    read = f"d2f = tr(dG*{s.first}'), dG the differential of the gradient along {s.second}"
    source = "Magnus & Neudecker (2019), ch. 10: second identification theorem"
    return (*steps, Step(s.action, s.bilinear, read, source, SECOND))
