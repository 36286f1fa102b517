"""Functions in other languages: the statements of generated Python, translated by a table.

A language is data: for each operator and function, by the ranks of its arguments, the rank of the
result and how it is written. `"21>1 2 {0:2} * {1:4}"`: a matrix and a vector give a vector, written
at level 2, the arguments in brackets if they are of a level below 2 and 4. Ranks: 0 number,
1 vector, 2 matrix, `d` a matrix that may be stored by its diagonal, `e` any of these (the same
one), `c` a vector as a column, `f` the entries of a matrix. Where no row has a `d`, it is a `2`.
Levels: 1 sum, 2 product, 3 sign, 4 power, 5 atom. What no row says is refused.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from symcalc.errors import EvaluationError

ATOM = 5
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Pow: "**",
    ast.MatMult: "@",
}  # fmt: skip
RANKS = {
    "0": "a number", "1": "a vector", "2": "a matrix", "d": "a matrix", "c": "a column",
    "f": "the entries",
}  # fmt: skip
COMMON: dict[str, list[str]] = {  # rows that Julia and MATLAB share
    "*": [
        "0e>e 2 {0:2} * {1:4}", "e0>e 2 {0:2} * {1:4}", "ee>e 2 {0:2} .* {1:4}",
        "21>2 2 {0:2} .* {1:5}'", "12>2 2 {0:5}' .* {1:4}", "c2>2 2 {0:2} .* {1:4}",
    ],
    "/": ["e0>e 2 {0:2} / {1:4}", "0e>e 2 {0:2} ./ {1:4}", "ee>e 2 {0:2} ./ {1:4}"],
    "**": [
        "00>0 4 {0:5} ^ {1:5}", "e0>e 4 {0:5} .^ {1:5}", "0e>e 4 {0:5} .^ {1:5}",
        "ee>e 4 {0:5} .^ {1:5}",
    ],
    "USub": ["e>e 3 -{0:4}"],
    "T": ["2>2 5 {0:5}'", "e>e 5 {0}"],
    "ravel": ["2>f 5 {0}", "e>e 5 {0}"],
    "[:, None]": ["1>c 5 {0}"],
    "xp.pi": [">0 5 pi"],
    "xp.cumsum": ["10>1 5 cumsum({0})"],
    "xp.diagonal": ["2>1 5 diag({0})"],
    "xp.tril": ["2>2 5 tril({0})"],
    "xp.triu": ["2>2 5 triu({0})"],
    "xp.outer": ["11>2 2 {0:2} * {1:5}'"],
    "xp.kron": ["22>2 5 kron({0}, {1})"],
    "xp.linalg.inv": ["2>2 5 inv({0})"],
    "xp.linalg.pinv": ["2>2 5 pinv({0})"],
    "xp.linalg.det": ["2>0 5 det({0})"],
    "xp.linalg.cross": ["11>1 5 cross({0}, {1})"],
    "xp.linalg.solve": ["21>1 2 {0:5} \\ {1:4}", "22>2 2 {0:5} \\ {1:4}"],
    "k.unvec": ["100>2 5 reshape({0}, {1}, {2})"],
    "k.kron_whole": ["22>2 5 kron({0}, {1})"],
    "k.kron_sum": ["2222>2 1 kron({0}, {1}) + kron({2}, {3})"],
    "k.spd_inverse": ["22>2 2 {1:5}' \\ inv({1})"],
    "k.spd_solve": ["221>1 2 {1:5}' \\ ({1:5} \\ {2:4})", "222>2 2 {1:5}' \\ ({1:5} \\ {2:4})"],
    "k.matrix_power": ["20>2 4 {0:5} ^ {1:5}"],
}  # fmt: skip


def stretched(sign: str) -> list[str]:
    """Return the rows for a number, a column or a row beside all entries of an array."""
    plain = [f"{ranks} 1 {{0:1}} {sign} {{1:2}}" for ranks in ("0e>e", "e0>e", "2c>2", "c2>2")]
    return [*plain, f"21>2 1 {{0:1}} {sign} {{1:5}}'", f"12>2 1 {{0:5}}' {sign} {{1:2}}"]


@dataclass(frozen=True)
class Function:
    """A translated function, ready for the frame of its language."""

    name: str
    arguments: Sequence[str]
    summary: Sequence[str]
    body: Sequence[str]
    results: Sequence[str]
    helpers: Sequence[str]


@dataclass(frozen=True)
class Language:
    """A language: its rows, helper functions, and the frame of a function."""

    name: str
    rows: Mapping[str, Sequence[str]]
    helpers: Mapping[str, str]  # by the name that rows call them by
    keywords: frozenset[str]  # and constants
    size: str  # of an array along an axis
    taken_in: str  # what is done to a vector that is given
    frame: Callable[[Function], str]
    letters: str = r"\w"  # what names are made of

    @cached_property
    def reserved(self) -> frozenset[str]:
        """The names that functions call: a variable of such a name would hide them."""
        said = " ".join([self.size, *(row for rows in self.rows.values() for row in rows)])
        return (
            self.keywords | self.helpers.keys() | frozenset(re.findall(r"([^\W\d]\w*)\.?\(", said))
        )

    def spelled(self, name: str) -> str:
        """Return a name in letters that the language has."""
        legal = re.sub(rf"[^{self.letters}]", lambda m: _in_ascii(m[0]), name)
        return legal if legal[0].isalpha() else f"v{legal}"


@dataclass(frozen=True)
class Piece:
    """A translated expression, its level and its rank."""

    text: str
    level: int
    rank: str

    def __format__(self, level: str) -> str:
        return f"({self.text})" if self.level < int(level or 0) else self.text


def translated(
    language: Language,
    name: str,
    ranks: Mapping[str, str],
    summary: Sequence[str],
    statements: Sequence[str],
    results: Mapping[str, tuple[str, str]],
) -> str:
    """Return a function in another language.

    `ranks` are those of the arguments, `statements` Python over `xp`, `special` and kernels,
    `results` the name and the rank of each result by its label. Raises `EvaluationError` for what
    the table of the language does not have.
    """
    if name in language.reserved:
        raise EvaluationError(f"`{name}` means something in {language.name}: choose another name")
    translation = _Translation(language, ranks)
    body = [language.taken_in.format(v) for v, rank in ranks.items() if rank == "1"]
    body += [translation.statement(line) for line in statements]
    for label, (value, rank) in results.items():
        translation.check(value, rank)
        body += [f"{label} = {value}"] * (label != value)
    helpers = translation.helpers(body)
    return language.frame(Function(name, list(ranks), summary, body, list(results), helpers))


class _Translation:
    """Translates the statements of one function, in order."""

    def __init__(self, language: Language, ranks: Mapping[str, str]) -> None:
        self.language = language
        self.known = {name: Piece(name, ATOM, rank) for name, rank in ranks.items()}

    def statement(self, source: str) -> str:
        """Translate an assignment to a name, and remember the rank of the name."""
        name, _, value = source.partition(" = ")
        piece = self.expression(ast.parse(value, mode="eval").body)
        self.known[name] = Piece(name, ATOM, piece.rank)
        return f"{name} = {piece.text}"

    def check(self, name: str, rank: str) -> None:
        """Raise `EvaluationError` if a result has not the rank that it must have."""
        if self.known[name].rank.replace("d", "2") != rank:
            found = RANKS[self.known[name].rank]
            raise EvaluationError(f"{self.language.name}: `{name}` is {found}, not {RANKS[rank]}")

    def expression(self, tree: ast.expr) -> Piece:
        """Translate an expression."""
        if isinstance(tree, ast.Name):
            return self.known[tree.id]
        if isinstance(tree, ast.Constant):
            return Piece(repr(tree.value), ATOM, "0")
        if size := re.fullmatch(r"(\w+)\.shape\[(\d)\]", ast.unparse(tree)):
            return Piece(self.language.size.format(size[1], int(size[2]) + 1), ATOM, "0")
        forms = dict(_forms(tree))
        key = next((key for key in forms if key in self.language.rows), list(forms)[-1])
        return self._written(key, [self.expression(a) for a in forms[key]])

    def _written(self, key: str, arguments: Sequence[Piece]) -> Piece:
        """Return what the first row says that fits the ranks."""
        ranks = "".join(piece.rank for piece in arguments)
        found = self._row(key, ranks) or self._row(key, ranks.replace("d", "2"))
        if found is None:
            raise EvaluationError(
                f"`{re.sub(r'^(xp|k|special)[.]', '', key)}` of "
                f"{' and '.join(RANKS[rank] for rank in ranks)} cannot be written in "
                f"{self.language.name}: choose the code of a Python library"
            )
        rank, level, template = found
        if template == "{0}":
            return Piece(arguments[0].text, arguments[0].level, rank)
        return Piece(template.format(*arguments), level, rank)

    def _row(self, key: str, ranks: str) -> tuple[str, int, str] | None:
        """Return what the first row says that fits: the rank of the result, the level, the text."""
        for row in self.language.rows.get(key, ()):
            signature, level, template = row.split(" ", 2)
            if rank := _fitting(signature, ranks):
                return rank, int(level), template
        return None

    def helpers(self, lines: Iterable[str]) -> list[str]:
        """Return the helper functions that lines call, and those that these call."""
        waiting, found = list(lines), dict[str, str]()
        while waiting:
            text = waiting.pop()
            for name, helper in self.language.helpers.items():
                if name not in found and re.search(rf"(?<!\w){name}(?!\w)", text):
                    found[name] = helper
                    waiting.append(helper)
        return [found[name] for name in sorted(found)]


def _in_ascii(letter: str) -> str:
    """Return what a letter is called: `mu`, `Sigma`, `u221e`."""
    words = unicodedata.name(letter, "").split()
    if words[:1] != ["GREEK"]:
        return f"u{ord(letter):x}"
    return words[-1].capitalize() if "CAPITAL" in words else words[-1].lower()


def _fitting(signature: str, ranks: str) -> str:
    """Return the rank of the result if the arguments fit, else an empty text."""
    wanted, _, result = signature.partition(">")
    any_rank = {rank for rank, slot in zip(ranks, wanted, strict=False) if slot == "e"}
    if len(wanted) != len(ranks) or len(any_rank) > 1 or not any_rank <= set("012d"):
        return ""
    bound = "".join(any_rank) or "e"
    return result.replace("e", bound) if wanted.replace("e", bound) == ranks else ""


def _forms(tree: ast.expr) -> Iterator[tuple[str, list[ast.expr]]]:
    """Give the keys under which a table may have an expression, each with the arguments."""
    if isinstance(tree, ast.BinOp):
        yield OPERATORS[type(tree.op)], [tree.left, tree.right]
    elif isinstance(tree, ast.UnaryOp):
        yield type(tree.op).__name__, [tree.operand]
    elif isinstance(tree, ast.Call):
        yield from _calls(tree)
    elif isinstance(tree, ast.Subscript):
        yield f"[{ast.unparse(tree.slice).strip('()')}]", [tree.value]
    elif isinstance(tree, ast.Attribute) and ast.unparse(tree.value) == "xp":
        yield ast.unparse(tree), []
    elif isinstance(tree, ast.Attribute):
        yield tree.attr, [tree.value]


def _calls(tree: ast.Call) -> Iterator[tuple[str, list[ast.expr]]]:
    """Give the keys of a call: with its last argument, if that is a number, or without."""
    if isinstance(tree.func, ast.Attribute) and tree.func.attr == "ravel":
        yield "ravel", [tree.func.value]
        return
    name = re.sub(r"^_", "k.", ast.unparse(tree.func))
    if tree.args and not {type(n) for n in ast.walk(tree.args[-1])} & {ast.Name, ast.Call}:
        yield f"{name}:{ast.unparse(tree.args[-1])}", _flat(tree.args[:-1])
    yield name, _flat(tree.args)


def _flat(arguments: Sequence[ast.expr]) -> list[ast.expr]:
    return [part for a in arguments for part in (a.elts if isinstance(a, ast.Tuple) else [a])]
