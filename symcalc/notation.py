"""Both notations, the language and LaTeX, to one list of tokens; how functions are spoken.

`log det X` is one function, `sin^2(x)` the square of its value, `sin.(x)` an entrywise call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from operator import and_
from typing import TYPE_CHECKING, Protocol

from symcalc.algebra import Algebra
from symcalc.arraytext import MATRIX_SIGNS, NAMED, as_language, misread
from symcalc.calls import outside
from symcalc.declare import ENTRYWISE, Declaration, default_kind
from symcalc.errors import ParseError, caret
from symcalc.late import latex_input, latex_names, latex_rows, latex_sums
from symcalc.methods import as_calls, is_array_code, with_modules
from symcalc.op import Op
from symcalc.operators import BINDER
from symcalc.shape import mentioned
from symcalc.tokens import Token, tokenize

if TYPE_CHECKING:
    from symcalc.latex_rows import Phrasebook

LEFT_DIVISION = re.compile(r"(?<=[\w')\]])\s*\\\s*(?=[A-Za-z](?![A-Za-z])|\((?!.*\\\)))")
CODE_SIGNS = (",", "=", *MATRIX_SIGNS)  # without these, text is no array code
BRACKETS = {"(": ")", "[": "]", "{": "}"}
BRACED = re.compile(r"[_^]\s*\{|\^T[A-Za-z]")
FLAT_SIGNS = frozenset({"@", ".dot"})  # beside these, vectors are 1-D
BOLD_ONES = ("𝟏", "𝟙")
SPOKEN = frozenset({"^", ".(", "⁺"})  # where none of these stands, and no two names side by side
RAISED = ("^", "**", ".^", ".**")
FUNCTION_LEVEL = 35  # how far a function without brackets reaches; the trace reaches as a sum


class Vocabulary(Protocol):
    """What the notations ask of a rulebook."""

    algebra: Algebra

    def find(self, name: str) -> list[Op]: ...

    def called(self, name: str) -> list[Op]: ...


class Notation:
    """The tokens of one formula; `vectors` are the names that bold type says are vectors."""

    def __init__(
        self,
        text: str,
        declared: Mapping[str, Declaration],
        vocabulary: Vocabulary,
        variable: str = "",
    ) -> None:
        self.text = text
        self.latex = is_latex(text)
        self.variable = variable
        self.declared = declared
        self.vocabulary = vocabulary
        self.vectors: set[str] = set()
        self.slices: dict[str, bool] = {}  # of rows and columns, `X_{i,:}`, which are columns
        self.left = ""  # the indices on the left side, `ij` of `C_{ij} = ...`
        self.arrays = False  # whether the text is code of an array library
        tokens = self._latex() if self.latex else self._plain_text()
        self.tokens = self._spoken(self._separated(tokens))

    @cached_property
    def phrases(self) -> Phrasebook:
        """How what the rows print is read."""
        found: Phrasebook = latex_rows.phrasebook(self.vocabulary.algebra.ops.values())
        return found

    def is_function(self, name: str, spelled: bool = True) -> bool:
        """Whether a name is called with an argument; a function that only SymPy knows counts where
        the name is `spelled` as one, not as letters side by side."""
        if name in self.declared:
            return ENTRYWISE in self.declared[name].attributes
        found = self.vocabulary.find(name)
        if not found and spelled:
            letters = name != self.variable and not self.latex
            found = outside(name, self.vocabulary.called, letters)
        return any(op.slots or op.dims for op in found)

    def products(self) -> list[str]:
        """Return the undeclared scalars right before a bracket: `f(x)` is read as a product."""
        return [
            name.text
            for name, bracket in pairwise(self.tokens)
            if bracket.text == "("
            and name.kind == "name"
            and bracket.at == name.at + len(name.text)
            and name.text not in self.declared
            and default_kind(name.text) == "scalar"
            and not self.is_function(name.text)
        ]

    def reach(self, name: str) -> int:
        """Return how strongly a function without brackets binds its argument: the trace takes the
        whole product behind it. 0: it needs brackets."""
        found = self.vocabulary.find(name)
        if not found or name in self.declared or not found[0].slots:
            return 0
        return BINDER if found[0].role == "trace" else FUNCTION_LEVEL

    def _plain_text(self) -> list[Token]:
        tokens = tokenize(self.text)
        if "F." in self.text and "F" not in self.declared:
            tokens = with_modules(tokens)
        signs = {token.text for token in tokens}
        kinds = {token.kind for token in tokens}
        self.arrays = not kinds.isdisjoint(("module", "applied", "method"))
        if self.arrays or "shape" in kinds or not signs.isdisjoint(CODE_SIGNS):
            problem = misread(tokens, self.is_function)
            if problem is not None:
                raise ParseError(caret(self.text, problem[1], problem[0]))
            libraries = "module" in kinds or is_array_code(tokens)
            self._check_methods(tokens)
            if not kinds.isdisjoint(("method", "shape")):
                tokens = as_calls(tokens)
            tokens = as_language(
                tokens, libraries, self.declared, self._is_literal, self._is_reduction
            )
        if "(" in signs:
            self._check_places(tokens)
        if "_" in self.text:
            tokens = self._sums(tokens)
        if not signs.isdisjoint(FLAT_SIGNS):
            flat = {
                t.text
                for pair in pairwise(tokens)
                if not FLAT_SIGNS.isdisjoint((pair[0].text, pair[1].text))
                for t in pair
            }
            self.vectors |= flat
        if "e" in signs and "e" not in (*self.declared, self.variable):
            tokens = self._exponentials(tokens)
        if any(len(word) > 1 and not word.islower() and word.isalpha() for word in signs):
            tokens = [self._spelled(t, tokens[k + 1 : k + 2]) for k, t in enumerate(tokens)]
        return tokens if signs.isdisjoint(("[", "{", ":")) else self._called(tokens)

    def _sums(self, tokens: list[Token]) -> list[Token]:
        """Read `sum_i x_i` and `∑_i x_i` as sums over indices."""
        found: list[Token] = []
        for token in tokens:
            joined = token.text[0] == "_" and bool(found) and found[-1].text in latex_sums.OVER
            name, _, index = token.text.rpartition("_")
            name = latex_sums.OVER.get(found[-1].text, "") if joined else name
            known = token.kind == "name" and token.text not in self.declared
            called = known and self.is_function(name, False) and not self.is_function(token.text)
            over = latex_sums.over_indices(name, [index], []) if called else ""
            found[len(found) - joined * bool(over) :] = [
                Token("binder", over, token.at) if over else token
            ]
        return found

    def _exponentials(self, tokens: list[Token]) -> list[Token]:
        """Read `e^(x'*x)` as the exponential function; `e^2` is the power of a variable."""
        found: list[Token] = []
        bases = {k for k in range(len(tokens)) if _is_base(tokens[k : k + 4])}
        for k, token in enumerate(tokens):
            if k in bases:
                found.append(replace(token, text="power_of_e"))
            elif k - 1 in bases:
                continue
            elif k - 2 in bases and token.text != "(":
                found += [replace(token, kind="sign", text="("), token]
                found.append(replace(token, kind="sign", text=")"))
            elif bases and token.text == "e":
                message = "`e` is the base of an exponential and a name here: declare it"
                raise ParseError(caret(self.text, token.at, message))
            else:
                found.append(token)
        return found

    def _check_methods(self, tokens: list[Token]) -> None:
        """Raise `ParseError` for `X.foo()`, where `foo` is no function."""
        for token in tokens:
            if token.kind not in ("applied", "method"):
                continue
            name = token.text.partition(" ")[0]
            if name not in NAMED and not self.is_function(name):
                raise ParseError(caret(self.text, token.at, f"unknown function `{name}`"))

    def _check_places(self, tokens: list[Token]) -> None:
        """Raise `ParseError` for `x(1)`, which is an entry for some and a product for others."""
        for k, token in enumerate(tokens[2:-1]):
            if token.kind != "number" or (tokens[k + 1].text, tokens[k + 3].text) != ("(", ")"):
                continue
            name, number = tokens[k].text, token.text
            variable = name in self.declared or default_kind(name) is not None
            if tokens[k].kind == "name" and variable and not self.is_function(name):
                message = f"an entry is `{name}[0]`, a product `{number}*{name}`"
                raise ParseError(caret(self.text, tokens[k].at, f"`{name}({number})`: {message}"))

    def _is_reduction(self, name: str) -> bool:
        rows = self.vocabulary.find(name)
        return any(len(op.slots) == 1 and op.rows == op.cols == 1 for op in rows)

    def _is_literal(self, name: str, word: str) -> bool:
        return bool(self.vocabulary.find(f"{name} {word}"))

    def _spelled(self, token: Token, behind: list[Token]) -> Token:
        """Return a called name as the rows spell it: `Det` is `det`."""
        called = [t.text for t in behind] in (["("], ["["], ["{"])
        plain = token.kind == "name" and len(token.text) > 1 and token.text not in self.declared
        if not (called and plain) or self.vocabulary.find(token.text):
            return token
        lower = token.text.lower()
        rows = self.vocabulary.find(lower)
        return replace(token, text=lower) if any(op.slots for op in rows) else token

    def _called(self, tokens: list[Token]) -> list[Token]:
        """Give the brackets of `tr[X]` and `exp{x}` the shape of a call; `X(:)` is vec(X)."""
        found: list[Token] = []
        opened: list[Token] = []
        calls: list[bool] = []
        skipped = -1  # the colon of `X(:)`
        for k, token in enumerate(tokens):
            before = found[-1] if found else token
            if k == skipped:
                continue
            if [t.text for t in tokens[k : k + 3]] == ["(", ":", ")"] and before.kind == "name":
                found[-1:] = [replace(before, text="vec"), token, replace(before, at=token.at)]
                opened.append(token)
                calls.append(False)
                skipped = k + 1
            elif token.text in BRACKETS:
                named = token.text != "(" and before.kind == "name"
                opened.append(token)
                calls.append(named and self.is_function(before.text, spelled=False))
                found.append(replace(token, text="(") if calls[-1] else token)
            elif token.text in BRACKETS.values() and opened:
                last, call = opened.pop(), calls.pop()
                if call and BRACKETS[last.text] != token.text:
                    message = f"`{token.text}` does not close `{last.text}`"
                    raise ParseError(caret(self.text, token.at, message))
                found.append(replace(token, text=")") if call else token)
            else:
                found.append(token)
        return found

    def _latex(self) -> list[Token]:
        dims = mentioned(dim for d in self.declared.values() for dim in d.shape)
        names = latex_names.Names([*self.declared, *(dim for dim in dims if dim.isidentifier())])
        reader = latex_input.LatexReader(self.text, names, self.phrases, self.is_function, dims)
        tokens: list[Token] = reader.run()
        self.vectors = names.vectors
        self.slices, self.left = names.slices, reader.left
        return tokens

    def _separated(self, tokens: list[Token]) -> list[Token]:
        """Read the `1` of `1'*x` and `𝟏` as ones, and take the mark off `X^TX`."""
        found: list[Token] = []
        for place, token in enumerate(tokens):
            if token.kind != "number" and not token.text.startswith("T"):
                found.append(token)
                continue
            signs = [t.text for t in found[-2:] if t.text != "-"]
            raised = bool(signs) and signs[-1] in RAISED
            if token.kind == "number" and not raised and _is_ones(token, tokens[place + 1 :]):
                found += [Token("name", "vector", token.at), Token("sign", "(", token.at)]
                found += [Token("number", "1", token.at), Token("sign", ")", token.at)]
            elif raised and token.text[0] == "T" and self._is_unknown(token):
                found += [Token("name", "T", token.at), Token("name", token.text[1:], token.at + 1)]
            else:
                found.append(token)
        return found

    def _is_unknown(self, token: Token) -> bool:
        """Whether a word of several letters is neither declared nor a function."""
        word = token.text
        known = word in self.declared or bool(self.vocabulary.find(word))
        return token.kind == "name" and word[1:].isidentifier() and not known

    def _spoken(self, tokens: list[Token]) -> list[Token]:
        """Join `log det`, and put the power of a function behind its argument."""
        names = [token.kind == "name" for token in tokens]
        if SPOKEN.isdisjoint([t.text for t in tokens]) and not any(map(and_, names, names[1:])):
            return tokens
        found: list[Token] = []
        waiting: dict[int, list[Token]] = {}  # powers, by the bracket depth that they wait for
        place, depth = 0, 0
        while place < len(tokens):
            token = self._plain(tokens[place], found)
            place += 1
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "^" and self._transposed(tokens[place : place + 1]):
                token, place = Token("sign", "'", token.at), place + 1
            if not self._joined(token, found):
                found.append(token)
            found += waiting.pop(depth, []) if token.text == ")" else []
            power = self._power(token, tokens, place)
            place += len(power)
            waiting |= {depth: power} if power else {}
        return found

    def _plain(self, token: Token, found: list[Token]) -> Token:
        """Return a token in the spelling of the parser."""
        if token.text == ".(":
            return self._entrywise(token, found)
        if token.text == "⁺":
            return Token("applied", self.phrases.marks["+"], token.at)
        return token

    def _transposed(self, behind: list[Token]) -> bool:
        """Whether `^t` stands here, and no `t` is declared."""
        return [token.text for token in behind] == ["t"] and "t" not in self.declared

    def _entrywise(self, token: Token, found: list[Token]) -> Token:
        """Read the bracket of `sin.(x)`, which must belong to an entrywise function."""
        name = found[-1].text if found else ""
        rows = self.vocabulary.find(name) if self.is_function(name) else []
        if not rows or any(row.column("derivative") is None for row in rows):
            message = "`.(` calls a function of the entries: write `(` for any other"
            raise ParseError(caret(self.text, token.at, message))
        return Token("sign", "(", token.at)

    def _joined(self, token: Token, found: list[Token]) -> bool:
        """Join two functions that a row prints together, `log det`, to its name."""
        if token.kind != "name" or not found or found[-1].kind != "name":
            return False
        if not (self.is_function(token.text) and self.is_function(found[-1].text)):
            return False
        words = (found[-1].text, token.text)
        rows = [self.vocabulary.find(word) for word in words]
        call = self.phrases.pairs.get((rows[0][0].name, rows[1][0].name)) if all(rows) else None
        if call:
            found[-1] = Token("name", call, found[-1].at)
        return bool(call)

    def _power(self, token: Token, tokens: list[Token], place: int) -> list[Token]:
        """Return the tokens of the power in `sin^2(x)`; none where a variable is raised."""
        raised = place < len(tokens) and tokens[place].text == "^"
        if not raised or token.kind != "name" or default_kind(token.text):
            return []
        if not self.is_function(token.text):
            return []
        end = place + 1
        while end < len(tokens) and tokens[end].text != ")" and tokens[place + 1].text == "(":
            end += 1
        power = tokens[place : end + 1]
        number = [t.text for t in power if t.text not in "^()"]
        called = [t.text for t in tokens[end + 1 : end + 2]] == ["("]
        if len(number) != 1 or not number[0].isdigit() or not called:
            name = token.text
            message = (
                f"this power of `{name}` is not clear: write {name}(x)^2 for that of the value"
            )
            raise ParseError(caret(self.text, tokens[place].at, message))
        return power


def _is_base(tokens: list[Token]) -> bool:
    """Whether `e^x` or `e^(...)` with something that varies stands here."""
    texts = [token.text for token in tokens]
    if texts[:2] not in (["e", "^"], ["e", "**"]) or len(texts) < 3 or texts[2] == "T":
        return False
    number = len(tokens) > 3 and tokens[3].kind == "number" and texts[2] == "("
    return tokens[2].kind == "name" or (texts[2] == "(" and not number)


def _is_ones(token: Token, behind: list[Token]) -> bool:
    """Whether a number is a bold 1, or a 1 with a transpose mark."""
    marks = [t.text for t in behind[:2]]
    transposed = marks[:1] in (["'"], ["ᵀ"]) or (marks[:1] == ["^"] and marks[1:] in (["T"], ["'"]))
    return token.text in BOLD_ONES or (token.text == "1" and transposed)


def is_latex(text: str) -> bool:
    """Whether a formula is written in LaTeX: it has a command, a braced sub- or superscript, or
    stands between dollar signs."""
    if "\\" in text:
        text = LEFT_DIVISION.sub("", text)
    return "\\" in text or "$" in text or BRACED.search(text) is not None
