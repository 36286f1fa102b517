"""From text to tokens: numbers, names and signs, each sign in one spelling."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from symcalc.errors import ParseError, caret

MAX_LENGTH = 400_000
MAX_WORD = 200
TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<superscript>⁻?[⁰¹²³⁴-⁹]+|⁻ᵀ|ᵀ)"
    r"|(?P<name>[^\W\dᵀ⁰¹²³⁴-⁹][^\Wᵀ⁰¹²³⁴-⁹]*)"
    r"|(?P<sign>\|\||\.\*|\./|\.\^|\.'|\.T\b|\*\*|.)",
    re.DOTALL,
)
SAME_SIGN = {
    "−": "-", "–": "-", "—": "-", "‖": "||", "’": "'", ".'": "'", ".T": "'", "⊤": "'",
    "⟨": "<", "⟩": ">",
}  # fmt: skip


@dataclass(slots=True)
class Token:
    """A piece of the text: its kind (number, name, sign), its text, its position."""

    kind: str
    text: str
    at: int


def tokenize(text: str) -> list[Token]:
    """Split the text into tokens; signs that mean the same get one spelling."""
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the formula has {len(text)} characters; the limit is {MAX_LENGTH}")
    tokens = []
    for match in TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            word = match.group()
            if len(word) > MAX_WORD:
                raise ParseError(caret(text, match.start(), f"this {kind} is too large"))
            if kind == "name":
                word = unicodedata.normalize("NFKC", word)
            tokens.append(Token(kind, SAME_SIGN.get(word, word), match.start()))
    return tokens
