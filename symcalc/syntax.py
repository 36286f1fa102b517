"""From tokens to a list of instructions in postfix order: precedence and brackets.

An operator-precedence parser with its own stack, so that depth costs memory and never recursion. It
knows the punctuation of the language; what the names mean is read in `reader.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from symcalc.errors import ParseError, caret
from symcalc.postfix import Item, Pending, Source
from symcalc.tokens import Token

MAX_DEPTH = 50_000

SUM, FROBENIUS, BINDER, DOT, PRODUCT, TIGHT = 10, 15, 17, 19, 20, 21
UNARY, POWER, EXPONENT_SIGN = 30, 40, 50
STARTS = ("name", "number", "binder")  # kinds of tokens that begin an operand
OTHER_PRODUCTS = {".*", "./", "kron", "outer"}  # beside these, `·` is read from left to right
INFIX: dict[str, tuple[str, int]] = {
    "+": ("+", SUM), "-": ("-", SUM), ":": (":", FROBENIUS),
    "*": ("*", PRODUCT), "@": ("@", PRODUCT), "·": ("·", PRODUCT),
    "%*%": ("@", PRODUCT), "%x%": ("kron", PRODUCT), "%o%": ("outer", PRODUCT),
    "\\": ("\\", PRODUCT), ".dot": ("@", POWER),
    "/": ("/", PRODUCT), ".*": (".*", PRODUCT), "∘": (".*", PRODUCT), "⊙": (".*", PRODUCT),
    "./": ("./", PRODUCT), "⊗": ("kron", PRODUCT),
    "^": ("^", POWER), "**": ("^", POWER), ".^": (".^", POWER),
}  # fmt: skip
HINTS = {
    ".": ": write `*` for a product",
    "=": ": a formula is one side of an equation",
    "†": ": write pinv(A) for the pseudo-inverse, A' for the transpose",
    "⊕": ": write kron(A, I) + kron(I, B), or a block matrix",
    "∑": ": write ∑_i x_i, or sum(x)",
    "∏": ": write ∏_i x_i, or prod(x)",
    "∞": ": it is no number, but `norm(x, inf)` and `||x||_∞` are read",
}
COMPARISON = (
    ": entries are not compared; write relu(x), max(x, y), abs(x), or heaviside(x) for [x > 0]"
)
CLOSING = {")": "(", "}": "{", "||": "||", "|": "|", ">": "<", "]": "["}
NORM_SUFFIX = re.compile(
    r"(?P<power>\^\s*\d+(?=_)|[⁰¹²³⁴-⁹]+(?=_))?_([^\W⁰¹²³⁴-⁹]+|\*|∞|\{\s*(?:\w+(?:\^-1|⁻¹|,\s*\w+)?|\*|∞)\s*\})"
)


class Parser:
    """One pass over the tokens; `sizes(name)` says after how many arguments a call lists dimensions
    (None: never)."""

    def __init__(
        self, text: str, source: Source, sizes: Callable[[str], int | None], tight: bool = False
    ) -> None:
        self.text = text
        self.unsigned = TIGHT if tight else PRODUCT  # how strongly a product without a sign binds
        self.tokens = source.tokens
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

    def parse(self) -> list[Item]:
        """Return the instructions in postfix order."""
        if not self.tokens:
            raise ParseError("the formula is empty; write for example `x'*A*x`")
        while self.place < len(self.tokens):
            token = self.tokens[self.place]
            self.place += 1
            getattr(self, f"_{token.kind}")(token)
        if not self.operand:
            raise self.fail("the formula ends where an operand was expected", len(self.text))
        self._reduce(1)
        if self.brackets:
            bracket = self.brackets[-1]
            hint = COMPARISON if bracket.value == "<" else ""
            raise self.fail(f"this `{_bracket(bracket)}` is never closed{hint}", bracket.at)
        return self.output

    def _peek(self, offset: int = 0) -> str:
        at = self.place + offset
        return self.tokens[at].text if at < len(self.tokens) else ""

    def _number(self, token: Token) -> None:
        if self.operand:
            raise self.fail("an operator was expected before this number", token.at)
        self.output.append(Item("number", token.text, token.at))
        self.operand = True

    def _name(self, token: Token) -> None:
        self._implicit_product(token)
        called = self.is_function(token.text)
        primes = next(k for k in range(len(self.tokens)) if self._peek(k) != "'") if called else 0
        if self._peek(primes) == "(" and called:
            self.place += primes + 1
            self._open(Item("call", token.text + primes * "'", token.at, 1))
            self._take_sizes()
        elif called and self._starts_operand() and (reach := self.reach(token.text)):
            self._push(Item("bare", token.text, token.at, 1), reach)
            self.operand = False
        else:
            self.output.append(Item("name", token.text, token.at))
            self.operand = True

    def _binder(self, token: Token) -> None:
        """Read a sum over indices: it takes the whole product behind it."""
        self._implicit_product(token)
        self._push(Item("binder", token.text, token.at, 1), BINDER)
        self.operand = False

    def _implicit_product(self, token: Token) -> None:
        if self.operand:
            self._infix("*", self.unsigned, token.at)

    def _starts_operand(self) -> bool:
        """Whether the next token begins an operand: `log |X|`, `tr A`."""
        ahead = self.tokens[self.place] if self.place < len(self.tokens) else None
        return ahead is not None and (ahead.kind in STARTS or ahead.text in ("||", "|"))

    def _applied(self, token: Token) -> None:
        """Read an operation that stands behind its operand as a mark, such as `X^+`."""
        if not self.operand:
            raise self.fail("an operand was expected before the superscript", token.at)
        self._reduce(POWER)
        name, _, axis = token.text.partition(" ")
        if axis:
            self.output.append(Item("number", axis, token.at))
        self.output.append(Item("call", name, token.at, 1 + bool(axis)))

    def _entries(self, token: Token) -> None:
        """Read the indices behind brackets, `(A x)_i`."""
        if not self.operand:
            raise self.fail("an operand was expected before the subscript", token.at)
        self._reduce(POWER)
        self.output.append(Item("entries", token.text, token.at, 1))

    def _literal(self, token: Token) -> None:
        self.output.append(Item("literal", token.text, token.at))
        self.operand = True

    def _suffix(self, token: Token) -> None:
        message = f"the mark `{token.text}` stands behind a norm with something in it: ||x||_2"
        raise self.fail(message, token.at)

    def _superscript(self, token: Token) -> None:
        """Read `xᵀ`, `x²`, `X⁻¹`, as `pretty` prints them."""
        if not self.operand:
            raise self.fail("an operand was expected before the superscript", token.at)
        self._reduce(POWER)
        if "ᵀ" in token.text:
            if token.text != "ᵀ":
                self.output.append(Item("prefix", "inverse", token.at, 1))
            self.output.append(Item("postfix", "'", token.at, 1))
            return
        digits = unicodedata.normalize("NFKC", token.text.lstrip("⁻"))
        self.output.append(Item("number", digits, token.at))
        if token.text[0] == "⁻":
            self.output.append(Item("prefix", "-", token.at, 1))
        self.output.append(Item("infix", "^", token.at, 2))

    def _sign(self, token: Token) -> None:
        text = token.text
        opened = self._innermost()
        if text == "||" and self.operand and opened is not None and opened.value == "|":
            self._sign(Token("sign", "|", token.at))
            self._sign(Token("sign", "|", token.at + 1))
            return
        if text in ("||", "|"):
            closes = self.operand and opened is not None and opened.value == text
        else:
            closes = text in CLOSING
        if closes:
            self._close(token, opened)
        elif text == "[" and self.operand and self._touches():
            self._index(token)
        elif text in ("(", "{", "||", "|", "<", "["):
            self._implicit_product(token)
            self._open(Item("bracket", text, token.at))
        elif text in (",", ";"):
            self._comma(token, opened)
        elif not self.operand and text in "+-":
            level = EXPONENT_SIGN if self.stack and self.stack[-1].level >= POWER else UNARY
            self._push(Item("prefix", text, token.at, 1), level)
        elif text == "'":
            self._postfix(token)
        elif text in INFIX:
            self._operator(token)
        else:
            shown = text if text.isprintable() else repr(text)
            hint = HINTS.get(text, "")
            raise self.fail(f"`{shown}` is not a sign of the language{hint}", token.at)

    def _operator(self, token: Token) -> None:
        if not self.operand:
            hint = ": a part of a matrix is X[:, j], counted from 0" if token.text == ":" else ""
            raise self.fail(f"an operand was expected before `{token.text}`{hint}", token.at)
        name, level = INFIX[token.text]
        level = self.dot_level if name == "·" else level
        if name == "^" and self._transposed_exponent(token):
            return
        self._infix(name, level, token.at)

    def _transposed_exponent(self, token: Token) -> bool:
        """Read `^T`, `^⊤`, `^-T` and the same in braces."""
        ahead = [self._peek(k) for k in range(4)]
        braces = ahead[0] == "{"
        words = ahead[1:] if braces else ahead
        inverse = words[0] == "-"
        mark = words[1] if inverse else words[0]
        after = words[2] if inverse else words[1]
        if mark not in ("T", "'") or (braces and after != "}"):
            return False
        self._reduce(POWER)
        if inverse:
            self.output.append(Item("prefix", "inverse", token.at, 1))
        self.output.append(Item("postfix", "'", token.at, 1))
        self.place += 1 + inverse + 2 * braces
        return True

    def _postfix(self, token: Token) -> None:
        if not self.operand:
            quoted = re.match(r"'[^']*'", self.text[token.at :])
            hint = f"; {quoted[0]} is no part of a formula: write the products" if quoted else ""
            message = f"an operand was expected before the transpose mark{hint}"
            raise self.fail(message, token.at)
        self._reduce(POWER)
        self.output.append(Item("postfix", "'", token.at, 1))

    def _infix(self, name: str, level: int, at: int) -> None:
        if SUM < level < POWER:
            self._check_reach(at)
        self._reduce(level)
        self._push(Item("infix", name, at, 2), level)
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

    def _close(self, token: Token, opened: Item | None) -> None:
        wanted = CLOSING[token.text]
        if opened is None:
            hint = COMPARISON if token.text == ">" else ""
            raise self.fail(f"this `{token.text}` closes nothing{hint}", token.at)
        if opened.value != wanted and not (opened.kind == "call" and wanted == "("):
            shown = _bracket(opened)
            hint = COMPARISON if token.text == ">" else ""
            raise self.fail(f"`{token.text}` does not close `{shown}`{hint}", token.at)
        if not self.operand:
            raise self.fail(f"an operand was expected before `{token.text}`", token.at)
        self._reduce(1)
        self.stack.pop()
        self.brackets.pop()
        self.output.append(self._closed(opened, token))

    def _closed(self, opened: Item, token: Token) -> Item:
        if opened.kind == "call":
            return opened
        if opened.value == "[":
            return Item("block", "[", opened.at, opened.count + 1, opened.marks)
        if opened.value == "<":
            if opened.count != 1:
                raise self.fail("`<A, B>` takes two operands", opened.at)
            if self._norm_suffix(token) not in ("", "F"):
                raise self.fail(
                    "`<A, B>` is the Frobenius product: write it without a mark", token.at
                )
            return Item("infix", ":", opened.at, 2)
        if opened.value == "||":
            return Item("norm", self._norm_suffix(token), opened.at, 1)
        return Item("group" if opened.value in "({" else "bars", opened.value, opened.at, 1)

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

    def _comma(self, token: Token, opened: Item | None) -> None:
        allowed = opened is not None and (opened.kind == "call" or opened.value in ("<", "["))
        if not allowed or opened is None:
            why = _no_call(self.text[: opened.at]) if opened is not None else ""
            raise self.fail(f"`{token.text}` stands outside of a call{why}", token.at)
        if not self.operand:
            raise self.fail(f"an operand was expected before `{token.text}`", token.at)
        if token.text == ";" and opened.value != "[":
            raise self.fail("`;` separates the rows of a block matrix: write a comma", token.at)
        self._reduce(1)
        opened.count += 1
        opened.marks += token.text
        self.operand = False
        if opened.kind == "call":
            self._take_sizes()

    def _touches(self) -> bool:
        """Whether no space stands before the last token."""
        return not self.text[self.tokens[self.place - 1].at - 1].isspace()

    def _index(self, token: Token) -> None:
        """Read `[i, j]`, `[:, j]`, `[a:b, c:d]` behind an operand, as text."""
        self._reduce(POWER)
        start = self.place
        while self._peek() not in ("]", ""):
            self.place += 1
        if not self._peek():
            raise self.fail("this `[` is never closed", token.at)
        words = "".join(t.text for t in self.tokens[start : self.place]).replace("·", "*")
        self.place += 1
        self.output.append(Item("index", words, token.at, 1))

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


def _bracket(item: Item) -> str:
    return f"{item.value}(" if item.kind == "call" else str(item.value)


def _no_call(before: str) -> str:
    """Return why what stands before a bracket with a comma is not called."""
    name = re.search(r"\w+$", before)
    if name is None:
        return ""
    known = "a known function" if len(name[0]) > 1 else "a function"
    return f": `{name[0]}` is not {known}, its entries are {name[0]}[i, j]"
