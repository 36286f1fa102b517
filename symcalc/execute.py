"""The instructions of the parser, executed on a stack of expressions: what names and signs mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from symcalc import norms, rowwise
from symcalc.blocks import blocks, places
from symcalc.calls import says_entrywise
from symcalc.declare import Declaration, default_kind
from symcalc.errors import ParseError, ShapeError, caret
from symcalc.expr import Expr
from symcalc.factors import is_zero
from symcalc.infix import INFIX, beside_at
from symcalc.op import Op
from symcalc.postfix import Item
from symcalc.scope import Scope, Vocabulary
from symcalc.shape import SCALAR, Dim, dim_names, parse_dim

if TYPE_CHECKING:
    from symcalc.indices import Indices
MAX_EXPONENT = 1000


class OpenSum(list[Expr]):
    """The terms of a sum that may go on."""


class Machine:
    """The stack and the scope of one formula; a subclass hands it the instructions."""

    def __init__(
        self,
        text: str,
        declared: Mapping[str, Declaration],
        vocabulary: Vocabulary,
        vectors: Iterable[str] = (),
        numbers: Iterable[str] = (),
        tight: bool = False,
    ) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.vectors = set(vectors)  # what is a scalar by default and does not fit as one
        self.numbers = set(numbers)  # what is none by default, and stands in a divisor
        self.tight = tight  # whether a product without a sign binds before `∘` and `⊗`
        self.items: list[Item] = []
        self.indices: Indices | None = None
        self.scope = Scope(text, declared, vocabulary)
        self.unifier = self.scope.unifier
        self.algebra = self.scope.algebra
        self.stack: list[Expr | OpenSum] = []
        self.sizes: list[Dim] = []
        self.of_entries: list[Expr] = []  # calls that may be taken for functions of a matrix
        self.arrays = False  # whether the text is code of an array library
        self.typed = False  # whether it is neither that nor LaTeX
        self.contracts = False  # whether `@` stands in it, if so

    def _do_number(self, item: Item) -> None:
        _, _, exponent = item.value.lower().partition("e")
        if abs(int(exponent or 0)) > MAX_EXPONENT:
            raise ParseError(caret(self.text, item.at, "this number is too large"))
        whole = item.value.isdecimal()
        value = int(item.value) if whole else Fraction(item.value)
        self.stack.append(self.algebra.number(value))

    def _do_name(self, item: Item) -> None:
        found = self.indices.entry(item) if self.indices else None
        if found is None:
            found = self.scope.variable(item.value, item.at, self._apply_constant)
        self.stack.append(found)

    def _do_entries(self, item: Item) -> None:
        assert self.indices is not None
        self.stack.append(self.indices.part(item, *self._pop(1)))

    def _do_binder(self, item: Item) -> None:
        assert self.indices is not None
        self.stack.append(self.indices.over(item, *self._pop(1)))

    def _apply_constant(self, op: Op) -> Expr:
        return self._apply(op, [])

    def _do_literal(self, item: Item) -> None:
        self.stack.append(self.algebra.symbol(item.value, SCALAR))

    def _do_size(self, item: Item) -> None:
        if not item.value:
            raise ParseError(caret(self.text, item.at, "a size was expected"))
        self.sizes.append(parse_dim(item.value))

    def _do_bare(self, item: Item) -> None:
        self._do_call(item)

    def _do_call(self, item: Item) -> None:
        function = self.scope.function(item.value)
        if function is not None:
            return self._apply_unspecified(item, function)
        if item.value.endswith("'"):
            message = f"`{item.value}`: a prime before the bracket is for declared functions only"
            raise ParseError(caret(self.text, item.at, message))
        sizes = [self.sizes.pop() for _ in range(len(self.sizes))][::-1]
        count = item.count - len(sizes)
        args = self._pop(count)
        op, args = self._choose(item, args)
        for name, size in zip(op.dims, sizes, strict=False):
            if size == 0 and name not in op.column("index", ()):
                raise ParseError(caret(self.text, item.at, "a dimension is at least 1"))
        if op.column("show") == "sizes":
            sizes += [1] * (len(op.dims) - len(sizes))
        if op.column("several") and all(arg.is_scalar for arg in args):
            message = f"`{item.value}` of a number: declare what is a vector"
            raise ShapeError(caret(self.text, item.at, message))
        made = self._apply(op, args, sizes)
        if op.column("of_matrix") and not says_entrywise(item, self.text):
            self.of_entries.append(made)
        self.stack.append(made)
        return None

    def _apply_unspecified(self, item: Item, function: Expr) -> None:
        """Apply a declared function or its derivative, `phi(x)` or `phi'(x)`, to every entry."""
        if item.count != 1:
            message = f"`{item.value}` is a function of one argument, got {item.count}"
            raise ParseError(caret(self.text, item.at, message))
        for _ in range(item.value.count("'")):
            function = self.algebra.call("derivative", function)
        self.stack.append(self.algebra.call("apply", function, *self._pop(1)))

    def _choose(self, item: Item, args: list[Expr]) -> tuple[Op, list[Expr]]:
        """Pick the row by name, `sum(A, 0)` by its literal, `diag` by vector or matrix; return it
        with the arguments but for the literal."""
        found: list[Op] = []
        if len(args) > 1 and args[-1].op.role in ("number", "symbol"):
            found = self.vocabulary.find(f"{item.value} {args[-1]}")
            if not found and self._is_axis(item, args):
                message = f"`{args[-1]}` is no axis: they are counted from 0, `{item.value}(A, 0)`"
                raise ParseError(caret(self.text, item.at, message))
        if not found and not self.vocabulary.find(item.value) and default_kind(item.value):
            self.algebra.notes.append(f"`{item.value}(.)` is the function, not a product")
        args = args[:-1] if found else args
        found = found or self.vocabulary.find(item.value) or self.vocabulary.called(item.value)
        return self.vocabulary.choose(found, args), args

    def _is_axis(self, item: Item, args: list[Expr]) -> bool:
        """Whether the last argument can only be an axis, as in `sum(A, 2)`."""
        rows = self.vocabulary.find(item.value)
        fits = any(op.variadic or len(op.slots) == len(args) for op in rows)
        return bool(self.vocabulary.find(f"{item.value} 0")) and not fits

    def _apply(self, op: Op, args: list[Expr], sizes: list[Dim] | None = None) -> Expr:
        if op.column("broadcast"):
            args = self._broadcast(args)
        if op.column("macro"):
            op.bind([arg.shape for arg in args], sizes or [], self.unifier)
            return self.vocabulary.expand(op, args, self.algebra)
        return self.algebra.build(op, args, sizes or [])

    def _broadcast(self, args: list[Expr]) -> list[Expr]:
        """Let a scalar beside a vector or matrix stand for each entry: `max(0, x)`."""
        shape = next((arg.shape for arg in args if not arg.is_scalar), SCALAR)
        ones, zeros = self.algebra.ones(shape), self.algebra.zeros(shape)
        return [
            arg if not arg.is_scalar else zeros if is_zero(arg) else self.algebra.times(arg, ones)
            for arg in args
        ]

    def _do_index(self, item: Item) -> None:
        (a,) = self._pop(1)
        sizes = places(a, item.value, self.scope.table)
        self.scope.written |= {name for size in sizes for name in dim_names(size)}
        self.stack.append(self.algebra.call("submatrix", a, dims=sizes))

    def _do_block(self, item: Item) -> None:
        cells = iter(self._pop(item.count))
        rows = [[next(cells) for _ in row.split(",")] for row in item.marks.split(";")]
        self.stack.append(blocks(rows, self.algebra, self.unifier))

    def _pop(self, count: int) -> list[Expr]:
        start = len(self.stack) - count
        taken = [a if isinstance(a, Expr) else self.algebra.sum_of(*a) for a in self.stack[start:]]
        del self.stack[start:]
        return taken

    def _do_prefix(self, item: Item) -> None:
        (a,) = self._pop(1)
        if item.value == "inverse":
            self.stack.append(self.algebra.power(a, self.algebra.number(-1)))
        else:
            self.stack.append(self.algebra.negate(a) if item.value == "-" else a)

    def _do_postfix(self, item: Item) -> None:
        (a,) = self._pop(1)
        self.stack.append(self.algebra.transpose(a))

    def _do_group(self, item: Item) -> None:
        self.stack.append(*self._pop(1))

    def _do_bars(self, item: Item) -> None:
        (a,) = self._pop(1)
        if a.shape[1] == 1 and not a.is_scalar:
            message = "bars of a vector: write ||x|| for its norm, abs(x) for its entries"
            raise ParseError(caret(self.text, item.at, message))
        self.stack.append(self.algebra.call("abs" if a.is_scalar else "det", a))

    def _do_norm(self, item: Item) -> None:
        (a,) = self._pop(1)
        name = item.value
        if self.indices is not None:
            self.indices.check_norm(a)
        if name == "2" and 1 not in a.shape:
            self.algebra.notes.append(norms.FROBENIUS)
        if name in norms.NAMED:
            return self.stack.append(self.algebra.call(norms.NAMED[name], a))
        found, args = self.vocabulary.find(f"norm {name}"), [a]
        if not found:
            args.append(norms.subscript(item, a, self.scope, self._apply_constant, self.text))
            rows = self.vocabulary.find(f"norm {item.marks}" if item.marks else "norm")
            found = [self.vocabulary.choose(rows, args)]
        return self.stack.append(self._apply(found[0], args))

    def _do_infix(self, item: Item) -> None:
        if item.value in "+-":
            return self._add(item)
        a, b = self._pop(2)
        self._check_flat(item, a, b)
        sign = self._sign(item, a, b) if self.contracts else item.value
        if sign == "/" and self._divides(a, b):
            self.algebra.notes.append("`A/B` is A*inv(B), as in MATLAB")
            return self.stack.append(
                self.algebra.times(a, self.algebra.power(b, self.algebra.number(-1)))
            )
        if self.arrays and item.value in rowwise.SIGNS:
            a, b = self._in_rows(a, b), self._in_rows(b, a)
        self.stack.append(INFIX[sign](self.algebra, a, b))
        return None

    def _sign(self, item: Item, a: Expr, b: Expr) -> str:
        """Return what an operator beside `@` means."""
        power = item.value == "^" and self.text[item.at : item.at + 2] == "**"
        spelled = "**" if power else item.value if self.text[item.at] in "*/" else ""
        sign = beside_at(spelled, a, b)
        if sign == spelled:
            return str(item.value)
        self.algebra.notes.append(
            f"`{spelled}` of vectors beside `@` is of the entries, as in NumPy"
        )
        return sign

    def _divides(self, a: Expr, b: Expr) -> bool:
        """Whether a matrix stands over one that is declared: `X/N` may be over a number."""
        known = {v.name for v in b.variables} <= {*self.scope.declared}
        return known and self.typed and 1 not in b.shape and not a.is_scalar

    def _check_flat(self, item: Item, a: Expr, b: Expr) -> None:
        """Raise `ParseError` for `x @ x.T`, which is a number for arrays of one dimension."""
        outer = a.shape[1] == 1 and b.shape[0] == 1 and not (a.is_scalar or b.is_scalar)
        if outer and item.value == "@" and (".T" in self.text or ".t()" in self.text):
            message = "`x @ y.T` of 1-D arrays is x'*y, of columns x*y': write what is meant"
            raise ParseError(caret(self.text, item.at, message))

    def _add(self, item: Item) -> None:
        """Continue the chain `a + b - c` on top of the stack: a chain becomes one node."""
        (b,) = self._pop(1)
        chain = self.stack.pop()
        if isinstance(chain, Expr):
            chain = OpenSum([chain])
        if self.arrays:
            chain[:] = [self._in_rows(term, b) for term in chain]
            b = self._in_rows(b, chain[0])
        chain.append(self.algebra.negate(b) if item.value == "-" else b)
        rowwise.check_sum(self.algebra, chain[0], b)
        self.stack.append(chain)

    def _in_rows(self, e: Expr, beside: Expr) -> Expr:
        return rowwise.in_every_row(self.algebra, e, beside)
