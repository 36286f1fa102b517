"""From tokens to a list of instructions in postfix order: precedence and brackets.

An operator-precedence parser with its own stack, so that depth costs memory and never recursion. It
knows the punctuation of the language; what the names mean is read in `reader.py`.
"""

from __future__ import annotations

import re
import unicodedata

from symcalc.errors import ParseError
from symcalc.operators import (
    BINDER,
    EXPONENT_SIGN,
    FROM_THE_RIGHT,
    INFIX,
    POWER,
    UNARY,
    Operators,
)
from symcalc.postfix import Item
from symcalc.tokens import Token

STARTS = ("name", "number", "binder")  # kinds of tokens that begin an operand
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
NO_EXPONENTS = {
    "+": "`^+` is no power: write pinv(A) for the pseudo-inverse",
    "*": "`^*` has several readings: write A' for the transpose",
}
CLOSING = {")": "(", "}": "{", "||": "||", "|": "|", ">": "<", "]": "["}


class Parser(Operators):
    """One pass over the tokens; `sizes(name)` says after how many arguments a call lists dimensions
    (None: never)."""

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
            self.output.append(Item("axis", axis, token.at))
        self.output.append(Item("call", name, token.at, 1 + bool(axis)))

    def _axis(self, token: Token) -> None:
        self.output.append(Item("axis", token.text, token.at))
        self.operand = True

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
        if name == "^" and self._peek() in NO_EXPONENTS:
            raise self.fail(NO_EXPONENTS[self._peek()], token.at)
        self._infix(name, level, token.at, token.text in FROM_THE_RIGHT)

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


def _bracket(item: Item) -> str:
    return f"{item.value}(" if item.kind == "call" else str(item.value)


def _no_call(before: str) -> str:
    """Return why what stands before a bracket with a comma is not called."""
    name = re.search(r"\w+$", before)
    if name is None:
        return ""
    known = "a known function" if len(name[0]) > 1 else "a function"
    return f": `{name[0]}` is not {known}, its entries are {name[0]}[i, j]"
