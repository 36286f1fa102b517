"""The strategy: normal form, back to an expression, then the shortest way to write it."""

from __future__ import annotations

from symcalc.collector import uncollected
from symcalc.expand import collects, ways_out
from symcalc.expr import Expr
from symcalc.factors import untransposed
from symcalc.graph import postorder
from symcalc.normal import Normalizer
from symcalc.op import Rewrite
from symcalc.present import Presenter
from symcalc.rewrite import Rule, Rules
from symcalc.rulebook import Rulebook

INSIDE_PRODUCTS = frozenset({"product", "hadamard", "scale"})
MAX_NODES = 80  # of a formula that is multiplied out as a trial
MULTIPLIED_SAVING = 3
MULTIPLIED_GROWTH = 7  # nodes of a trial over the length of the formula: what is longer never wins
MAX_ROUNDS = 5  # a regrouped sum may be written still shorter; the rounds end at a fixed point


def rules_of(book: Rulebook) -> Rules:
    """Compile the rewrite rows of a rulebook, once: canonical left sides, and their transposes."""
    if "rules" not in book.cache:
        plain = Normalizer(book)
        compiled = []
        for row in book.stage("simplify"):
            compiled += _compile(plain, row)
        book.cache["rules"] = Rules(compiled)
    rules: Rules = book.cache["rules"]
    return rules


def _compile(plain: Normalizer, row: Rewrite) -> list[Rule]:
    lhs, rhs = plain.canonical(row.lhs), row.rhs
    if lhs.op.role == "transpose":
        lhs, rhs = lhs.args[0], plain.algebra.transpose(rhs)
    found = [Rule(row, lhs, rhs)]
    if lhs.op.role == "product":
        turned = plain.canonical(plain.algebra.transpose(lhs))
        symmetry = turned is plain.canonical(row.rhs)  # `A*B` is symmetric: used in one direction
        if turned is not lhs and turned.op.role == "product" and not symmetry:
            found.append(Rule(row, turned, plain.algebra.transpose(row.rhs)))
    return found


def normalizer(book: Rulebook) -> Normalizer:
    """Return a fresh normalizer with all the rows."""
    return Normalizer(book, rules_of(book))


@uncollected
def simplify(
    e: Expr,
    book: Rulebook,
    like: Expr | None = None,
    n: Normalizer | None = None,
    stacks: bool = False,
) -> Expr:
    """Return the shortest form of `e` that the rules reach. The value never changes.

    Sums that occur in `like` are written as they stand there: `(x - mu)` stays `(x - mu)`. A
    normalizer `n` that has seen parts of `e` before saves their work. A matrix that is not to be
    differentiated again `stacks`: sums of embedded blocks become one stack.
    """
    n = n or normalizer(book)
    found = _or_multiplied_out(_settled(e, like, n, stacks), like, n, stacks)
    if not n.joined:
        return found
    other = _settled(found, like, normalizer(book), stacks)  # read anew, more may cancel
    return other if n.length(other) < n.length(found) else found


def _settled(e: Expr, like: Expr | None, n: Normalizer, stacks: bool) -> Expr:
    """Return a fixed point of normal form and presentation."""
    seen = None
    for _ in range(MAX_ROUNDS):
        canonical = n.canonical(e)
        if canonical is seen:
            break
        presenter, seen = Presenter(n, like, stacks), canonical
        before, e = e, presenter.present(canonical)
        if e in (before, canonical) or (like is not None and not presenter.regrouped):
            break
        if n.cut:  # read again, a long product is cut at other places: there is no fixed point
            break
    return e


def _or_multiplied_out(e: Expr, like: Expr | None, n: Normalizer, stacks: bool) -> Expr:
    """Return `X'*(s - y)` for `X'*(s .* (1 - y) - y .* (1 - s))`: terms that cancel once multiplied
    out. A formula whose sums share no factor, or that is long, stays as it is."""
    if not e.marks & n.algebra.role["sum"].mark:
        return e
    nodes = postorder([e])
    inside = [node for node in nodes if node.op.role in INSIDE_PRODUCTS and _has_sum(node)]
    if len(nodes) > MAX_NODES or len(inside) < 2:
        return e
    if not collects(e, n):
        return e
    bound = MULTIPLIED_GROWTH * n.length(e)
    ways = [way for way in dict.fromkeys(ways_out(e, n)) if way.size <= bound]
    written = [Presenter(n, like, stacks).present(way) for way in ways]
    other = min(written, key=n.length, default=e)
    return other if n.length(other) + MULTIPLIED_SAVING <= n.length(e) else e


def _has_sum(e: Expr) -> bool:
    """Whether a sum stands in a product with more than a number."""
    a, b = e.args
    return a.op.role != "number" and "sum" in (untransposed(a).op.role, untransposed(b).op.role)


def unfold(e: Expr, book: Rulebook, n: Normalizer | None = None) -> tuple[Expr, list[str]]:
    """Apply the rewrite rows to a function to be differentiated; return it and the rows used.

    A function that no row touches is returned as the user wrote it, if it is not 0.
    """
    n = n or normalizer(book)
    poly = n.normal(e)
    if not n.fired and poly.terms:
        return e, []
    return Presenter(n, e).present(n.build(poly)), list(dict.fromkeys(n.fired))
