"""LaTeX in: a tokenizer in front of the same parser, for formulas as they stand in papers.

Letters that stand together are a product (`AX` is A*X); names of several letters come from
`\\operatorname`, `\\mathrm` or a Greek command. A function without brackets takes the factor behind
it, the trace the whole product; where that is not clear the formula is refused.
"""

from __future__ import annotations

import re
from collections.abc import Container

from symcalc.errors import ParseError, caret
from symcalc.letters import GREEK
from symcalc.tokens import MAX_LENGTH, Token

LEXEME = re.compile(
    r"(?P<space>\s+|~|&|\\[,;:!>\s]|\\(?:quad|qquad|displaystyle|textstyle|limits|nonumber)\b)"
    r"|(?P<command>\\(?:[A-Za-z]+|[|{}]))"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<letter>[^\W\d_])"
    r"|(?P<sign>\.\*|\./|\.\^|\|\||.)",
    re.DOTALL,
)
SIZES = {f"\\{word}" for word in "left right big Big bigl bigr Bigl Bigr bigg Bigg middle".split()}
FONTS = {
    f"\\{word}" for word in "mathbf boldsymbol bm mathbb mathcal mathsf mathit vec pmb".split()
}
ACCENTS = {f"\\{word}" for word in "hat tilde bar dot overline widehat widetilde".split()}
VARIANTS = {
    "varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho",
    "varsigma": "sigma", "ell": "l",
}  # fmt: skip
SUBSCRIPT_FONTS = {"mathrm", "text", "mathbf", "{", "}"}
MAX_DEPTH = 200
WORDS = {f"\\{word}" for word in "operatorname mathrm text mbox textrm rm".split()}
SIGNS = {
    "\\cdot": "*", "\\times": "*", "\\ast": "*", "\\odot": ".*", "\\circ": ".*", "\\oslash": "./",
    "\\otimes": "⊗", "\\top": "⊤", "\\intercal": "⊤", "\\prime": "'", "\\langle": "<",
    "\\rangle": ">", "\\lVert": "||", "\\rVert": "||", "\\Vert": "||", "\\|": "||",
    "\\lvert": "|", "\\rvert": "|", "\\vert": "|", "\\mid": "|", "\\{": "(", "\\}": ")",
    "\\lbrace": "(", "\\rbrace": ")", "\\colon": ":", "[": "(", "]": ")", "−": "-", "–": "-",
}  # fmt: skip
FUNCTIONS = {
    f"\\{word}": word for word in "log ln exp det sin cos tan sinh cosh tanh max min arctan".split()
} | {"\\Tr": "tr", "\\tr": "tr", "\\arcsin": "asin", "\\arccos": "acos"}
APPLIED = {
    "sigma": "sigmoid",
    "psi": "digamma",
}  # Greek letters that are functions before a bracket
SPELLED = {"Tr": "tr", "trace": "tr", "Trace": "tr", "Diag": "diag", "logdet": "logdet"}
TRANSPOSES = {"T", "t", "⊤", "'"}
OPENING, CLOSING = {"(", "<"}, {")", ">"}


def is_latex(text: str) -> bool:
    """Whether a formula is written in LaTeX: it has a command, or a braced sub- or superscript."""
    return "\\" in text or re.search(r"[_^]\s*\{", text) is not None


def latex_tokens(text: str, declared: Container[str] = ()) -> list[Token]:
    """Translate LaTeX to the tokens of the language. Raises `ParseError` with a caret.

    `declared` names are variables, also before a bracket: `\\sigma(x + y)` is then a product.
    """
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the formula has {len(text)} characters; the limit is {MAX_LENGTH}")
    tokens = _Latex(text, declared).run()
    places = [k for k, token in enumerate(tokens) if token.text == "="]
    return tokens[places[0] + 1 :] if places and _is_left_side(tokens[: places[0]]) else tokens


def _is_left_side(tokens: list[Token]) -> bool:
    """Whether the tokens are `f`, `f(X)` or `f(X, y)`: the name of what is defined."""
    words = [token.text for token in tokens]
    bracketed = len(words) > 3 and words[1] == "(" and words[-1] == ")" and "(" not in words[2:]
    return bool(tokens) and tokens[0].kind == "name" and (len(words) == 1 or bracketed)


class _Latex:
    """One pass over the lexemes; groups are read by recursion, whose depth is bounded."""

    def __init__(self, text: str, declared: Container[str] = ()) -> None:
        self.text = text
        self.declared = declared
        self.lexemes = [
            Token(str(m.lastgroup), m.group(), m.start())
            for m in LEXEME.finditer(text)
            if m.lastgroup != "space" and m.group() not in SIZES
        ]
        self.place = 0
        self.depth = 0

    def fail(self, message: str, at: int | None = None) -> ParseError:
        place = len(self.text) if at is None else at
        return ParseError(caret(self.text, place, message))

    def run(self) -> list[Token]:
        tokens = self.items(None)
        if self.place < len(self.lexemes):
            raise self.fail("this bracket closes nothing", self.lexemes[self.place].at)
        return tokens

    def peek(self) -> str:
        return self.lexemes[self.place].text if self.place < len(self.lexemes) else ""

    def take(self) -> Token:
        if self.place >= len(self.lexemes):
            raise self.fail("the formula ends where an argument was expected")
        self.place += 1
        return self.lexemes[self.place - 1]

    def items(self, closer: str | None) -> list[Token]:
        """Read up to a closing lexeme, which is left for the caller."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"more than {MAX_DEPTH} groups are nested here")
        tokens: list[Token] = []
        while self.place < len(self.lexemes) and not self._closes(closer):
            self.one(tokens)
        self.depth -= 1
        return tokens

    def _closes(self, closer: str | None) -> bool:
        sign = SIGNS.get(self.peek(), self.peek())
        return sign == "}" and self.peek() == "}" if closer is None else sign == closer

    def one(self, tokens: list[Token]) -> None:
        """Translate the next lexeme and what belongs to it."""
        lexeme = self.take()
        word = lexeme.text
        if word == "{":
            tokens += self._group(lexeme)
        elif word == "^":
            self._exponent(lexeme, tokens)
        elif word == "_":
            self._suffix(lexeme, tokens)
        elif lexeme.kind == "number":
            tokens.append(lexeme)
        elif lexeme.kind == "letter":
            tokens.append(self._name(lexeme, word))
        elif lexeme.kind == "command" and word not in SIGNS:
            self._command(lexeme, tokens)
        else:
            self._sign(Token("sign", SIGNS.get(word, word), lexeme.at), tokens)

    def _sign(self, token: Token, tokens: list[Token]) -> None:
        last = tokens[-1] if tokens else None
        if token.text == "|" and last is not None and last.text == "|" and last.kind == "sign":
            tokens[-1] = Token("sign", "||", last.at)
        else:
            tokens.append(token)

    def _group(self, opened: Token) -> list[Token]:
        if self.peek() == "\\rm":
            self.take()
            word = self._word_inside(opened)
            found: list[Token] = []
            self._called(Token("letter", word, opened.at), word, found)
            return found
        inner = self.items("}")
        if self.peek() != "}":
            raise self.fail("this `{` is never closed", opened.at)
        self.take()
        return inner if len(inner) == 1 else _bracketed(inner, opened.at)

    def argument(self) -> list[Token]:
        """Read the argument of a command: a group, or one lexeme (one digit of a number)."""
        lexeme = self.take()
        if lexeme.text == "{":
            return self._group(lexeme)
        if lexeme.kind == "number" and len(lexeme.text) > 1:
            rest = Token("number", lexeme.text[1:], lexeme.at + 1)
            self.place -= 1
            self.lexemes[self.place] = rest
            return [Token("number", lexeme.text[0], lexeme.at)]
        self.place -= 1
        tokens: list[Token] = []
        self.one(tokens)
        return tokens

    def _command(self, lexeme: Token, tokens: list[Token]) -> None:
        word, name = lexeme.text, lexeme.text[1:]
        if word in FONTS:
            return
        if word in ACCENTS:
            (base,) = self.argument() or [lexeme]
            tokens.append(self._name(lexeme, f"{base.text}_{name}"))
        elif word in WORDS:
            self._called(lexeme, self._word(lexeme), tokens)
        elif word in FUNCTIONS:
            self._called(lexeme, FUNCTIONS[word], tokens)
        elif word in ("\\frac", "\\tfrac", "\\dfrac"):
            top, bottom = self.argument(), self.argument()
            slash = Token("sign", "/", lexeme.at)
            whole = [*_bracketed(top, lexeme.at), slash, *_bracketed(bottom, lexeme.at)]
            tokens += _bracketed(whole, lexeme.at)
        elif word == "\\sqrt":
            tokens += [Token("name", "sqrt", lexeme.at), *_bracketed(self.argument(), lexeme.at)]
        elif name in APPLIED and self._opens() and name not in self.declared:
            self._called(lexeme, APPLIED[name], tokens)
        elif name in GREEK or name.lower() in GREEK or name in VARIANTS:
            tokens.append(self._name(lexeme, VARIANTS.get(name, name)))
        else:
            raise self.fail(f"the command `{word}` is not known", lexeme.at)

    def _opens(self) -> bool:
        return SIGNS.get(self.peek(), self.peek()) == "("

    def _word(self, lexeme: Token) -> str:
        opened = self.take()
        if opened.text != "{":
            return opened.text
        return self._word_inside(opened)

    def _word_inside(self, opened: Token) -> str:
        letters = []
        while self.peek() not in ("}", ""):
            letters.append(self.take().text)
        if not self.peek():
            raise self.fail("this `{` is never closed", opened.at)
        self.take()
        word = "".join(letters).replace("\\_", "_")
        if not word.isidentifier():
            raise self.fail(f"`{word}` is not a name", opened.at)
        return word

    def _called(self, lexeme: Token, word: str, tokens: list[Token]) -> None:
        """Write a function and its argument, with or without brackets in the source."""
        name = SPELLED.get(word, word)
        if len(word) == 1 or (word == lexeme.text and lexeme.kind != "letter"):
            tokens.append(self._name(lexeme, word))
            return
        power: list[Token] = []
        if self.peek() == "^":
            self._exponent(self.take(), power)
        tokens.append(Token("name", name, lexeme.at))
        if not power and SIGNS.get(self.peek(), self.peek()) in ("(", "{"):
            self._bracket_argument(tokens)
        elif self._starts_operand():
            tokens += _bracketed(self._open_argument(name, lexeme), lexeme.at)
        tokens += power

    def _bracket_argument(self, tokens: list[Token]) -> None:
        opened = self.take()
        closer = ")" if SIGNS.get(opened.text, opened.text) == "(" else "}"
        inner = self.items(closer)
        if not self.peek():
            raise self.fail("this bracket is never closed", opened.at)
        self.take()
        tokens += _bracketed(inner, opened.at)

    def _starts_operand(self) -> bool:
        sign = SIGNS.get(self.peek(), self.peek())
        return bool(sign) and sign not in ")}]+-,;=:*/^_'" and sign not in (".*", "./", ">")

    def _open_argument(self, name: str, lexeme: Token) -> list[Token]:
        """Read an argument without brackets: one factor, or for the trace the whole product."""
        tokens = self._factor()
        while self._starts_operand():
            if name != "tr":
                raise self.fail(
                    f"where does the argument of `{name}` end? write brackets", lexeme.at
                )
            tokens += self._factor()
        return tokens

    def _factor(self) -> list[Token]:
        tokens: list[Token] = []
        bar = SIGNS.get(self.peek(), self.peek())
        self.one(tokens)
        if bar in ("|", "||", "(", "<"):
            closer = {"(": ")", "<": ">"}.get(bar, bar)
            tokens += self.items(closer)
            if not self.peek():
                raise self.fail(f"this `{bar}` is never closed", tokens[0].at)
            self.one(tokens)
        while self.peek() in ("^", "'", "_"):
            self.one(tokens)
        return tokens

    def _name(self, lexeme: Token, base: str) -> Token:
        """Read a name with its subscript: `A_1`, `X_{ij}`, `P_{k+1|k}`."""
        if self.peek() != "_":
            return Token("name", base, lexeme.at)
        self.take()
        opened = self.take()
        index = opened.text.lstrip("\\")
        if opened.text == "{":
            parts = []
            while self.peek() not in ("}", ""):
                parts.append(self.take().text.lstrip("\\"))
            if not self.peek():
                raise self.fail("this `{` is never closed", opened.at)
            self.take()
            index = "".join(part for part in parts if part not in SUBSCRIPT_FONTS)
        clean = re.sub(r"\W+", "_", index).strip("_")
        return Token("name", f"{base}_{clean}" if clean else base, lexeme.at)

    def _suffix(self, lexeme: Token, tokens: list[Token]) -> None:
        """Read the `_F`, `_2`, `_*` behind a norm."""
        if not tokens or tokens[-1].text != "||":
            raise self.fail("a subscript stands behind a name or a norm", lexeme.at)
        opened = self.take()
        word = self.take().text if opened.text == "{" else opened.text
        if opened.text == "{" and self.take().text != "}":
            raise self.fail("this subscript of a norm is not known", opened.at)
        tokens.append(Token("suffix", word.lstrip("\\").replace("ast", "*"), lexeme.at))

    def _exponent(self, lexeme: Token, tokens: list[Token]) -> None:
        exponent = self.argument()
        words = [token.text for token in exponent if token.text not in "()"]
        at = lexeme.at
        if words and words[-1] in TRANSPOSES and len(words) <= 3 and words[0] in (*TRANSPOSES, "-"):
            power = words[1:-1] or ["1"]
            if words[0] == "-":
                kinds = [Token("sign", "^", at), Token("sign", "-", at)]
                tokens += [*kinds, Token("number", power[0], at)]
            tokens.append(Token("sign", "'", at))
        elif words in (["+"], ["\\dagger"]):
            start = _operand_start(tokens)
            inner = tokens[start:]
            tokens[start:] = [Token("name", "pinv", at), *_bracketed(inner, at)]
        elif words[:1] == [".*"]:
            rest = [token for token in exponent if token.text != ".*"]
            tokens += [Token("sign", ".^", at), *_bracketed(rest, at)]
        else:
            tokens += [Token("sign", "^", at), *_bracketed(exponent, at)]


def _operand_start(tokens: list[Token]) -> int:
    """Return where the operand that ends the tokens begins."""
    place, depth = len(tokens) - 1, 0
    while place > 0:
        depth += (tokens[place].text in CLOSING) - (tokens[place].text in OPENING)
        if depth <= 0:
            break
        place -= 1
    called = place > 0 and tokens[place].text == "(" and tokens[place - 1].kind == "name"
    return max(place - called, 0)


def _bracketed(tokens: list[Token], at: int) -> list[Token]:
    return [Token("sign", "(", at), *tokens, Token("sign", ")", at)]
