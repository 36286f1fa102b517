"""LaTeX in: translated to the tokens of the language in one pass, with a stack of its own.

Letters that stand together are a product (`AX` is A*X); names of several letters come from
`\\operatorname`, `\\mathrm`, a Greek command or the declarations. What has two readings is refused.
"""

from __future__ import annotations

from symcalc.latex_frames import BRACE, ITEM, OPERAND_ENDS
from symcalc.latex_lexer import FRACTIONS, Lexeme
from symcalc.latex_names import ACCENT_COMMANDS, FONTS, base_name
from symcalc.latex_refused import REFUSED, SUPERSCRIPTS
from symcalc.latex_scripts import exponent
from symcalc.latex_words import OPENING, Words
from symcalc.tokens import Token, definition_end

PLACES = (",", ":", "+", "-", "*", "·")
CLOSING = (*OPENING.values(), "}")
LOGARITHMS = ("\\log", "\\ln")
EXTREMA = ("\\min", "\\max", "\\argmin", "\\argmax", "argmin", "argmax", "minimize", "maximize")
NORMS = {"fro": "F", "Fro": "F", "frob": "F", "star": "*"}
BARS = ("|", "||")
TEXTS = ("\\text", "\\mbox", "\\textrm", "\\hbox")
OPERAND_KINDS = ("number", "suffix", "applied", "entries")


class LatexReader(Words):
    """Reads one formula."""

    left = ""  # the indices on the left side, `ij` of `C_{ij} = ...`

    def run(self) -> list[Token]:
        """Return the tokens of the formula. Raises `ParseError` with a caret."""
        self.place = self._definition()
        while self.place < len(self.lexemes):
            if self.place in self.jumps:
                self.place = self.jumps[self.place]
            elif not self.closes():
                self.place += 1
                self._one(self.place - 1)
        self.check_closed()
        return [token for token in self.tokens if token is not None]

    def _definition(self) -> int:
        """Return where the formula begins: behind `f(X) =`, `\\log p(X|\\mu) =` or `C_{ij} =`, or
        behind `\\min_x`, if that stands in front."""
        if objective := self._objective():
            return objective
        name = base_name(self.lexemes, int(self.at_place(0) in LOGARITHMS))
        end = self._defined(name.end) if name else 0
        begin = definition_end(self.lexemes, end)
        if begin and name:
            self.left = "".join(x.text for x in self.lexemes[name.end : end] if x.kind == "letter")
        return begin

    def _defined(self, end: int) -> int:
        """Return where the name of a definition ends that has a letter up to `end`: behind its
        subscript, and, in front of a bracket, more letters and an exponent: `W_2^2(p, q) =`."""
        place = end
        while place < len(self.lexemes) and self.lexemes[place].kind == "letter":
            place += 1
        while self.at_place(place) in ("_", "^"):
            place = self.extent(place + 1)
        called = self.at_place(place) == "("
        return place if called else self.extent(end + 1) if self.at_place(end) == "_" else end

    def _objective(self) -> int:
        """Return where the formula behind `\\min_x` or `\\arg\\max_x` begins; 0 if none stands
        here, or if `x` is an index, which stands below letters only."""
        place = int(self.at_place(0) == "\\arg")
        if self.at_place(place) not in EXTREMA or self.at_place(place + 1) != "_":
            return 0
        end = self.extent(place + 2)
        name = base_name(self.lexemes[:end], place + 2)
        if name is None or name.end != end:
            return 0
        letters = [x.text for x in self.lexemes[place + 2 : end] if x.text not in "{}"]
        at = end
        while at < len(self.lexemes):
            if self.at_place(at) == "_":
                at = self.extent(at + 1)
            elif self.at_place(at) == letters[-1]:
                return end
            else:
                at += 1
        return 0

    def _one(self, place: int) -> None:
        """Translate the lexeme at a place and what belongs to it."""
        lexeme, depth = self.lexemes[place], len(self.frames)
        if lexeme.text == "^":
            return self._exponent(lexeme)
        if lexeme.text in REFUSED:
            raise self.fail(REFUSED[lexeme.text], lexeme.at)
        if lexeme.text == "_":
            return self._places(lexeme.at)
        if lexeme.text in FRACTIONS or not self.word(place):
            self._structure(lexeme)
        if len(self.frames) == depth:
            self.item_done(lexeme.at)

    def _places(self, at: int) -> None:
        """Read `\\left[X\\right]_{0,1}`, the entry of a matrix in brackets, and what else may stand
        below a bracket: the kind of a norm, `_F` of an inner product, `_+` of the positive part."""
        end = self.extent(self.place)
        inner = "".join(x.text for x in self.lexemes[self.place : end] if x.text not in "{,}")
        if inner.isalpha() and self.running & set(inner):
            self.place = end
            self.tokens.append(Token("entries", inner, at))
            return None
        if self._below_bracket([x.text for x in self.lexemes[self.place : end]], at):
            return
        texts = [
            lexeme.text for lexeme in self.lexemes[self.place : end] if lexeme.text not in "{}"
        ]
        closed = self.place > 1 and self.lexemes[self.place - 2].text == "]"
        if not closed or not all(text.isalnum() or text in PLACES for text in texts):
            message = "a subscript stands behind a name or a norm, an index behind `[X]`"
            raise self.fail(message, at)
        self.tokens += [Token("sign", text, at) for text in ("[", *texts, "]")]
        self.place = end

    def _below_bracket(self, texts: list[str], at: int) -> bool:
        last = self.tokens[-1].text if self.tokens and self.tokens[-1] else ""
        inner = [text for text in texts if text not in "{}" and text not in FONTS]
        opened = self._opened() if last == ")" else -1
        before = self.tokens[opened - 1] if opened > 0 else None
        if last == ")" and before is not None and before.text == "norm":
            self.place -= 1
            self._bars_of_norm(opened, at)
        elif last == ">" and inner == ["F"]:
            self.place += len(texts)
        elif last == ")" and inner == ["+"]:
            self.tokens.insert(opened, Token("name", "relu", at))
            self.place += len(texts)
        else:
            return False
        return True

    def _bars_of_norm(self, opened: int, at: int) -> None:
        """Write `norm(x)` with a subscript as `||x||` with it."""
        self.tokens[opened - 1 : opened + 1] = [None, Token("sign", "||", at)]
        self.tokens[-1] = Token("sign", "||", at)
        self._norm_mark(at)

    def _opened(self) -> int:
        """Return the place of the bracket that the last token closes."""
        depth = 0
        for place in range(len(self.tokens) - 1, -1, -1):
            token = self.tokens[place]
            depth += 0 if token is None else (token.text == ")") - (token.text == "(")
            if not depth:
                return place
        return -1

    def _structure(self, lexeme: Lexeme) -> None:
        word, at = lexeme.text, lexeme.at
        if word == "{":
            self.emit("(", at)
            self.open(at, (("}",), BRACE))
        elif word in OPENING and lexeme.kind != "matrix":
            self.emit("* (" if self._follows_letter() else "(", at)
            self.open(at, ((OPENING[word],), ")"))
        elif word in CLOSING and lexeme.kind != "matrix":
            raise self.fail("this bracket closes nothing", at)
        elif word in FRACTIONS:
            self.emit("( (", at)
            self.open(at, (ITEM, ") / ("), (ITEM, ") )"))
        elif word == "\\sqrt":
            self._root(at)
        elif lexeme.kind == "number":
            self._number(lexeme)
        elif lexeme.kind == "command":
            self._command(lexeme)
        else:
            self._sign(lexeme)

    def _follows_letter(self) -> bool:
        """Whether a letter stands before a bracket that calls a function in the language: LaTeX
        writes the size of `D(n)` below, and `D(x - y)` is a product."""
        last = self.tokens[-1] if self.tokens else None
        if last is None or last.kind != "name" or last.text in self.names.declared:
            return False
        upright = self.text[last.at : last.at + 1] != last.text  # `\\operatorname{D}`
        return len(last.text) == 1 and not upright and self.is_function(last.text)

    def _root(self, at: int) -> None:
        """Read `\\sqrt{x}`, and `\\sqrt[3]{x}` as a power."""
        if self.at_place(self.place) != "[":
            self.emit("sqrt (", at)
            return self.open(at, (ITEM, ")"))
        index = self.at_place(self.place + 1)
        if not index.isalnum() or self.at_place(self.place + 2) != "]":
            raise self.fail("the index of a root is a number or a letter", at)
        self.place += 3
        self.emit("(", at)
        return self.open(at, (ITEM, f") ^ ( 1 / {index} )"))

    def _number(self, lexeme: Lexeme) -> None:
        """Read a number; `1_n` is a vector of ones."""
        if lexeme.text in self.phrases.digits and self.at_place(self.place) == "_":
            self.sized(self.phrases.digits[lexeme.text], lexeme.at)
        else:
            if self.frames and self.frames[-1].end == ITEM and len(lexeme.text) > 1:
                raise self.fail("an argument of several digits stands in braces", lexeme.at)
            self.tokens.append(Token("number", lexeme.text, lexeme.at))

    def _command(self, lexeme: Lexeme) -> None:
        word, at = lexeme.text, lexeme.at
        if word == "\\operatorname":
            name = self.text[at:].partition("{")[2].partition("}")[0]
            raise self.fail(f"`{name[:40]}` is not a name", at)
        if word in TEXTS:
            message = f"`{word}{{...}}` holds words, no formula: write the function alone"
            raise self.fail(message, at)
        if word in ACCENT_COMMANDS:
            raise self.fail("an accent stands over one letter", at)
        if word not in FONTS:
            raise self.fail(f"the command `{word}` is not known", at)
        self.bold_digit(at)

    def _exponent(self, lexeme: Lexeme) -> None:
        """Read what stands behind `^`: a mark, an entrywise power or a power."""
        end, at = self.extent(self.place), lexeme.at
        kind, value = exponent(self.lexemes[self.place : end], self.names.declared | self.running)
        if value == "(" and self.at_place(self.place) == "(":
            counted = self.lexemes[self.place + 1 : self.place + 3]
            whole = [x.kind for x in counted] == ["number", "sign"] and counted[1].text == ")"
            kind = kind if whole else "power"  # `A^(-1/2)`, as in plain text
        if value == "(" and self._sample(end):
            return
        if kind == "refused":
            raise self.fail(SUPERSCRIPTS[value], at)
        if kind == "transpose":
            self.emit(f"^ ( {value} ) '" if value else "'", at)
            self.place = end
        elif kind == "mark" and value in self.phrases.marks:
            self.tokens.append(Token("applied", self.phrases.marks[value], at))
            self.place = end
        else:
            self.emit(".^ (" if kind == "entrywise" else "^ (", at)
            self._open_exponent(kind, at)

    def _sample(self, end: int) -> bool:
        """Read `x^{(i)}` behind a sum over `i` as `x_i`, `x_j^{(i)}` as `x_{ij}`."""
        inner = [x.text for x in self.lexemes[self.place : end] if x.text not in "{()}"]
        last = self.tokens[-1] if self.tokens else None
        if len(inner) != 1 or inner[0] not in self.running or not last or last.kind != "name":
            return False
        base, _, index = last.text.partition("_")
        last.text = "_".join(filter(None, [base, inner[0], index]))
        self.place = end
        return True

    def _open_exponent(self, kind: str, at: int) -> None:
        if kind == "entrywise":
            braced = self.at_place(self.place) == "{"
            if not braced:
                raise self.fail("an entrywise exponent stands in braces: ^{\\circ 2}", at)
            self.place += 2
            return self.open(at, (("}",), ")"))
        if self.at_place(self.place) == "-":
            self.place += 1
            self.emit("-", at)
        return self.open(at, (ITEM, ")"))

    def _sign(self, lexeme: Lexeme) -> None:
        word, at = lexeme.text, lexeme.at
        if word == "\\":
            raise self.fail("`\\` is not a sign of the language", at)
        if word == "=":
            raise self.fail("a formula is one side of an equation: write what stands there", at)
        if word in BARS and lexeme.side == "left" and self._operand():
            self.emit("*", at)
        self.tokens.append(Token("sign", word, at))
        if word == "||" and lexeme.side != "left":
            self._norm_mark(at)

    def _norm_mark(self, at: int) -> None:
        if index := self.index(inverse=True):
            self.tokens.append(Token("suffix", NORMS.get(index, index), at))

    def _operand(self) -> bool:
        """Whether what has been written ends with an operand, so that a bar opens a factor."""
        last = self.tokens[-1] if self.tokens else None
        if last is None or last.text in BARS:
            return last is not None and self.lexemes[self.place - 2].side == "right"
        if last.kind == "name":
            return last.text in self.names.declared or not self.is_function(last.text)
        return last.kind in OPERAND_KINDS or last.text in OPERAND_ENDS
