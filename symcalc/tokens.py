"""From text to tokens: numbers, names and signs, each sign in one spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from symcalc.errors import ParseError, caret

MAX_LENGTH = 400_000
MAX_WORD = 200
LOWERED = "ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ"  # letters below the line, an index: `xᵢ` is x_i
BELOW = re.compile(rf"[{LOWERED}]+")
TOKEN = re.compile(
    r"(?P<quoted>(?<=[,=])\s*[\"']\w+[\"'])"
    r"|(?P<space>\s+)"
    r"|(?P<module>\b(?:jnp|np|numpy|torch|scipy|tf|jax|jsp|nn|cp|cvxpy|pt)\."
    r"(?:(?:numpy|scipy|linalg|nn|functional|special|math)\.)*"
    r"(?=[^\W\d]))"
    r"|(?P<method>\.(?P<called>[a-z_]\w+)\(\s*(?:(?:axis|dim)\s*=\s*)?(?P<axis>[01]?)"
    r"(?:(?<=0)\s*,\s*keepdims?\s*=\s*True)?\s*\))"
    r"|\.(?!(?:dot|matmul|mm|mv)\()(?P<invoked>[a-z_]\w+)(?=\()"
    r"|\.(?P<shape>shape|size)\b"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<half>[¼-¾⅐-⅞])"
    r"|(?P<superscript>⁻?[⁰¹²³⁴-⁹]+|⁻ᵀ|ᵀ|⁺)"
    r"|(?P<suffix>(?<=[‖∥⁰¹²³⁴-⁹])[₁₂]|(?<=\|\|)[₁₂])"
    rf"|(?P<below>(?<=[∑∏])[{LOWERED}]+(?:₌[₀-₉])?[ᵏᵐⁿᵖᵈᴺᴷ]?)"
    rf"|(?P<name>[^\W\dᵀ⁰¹²³⁴-⁹₀-₉{LOWERED}][^\Wᵀ⁰¹²³⁴-⁹₀-₉{LOWERED}𝟏𝟙]*"
    rf"(?:[₀-₉{LOWERED}]+(?:_[^\Wᵀ⁰¹²³⁴-⁹₀-₉{LOWERED}𝟏𝟙]+)?)?)"
    r"|(?P<sign>%[*xo]%|\|\||\.\*|\./|\.\^|\.'|\.t\(\)|\.[+-]|\.\(|\.T\b"
    r"|\.(?:dot|matmul|mm|mv)(?=\()|\*\*|:=|.)",
    re.DOTALL,
)
SAME_SIGN = {
    "−": "-", "–": "-", "—": "-", "‖": "||", "∥": "||", "∣": "|", "’": "'", "′": "'", ".'": "'",
    ".matmul": ".dot", ".mm": ".dot", ".mv": ".dot", ".T": "'", ".t()": "'", "⊤": "'", "⊺": "'",
    "⟨": "<", "⟩": ">", "⋅": "·", "∙": "·",
    "•": "·", "∗": "*", ".+": "+", ".-": "-", "⊘": "./", "√": "sqrt", ":=": "=",
}  # fmt: skip
REFUSED = {
    "∂": "`∂` is not part of a formula: write the function that is to be differentiated",
    "∇": "`∇` is not part of a formula: write the function that is to be differentiated",
}


@dataclass(slots=True)
class Token:
    """A piece of the text: its kind (number, name, sign), its text, its position."""

    kind: str
    text: str
    at: int


class Piece(Protocol):
    """A token or a lexeme."""

    @property
    def text(self) -> str: ...
    @property
    def at(self) -> int: ...


def tokenize(text: str) -> list[Token]:
    """Split the text into tokens; signs that mean the same get one spelling."""
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the formula has {len(text)} characters; the limit is {MAX_LENGTH}")
    tokens = [_token(text, m) for m in TOKEN.finditer(text) if m.lastgroup != "space"]
    while len(tokens) > 1 and tokens[-1].text == ";":  # the end of a statement
        tokens.pop()
    bracketed = len(tokens) > 1 and tokens[0].kind == "name" and tokens[1].text == "("
    return tokens[definition_end(tokens, 1) if bracketed else 0 :]


def _token(text: str, match: re.Match[str]) -> Token:
    kind, word, at = str(match.lastgroup), match.group(), match.start()
    if len(word) > MAX_WORD:
        raise ParseError(caret(text, at, f"this {kind} is too large"))
    if kind in ("name", "number") and word.isascii():
        return Token(kind, word, at)
    if kind == "quoted":
        return Token("name", word.strip(" \t\"'"), at)
    if kind == "method":
        return Token("applied", f"{match['called']} {match['axis']}".strip(), at)
    if kind in ("invoked", "shape"):
        return Token("method" if kind == "invoked" else kind, match[kind], at)
    if word in REFUSED:
        raise ParseError(caret(text, at, REFUSED[word]))
    if kind == "half":
        return Token("number", unicodedata.normalize("NFKC", word).replace("⁄", "/"), at)
    if kind == "below":  # `∑ᵢ₌₁ⁿ` as `∑_i=1^n`
        top = word[-1] if unicodedata.decomposition(word[-1]).startswith("<super>") else ""
        shown = f"_{word.removesuffix(top)}^{top}" if top else f"_{word}"
        return Token("name", unicodedata.normalize("NFKC", shown), at)
    if kind in ("name", "suffix"):
        word = BELOW.sub(lambda m: f"_{m[0]}", word) if kind == "name" else word
        return Token(kind, unicodedata.normalize("NFKC", word), at)
    word = SAME_SIGN.get(word, word)
    return Token("name" if word.isalpha() and kind == "sign" else kind, word, at)


def definition_end(pieces: Sequence[Piece], end: int) -> int:
    """Return the place behind `f =` or `f(X) =` in front of a formula, whose name ends at `end`;
    0 where none stands."""
    place = end
    if end and place < len(pieces) and pieces[place].text in ("(", "["):
        depth = 0
        while place < len(pieces):
            depth += (pieces[place].text in ("(", "[")) - (pieces[place].text in (")", "]"))
            place += 1
            if not depth:
                break
    return place + 1 if end and place < len(pieces) and pieces[place].text == "=" else 0
