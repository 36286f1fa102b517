"""The stack of the LaTeX reader: what is open, what ends it, and what is written there.

An argument of a command is a group in braces or one item; both wait on the stack, so that depth
costs memory and never recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symcalc.errors import ParseError, caret
from symcalc.latex_groups import partners, regrouped
from symcalc.latex_lexer import Lexeme
from symcalc.latex_names import FONTS
from symcalc.tokens import Token

MAX_DEPTH = 10_000
ITEM: tuple[str, ...] = ()  # the end of an argument that is one item, or a group in braces
BRACE = "}"  # the end of a group: brackets, but around a single token
OPERAND_ENDS = (")", "'", ">")
Part = tuple[tuple[str, ...], str]


@dataclass(slots=True)
class Frame:
    """Something open: for each part what ends it and what is written there, in the language."""

    parts: list[Part]
    at: int
    start: int
    end: tuple[str, ...] = ITEM


class Frames:
    """The lexemes, the place in them, the tokens written so far, and what is open."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lexemes: Sequence[Lexeme] = ()
        self.partner: dict[int, int] = {}  # the place of the brace that closes the one at a place
        self.place = 0
        self.frames: list[Frame] = []
        self.tokens: list[Token | None] = []

    def load(self, found: Sequence[Lexeme]) -> None:
        """Take the lexemes of the formula."""
        self.lexemes = regrouped(found)
        self.partner = partners(self.lexemes)

    def fail(self, message: str, at: int | None = None) -> ParseError:
        return ParseError(caret(self.text, len(self.text) if at is None else at, message))

    def at_place(self, place: int) -> str:
        """Return the text of the lexeme at a place, or nothing behind the last."""
        return self.lexemes[place].text if place < len(self.lexemes) else ""

    def emit(self, source: str, at: int) -> None:
        """Write tokens: signs, and names and numbers among them, with spaces between."""
        for word in source.split():
            kind = "name" if word[0].isalpha() else "number" if word[0].isdigit() else "sign"
            self.tokens.append(Token(kind, word, at))

    def open(self, at: int, *parts: Part) -> None:
        """Open something of one or more parts."""
        if len(self.frames) == MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} groups are nested here", at)
        self.frames.append(Frame(list(parts), at, len(self.tokens)))
        self._begin()

    def _begin(self) -> None:
        frame = self.frames[-1]
        frame.end = frame.parts[0][0]
        if frame.end == ITEM and self.at_place(self.place) == "{":
            self.place += 1
            frame.end = ("}",)

    def closes(self) -> bool:
        """Close the innermost part if what ends it stands at the place."""
        if not self.frames or self.frames[-1].end == ITEM:
            return False
        if self.lexemes[self.place].kind == "matrix":
            return False  # the bracket of a block matrix ends nothing else
        end = self.frames[-1].end
        if any(self.at_place(self.place + k) != text for k, text in enumerate(end)):
            return False
        at = self.lexemes[self.place].at
        self.place += len(end)
        if not self._next_part(at):
            self.item_done(at)
        return True

    def item_done(self, at: int) -> None:
        """End the arguments that one item completes."""
        while self.frames and self.frames[-1].end == ITEM:
            if self._next_part(at):
                return

    def _next_part(self, at: int) -> bool:
        """Write what stands behind a part; return whether another part awaits."""
        frame = self.frames[-1]
        _, after = frame.parts.pop(0)
        if after == BRACE and len(self.tokens) == frame.start + 1 and not self._is_factor(frame):
            self.tokens[frame.start - 1] = None
        else:
            self.emit(")" if after == BRACE else after, at)
        if frame.parts:
            self._begin()
            return True
        self.frames.pop()
        return False

    def _is_factor(self, frame: Frame) -> bool:
        """Whether a group is a number behind an operand, `A {2}^{\\circ x}`: its brackets stay."""
        number, before = self.tokens[frame.start], self.tokens[max(frame.start - 2, 0)]
        if number is None or number.kind != "number" or before is None or frame.start < 2:
            return False
        return before.kind == "name" or before.text in OPERAND_ENDS

    def check_closed(self) -> None:
        """Raise `ParseError` if something is still open."""
        if not self.frames:
            return
        frame = self.frames[-1]
        if frame.end == ITEM:
            raise self.fail("the formula ends where an argument was expected")
        opener = {")": "(", "]": "[", "}": "{", "\\}": "\\{"}.get(frame.end[0], "bracket")
        raise self.fail(f"this `{opener}` is never closed", frame.at)

    def extent(self, place: int) -> int:
        """Return the place behind the argument at `place`: a group in braces or one lexeme."""
        while self.at_place(place) in FONTS or self.at_place(place) == "-":
            place += 1
        return self.partner.get(place, place) + 1
