"""The stack of the parser: operators and brackets that wait for their operands."""

from __future__ import annotations

import re
from collections.abc import Callable

from symcalc.errors import ParseError, caret
from symcalc.postfix import Item, Pending, Source
from symcalc.tokens import Token

MAX_DEPTH = 50_000

SUM, FROBENIUS, BINDER, DOT, PRODUCT, TIGHT = 10, 15, 17, 19, 20, 21
UNARY, POWER, EXPONENT_SIGN, METHOD = 30, 40, 50, 60
OTHER_PRODUCTS = {".*", "./", "kron", "outer"}  # beside these, `·` is read from left to right
INFIX: dict[str, tuple[str, int]] = {
    "+": ("+", SUM), "-": ("-", SUM), ":": (":", FROBENIUS),
    "*": ("*", PRODUCT), "@": ("@", PRODUCT), "·": ("·", PRODUCT), "×": ("×", PRODUCT),
    "%*%": ("@", TIGHT), "%x%": ("kron", TIGHT), "%o%": ("outer", TIGHT),
    "\\": ("\\", PRODUCT), ".dot": ("@", METHOD),
    "/": ("/", PRODUCT), ".*": (".*", PRODUCT), "∘": (".*", PRODUCT), "⊙": (".*", PRODUCT),
    "./": ("./", PRODUCT), "⊗": ("kron", PRODUCT),
    "^": ("^", POWER), "**": ("^", POWER), ".^": (".^", POWER), ".**": (".^", POWER),
}  # fmt: skip
FROM_THE_RIGHT = ("**", ".**")  # `a**b**c` is `a**(b**c)` in Python and R, `a^b^c` is `(a^b)^c`
WHOLE = "number"  # the mark of a quotient of a number: `1/2`
NORM_SUFFIX = re.compile(
    r"(?P<power>\^\s*\d+(?=_)|[⁰¹²³⁴-⁹]+(?=_))?_([^\W⁰¹²³⁴-⁹]+|\*|∞|\{\s*(?:\w+(?:\^-1|⁻¹|,\s*\w+)?|\*|∞)\s*\})"
)


class Operators:
    """The tokens, the place in them, what waits, and the instructions so far."""

    def __init__(
        self, text: str, source: Source, sizes: Callable[[str], int | None], tight: bool = False
    ) -> None:
        self.text = text
        self.unsigned = TIGHT if tight else PRODUCT  # how strongly a product without a sign binds
        self.tokens = source.tokens
        self.latex = source.latex
        self.is_function = source.is_function
        self.reach = source.reach
        self.sizes = sizes
        self.output: list[Item] = []
        self.stack: list[Pending] = []
        self.brackets: list[Item] = []
        self.place = 0
        signs = {INFIX[t.text][0] for t in self.tokens if t.text in INFIX}
        self.dot_level = PRODUCT if signs & OTHER_PRODUCTS else DOT
        self.operand = False  # whether the last thing read was a complete operand

    def fail(self, message: str, at: int) -> ParseError:
        return ParseError(caret(self.text, at, message))

    def _peek(self, offset: int = 0) -> str:
        at = self.place + offset
        return self.tokens[at].text if at < len(self.tokens) else ""

    def _implicit_product(self, token: Token) -> None:
        if self.operand:
            self._check_divisor(token)
            self._infix("*", self.unsigned, token.at)

    def _check_divisor(self, token: Token) -> None:
        """Refuse `x'x/2s^2`: is the last factor below the line? `1/2 x'x` is clear, and so is a
        space, but for LaTeX."""
        below = next((p.item for p in reversed(self.stack) if p.level <= PRODUCT), None)
        apart = self.text[token.at - 1].isspace() and not self.latex
        if below is not None and below.value == "/" and below.marks != WHOLE and not apart:
            message = "does this stand below the line? write `/(...)` or a sign before it"
            raise self.fail(message, token.at)

    def _infix(self, name: str, level: int, at: int, from_the_right: bool = False) -> None:
        if SUM < level < POWER:
            self._check_reach(at)
        self._reduce(METHOD if from_the_right else level)
        number = self.output[-1].kind == "number" and level == PRODUCT
        self._push(Item("infix", name, at, 2, marks=WHOLE * number), level)
        self.operand = False

    def _check_reach(self, at: int) -> None:
        """Refuse a product behind the argument of a function without brackets, but behind bars."""
        ends = self.tokens[self.place - 2 : self.place]
        bars = any(token.text in ("|", "||") or token.kind == "suffix" for token in ends[:1])
        for waiting in reversed(self.stack):
            if waiting.level < PRODUCT and waiting.item.kind != "bare":
                return
            if waiting.item.kind == "bare" and waiting.level > PRODUCT and not bars:
                name = waiting.item.value
                raise self.fail(f"where does the argument of `{name}` end? write brackets", at)

    def _push(self, item: Item, level: int) -> None:
        self.stack.append(Pending(item, level))

    def _reduce(self, level: int) -> None:
        """Emit the waiting operators that bind at least as strongly as `level`."""
        while self.stack and self.stack[-1].level >= level:
            self.output.append(self.stack.pop().item)

    def _innermost(self) -> Item | None:
        return self.brackets[-1] if self.brackets else None

    def _open(self, item: Item) -> None:
        if len(self.brackets) == MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} brackets are nested here", item.at)
        self._push(item, 0)
        self.brackets.append(item)
        self.operand = False

    def _norm_suffix(self, token: Token) -> str:
        """Read the `_F`, `_2`, `_*` right behind a closing norm bracket or its power."""
        kinds = [t.kind for t in self.tokens[self.place : self.place + 2]]
        if kinds[:1] == ["suffix"] or kinds == ["superscript", "suffix"]:
            return self.tokens.pop(self.place + kinds.index("suffix")).text
        match = NORM_SUFFIX.match(self.text, token.at + len(self._source(token)))
        if match is None:
            return ""
        start = max(match.start(), match.end("power"))
        self.tokens = [t for t in self.tokens if not start <= t.at < match.end()]
        return re.sub(r",\s*", "_", match[2].strip("{} ").replace("⁻¹", "^-1"))

    def _source(self, token: Token) -> str:
        return "‖" if self.text[token.at] == "‖" else token.text

    def _touches(self) -> bool:
        """Whether no space stands before the last token."""
        return not self.text[self.tokens[self.place - 1].at - 1].isspace()

    def _take_sizes(self) -> None:
        """Read the dimensions of `eye(n)`, `ones(n, m)`, ... up to the closing bracket, as text."""
        call = self.brackets[-1]
        first = self.sizes(call.value)
        if first is None or call.count <= first:
            return
        call.count -= 1
        while True:
            start, end = self.place, self.place
            while self._peek() not in (",", ")", ""):
                self.place, end = self.place + 1, self.place + 1
            words = "".join(t.text for t in self.tokens[start:end]).replace("·", "*")
            self.output.append(Item("size", words, self._at(start)))
            call.count += 1
            if self._peek() != ",":
                break
            self.place += 1
        self.operand = True

    def _at(self, place: int) -> int:
        return self.tokens[place].at if place < len(self.tokens) else len(self.text)
