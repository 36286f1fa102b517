"""Both notations, the language and LaTeX, to one list of tokens; how functions are spoken.

`log det X` is one function, `sin^2(x)` the square of its value, `sin.(x)` an entrywise call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from symcalc import axes
from symcalc.arraytext import NAMED, OF_R, as_language, misread
from symcalc.calls import outside
from symcalc.declare import ENTRYWISE, Declaration, default_kind
from symcalc.errors import ParseError, caret
from symcalc.late import latex_input, latex_names, latex_rows, latex_sums
from symcalc.methods import as_calls, is_array_code, with_modules
from symcalc.operators import BINDER
from symcalc.shape import mentioned
from symcalc.spoken import Spoken, Vocabulary
from symcalc.tokens import Token, tokenize

if TYPE_CHECKING:
    from symcalc.latex_rows import Phrasebook

LEFT_DIVISION = re.compile(r"(?<=[\w')\]])\s*\\\s*(?=[A-Za-z](?![A-Za-z])|\((?!.*\\\)))")
CODE_SIGNS = (",", "=", *OF_R)  # without these, text is no array code
BRACKETS = {"(": ")", "[": "]", "{": "}"}
BRACED = re.compile(r"[_^]\s*\{|\^T[A-Za-z]")
FLAT_SIGNS = frozenset({"@", ".dot"})  # beside these, vectors are 1-D
MATHEMATICAL = frozenset("‖∥ᵀ⊤⁻²³⁰½−∑∏⊙⊗∘⟨⟩ᵢⱼ")  # signs of formulas that are set, not typed as code
SUM_SIGNS = frozenset("∑∏")
SIGMA = "Σ"  # the capital letter, and not the sign of a sum
BOLD_ONES = ("𝟏", "𝟙")
RAISED = ("^", "**", ".^", ".**")
FUNCTION_LEVEL = 35  # how far a function without brackets reaches; the trace reaches as a sum


class Notation(Spoken):
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
        self.typeset = self.latex or not MATHEMATICAL.isdisjoint(text)
        self.variable = variable
        self.declared = declared
        self.vocabulary = vocabulary
        self.vectors: set[str] = set()
        self.slices: dict[str, bool] = {}  # of rows and columns, `X_{i,:}`, which are columns
        self.left = ""  # the indices on the left side, `ij` of `C_{ij} = ...`
        self.arrays = False  # whether the text is code of an array library
        self.notes: list[str] = []  # how something ambiguous was read
        tokens = self._latex() if self.latex else self._plain_text()
        self.tokens = self._spoken(self._separated(tokens))

    @cached_property
    def phrases(self) -> Phrasebook:
        """How what the rows print is read."""
        found: Phrasebook = latex_rows.phrasebook(tuple(self.vocabulary.algebra.ops.values()))
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
        if self.typeset:
            tokens = [letter for token in tokens for letter in self._letters(token)]
        if "F." in self.text and "F" not in self.declared:
            tokens = with_modules(tokens)
        signs = {token.text for token in tokens}
        kinds = {token.kind for token in tokens}
        self.arrays = not kinds.isdisjoint(("module", "applied", "method"))
        if self.arrays or "shape" in kinds or not signs.isdisjoint(CODE_SIGNS):
            tokens = self._code(tokens, kinds)
        if "(" in signs:
            self._check_places(tokens)
        if "_" in self.text or not signs.isdisjoint(SUM_SIGNS):
            tokens = self._sums(tokens)
        if not signs.isdisjoint(FLAT_SIGNS):
            beside = [p for p in pairwise(tokens) if FLAT_SIGNS & {p[0].text, p[1].text}]
            self.vectors |= {token.text for pair in beside for token in pair}
        if "e" in signs and "e" not in (*self.declared, self.variable):
            tokens = self._exponentials(tokens)
        if any(len(word) > 1 and not word.islower() and word.isalpha() for word in signs):
            tokens = [self._spelled(t, tokens[k + 1 : k + 2]) for k, t in enumerate(tokens)]
        return tokens if signs.isdisjoint(("[", "{", ":")) else self._called(tokens)

    def _code(self, tokens: list[Token], kinds: set[str]) -> list[Token]:
        """Return what array code says in the words of the language."""
        tokens = axes.mapped(tokens, self.is_function, self.declared)
        problem = misread(tokens, self.is_function, self.text)
        if problem is not None:
            raise ParseError(caret(self.text, problem[1], problem[0]))
        libraries = "module" in kinds or is_array_code(tokens)
        self._check_methods(tokens)
        tokens = self._counted(tokens, libraries)
        if not kinds.isdisjoint(("method", "shape")):
            tokens = as_calls(tokens)
        sizes = mentioned(dim for d in self.declared.values() for dim in d.shape)
        return as_language(
            tokens, libraries, self.declared, self._is_literal, self._is_reduction, sizes
        )

    def _letters(self, token: Token) -> list[Token]:
        """Return the letters of `Ax` in a formula with signs that nobody types in code: a product
        of three at most, one of them a capital, or of a letter by itself."""
        word = token.text
        short = token.kind == "name" and 1 < len(word) < 4 and word.isalpha()
        known = default_kind(word) or self.is_function(word, False) or word in self.declared
        product = not word.islower() or (len(word) == 2 and word[0] == word[1])
        if not short or known or not product or word[0] == "d":
            return [token]
        return [Token("name", letter, token.at + k) for k, letter in enumerate(word)]

    def _counted(self, tokens: list[Token], libraries: bool) -> list[Token]:
        """Read axes as the language of the text counts them."""
        tokens = axes.values_alone(tokens, self.text)
        called = {token.text.partition(" ")[0] for token in tokens if token.kind == "applied"}
        if called & {"var", "std"} and "np." not in self.text:
            self.notes.append("`var` and `std` divide by the number of entries, as in NumPy")
        counted = axes.from_one(tokens, self.text, self._is_literal, libraries)
        if counted is not tokens:
            self.notes.append(axes.FROM_ONE)
        return counted

    def _sums(self, tokens: list[Token]) -> list[Token]:
        """Read `sum_i x_i` and `∑_i x_i` as sums over indices."""
        found: list[Token] = []
        for place, token in enumerate(tokens):
            self._check_sigma(tokens, place)
            joined = token.text[0] == "_" and bool(found) and found[-1].text in latex_sums.OVER
            name, _, index = token.text.rpartition("_")
            name = latex_sums.OVER.get(found[-1].text, "") if joined else name
            known = token.kind == "name" and token.text not in self.declared
            called = known and self.is_function(name, False) and not self.is_function(token.text)
            below, _, above = index.partition("^")
            over = latex_sums.over_indices(name, [below], [above]) if called else ""
            found[len(found) - joined * bool(over) :] = [
                Token("binder", over, token.at) if over else token
            ]
        return found

    def _check_sigma(self, tokens: list[Token], place: int) -> None:
        """Raise `ParseError` for `Σ_i x_i`, which is a sum for some and a matrix for others."""
        base, _, index = tokens[place].text.partition("_")
        if base != SIGMA or not index or {base, tokens[place].text} & self.declared.keys():
            return
        before, behind = tokens[max(place - 1, 0)], tokens[place + 1 : place + 2]
        first = place == 0 or before.text in (*BRACKETS, *"+-*/=")
        runs = any(t.text.endswith(f"_{index}") for k, t in enumerate(tokens) if k != place)
        opens = bool(behind) and (
            behind[0].kind in ("name", "number") or behind[0].text in BRACKETS
        )
        if first and runs and opens:
            message = (
                f"is `{SIGMA}_{index}` a sum? write ∑_{index} or sum_{index}, or declare a matrix"
            )
            raise ParseError(caret(self.text, tokens[place].at, message))

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
