"""The words of a formula in LaTeX: functions, variables with fonts and indices, sized constants."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from symcalc.arraytext import CONSTANTS
from symcalc.declare import default_kind
from symcalc.latex_frames import ITEM, Frames
from symcalc.latex_lexer import Lexeme, lexemes
from symcalc.latex_names import ACCENT_COMMANDS, FONTS, Names, base_name, index_name
from symcalc.latex_rows import Phrasebook, head_name
from symcalc.latex_scripts import exponent, size_texts
from symcalc.latex_sums import INDEX_LIST, OVER, UNREAD, Over, over_indices
from symcalc.tokens import Token

FUNCTIONS = {  # that are written as a letter, and how the language calls them
    "Gamma": "; the function is \\operatorname{gamma}(x), its logarithm \\operatorname{gammaln}(x)",
    "Phi": "; the function is \\operatorname{normcdf}(x)",
    "E": "; of an expectation write what it is of, or the mean of a sample, \\frac1n \\sum_{i=1}^n",
}
OPENING = {"(": ")", "[": "]", "\\{": "\\}"}
LOOK_AHEAD = 60
INDEXED = re.compile("_[a-z]{1,2}$")
LOG_LIKE = {  # commands of LaTeX itself: braces behind them are not seen in print
    f"\\{word}"
    for word in "log ln exp det sin cos tan sinh cosh tanh arcsin arccos arctan max min".split()
}


class Words(Frames):
    """Reads names. `is_function(name)` says what is called with an argument, `dims` are the sizes
    that the declarations mention."""

    def __init__(
        self,
        text: str,
        names: Names,
        phrases: Phrasebook,
        is_function: Callable[..., bool],
        dims: Collection[str],
    ) -> None:
        super().__init__(text)
        self.names = names
        self.phrases = phrases
        self.is_function = is_function
        self.dims = dims
        self.load(lexemes(text, self._is_word))
        self.jumps: dict[int, int] = {}
        self.euler: dict[bool, int] = {}
        self.running: set[str] = set()  # the indices of the sums so far

    def _is_word(self, run: str) -> bool:
        """Whether letters that stand together are one name: declared so, or a function."""
        if run in self.names.declared:
            return not all(letter in self.names.declared for letter in run)
        return self.is_function(run, False)

    def word(self, place: int) -> bool:
        """Read a pattern of a row, a function or a name; return whether one stands at the place."""
        return (
            self._over(place) or self._pattern(place) or self._function(place) or self._name(place)
        )

    def bold_digit(self, at: int) -> None:
        """Read `\\mathbf{1}`, a vector of ones whose size is inferred, and `\\mathbf{1}_{n}`."""
        braced = self.at_place(self.place) == "{"
        digit = self.at_place(self.place + braced)
        if digit not in self.phrases.digits:
            return
        self.place += 1 + 2 * braced
        if self.at_place(self.place) == "_":
            self.sized(self.phrases.digits[digit], at)
        else:
            self.emit(f"vector ( {digit} )", at)

    def sized(self, name: str, at: int) -> None:
        """Write `ones(n, m)` for the sizes in the subscript at the place."""
        end = self.extent(self.place + 1)
        below = self.lexemes[self.place + 1 : end]
        sizes = size_texts(below, self.names.resolve)
        if sizes is None or not self.running.isdisjoint(x.text for x in below):
            raise self.fail("a size was expected in this subscript", self.lexemes[self.place].at)
        self.place = end
        self._write_sizes(name, sizes, at)

    def _write_sizes(self, name: str, sizes: list[str], at: int) -> None:
        self.emit(f"{name} (", at)
        for k, size in enumerate(sizes):
            self.emit("," if k else "", at)
            self.tokens.append(Token("name", size, at))
        self.emit(")", at)

    def _pattern(self, place: int) -> bool:
        """Read a row's LaTeX of several parts, such as `\\psi^{(k)}\\left(x\\right)`."""
        for pattern in self.phrases.patterns:
            head = pattern.head
            if self.at_place(place) == head[0] and all(
                self.at_place(place + k) == text for k, text in enumerate(head)
            ):
                name = base_name(self.lexemes, place)
                if name and self.names.resolve(name.text) in self.names.declared:
                    return False
                at = self.lexemes[place].at
                self.place = place + len(head)
                self.emit(f"{pattern.call} (", at)
                last = len(pattern.ends) - 1
                after = [(end, ")" if k == last else ",") for k, end in enumerate(pattern.ends)]
                self.open(at, *after)
                return True
        return False

    def _function(self, place: int) -> bool:
        """Read the name of a function: `\\log`, `\\operatorname{tr}`, `\\lambda_{\\max}`."""
        lexeme = self.lexemes[place]
        head = head_name(self.lexemes, place) if lexeme.kind != "letter" else None
        if head is None or self.names.resolve(head[0]) in self.names.declared:
            return False
        name, end = head
        applied = self.at_place(end) in OPENING and self.lexemes[end].kind != "matrix"
        if len(name) > 1 and not self.is_function(name) and self.is_function(name.lower(), False):
            name = name.lower()
        if not ((len(name) > 1 or lexeme.kind == "word") and self.is_function(name)):
            base = self.at_place(place).lstrip("\\")
            dressed = lexeme.text in FONTS or lexeme.text in ACCENT_COMMANDS
            if name != base and self.is_function(base) and not dressed:
                message = f"`{base}` with this subscript is not read: write the function alone"
                raise self.fail(message, lexeme.at)
            if not (applied and name in self.phrases.heads):
                return False
            name = self.phrases.heads[name]
        self.place = end
        self.tokens.append(Token("name", name, lexeme.at))
        if lexeme.kind == "command" and lexeme.text not in LOG_LIKE and self.at_place(end) == "{":
            self.place += 1
            self.emit("(", lexeme.at)
            self.open(lexeme.at, (("}",), ")"))
        return True

    def _over(self, place: int) -> bool:
        """Read `\\sum_{i=1}^n` and `\\max_i`, which run over the indices of what is behind them."""
        word, at = self.lexemes[place].text, self.lexemes[place].at
        name = OVER.get(word, word.lstrip("\\"))
        scripts, end = self._scripts(place + 1)
        named = self.lexemes[place].kind in ("command", "word") and self.is_function(name)
        named = named and not self._is_declared(name, place)
        if word not in OVER and not ("_" in scripts and named):
            return False
        found = over_indices(name, scripts.get("_", []), scripts.get("^", []))
        if found:
            self.place = end
            self.running |= set(Over.of(found).letters)
            self.tokens.append(Token("binder", found, at))
        elif word in OVER:
            raise self.fail(UNREAD.format(word), at)
        return bool(found)

    def _is_declared(self, name: str, place: int) -> bool:
        """Whether a name with the subscript behind the place is that of a variable, `tr_x`."""
        index = index_name(self.lexemes[place + 2 : self.extent(place + 2)])
        return self.names.resolve(f"{name}_{index}") in self.names.declared

    def _scripts(self, place: int) -> tuple[dict[str, list[str]], int]:
        """Return what stands below and above the sign that ends at a place."""
        found: dict[str, list[str]] = {}
        while self.at_place(place) in ("_", "^") and self.at_place(place) not in found:
            end = self.extent(place + 1)
            found[self.at_place(place)] = [x.text for x in self.lexemes[place + 1 : end]]
            place = end
        return found, place

    def _name(self, place: int) -> bool:
        """Read a variable with its fonts, accents and subscript."""
        base = base_name(self.lexemes, place)
        if base is None:
            return False
        at = self.lexemes[place].at
        self.place = base.end
        below = self._subscript()
        name, index = base.text, self.index()
        resolved = self.names.resolve(f"{name}_{index}" if index else name)
        if below is not None:
            self._check_index(resolved, self.lexemes[below + 1 : self.extent(below + 1)], at)
            behind = below != base.end and base.text.isupper() and self.running & set(index)
            if behind:
                raise self.fail(
                    f"an entry of a power: write `\\left({name}^{{k}}\\right)_{{ij}}`", at
                )
        if resolved not in self.names.declared and self._sized_letter(name, base.end, at):
            return True
        if resolved == "e" and resolved not in self.names.declared and self._exponential(at):
            return True
        undeclared = resolved not in self.names.declared
        if undeclared and resolved in self.phrases.sized:
            base.font = ""
        if self.names.clash(resolved, base.font):
            raise self.fail(
                f"`{resolved}` stands here in another font than before: two variables need two "
                "names, one variable one font",
                at,
            )
        self.tokens.append(Token("name", resolved, at))
        if undeclared:
            upright = self.lexemes[place].kind == "word" or base.font == "mathbb"
            self._not_applied(resolved, at, upright)
        return True

    def _check_index(self, name: str, below: Sequence[Lexeme], at: int) -> None:
        """Raise `ParseError` for a subscript that has an index of a sum and is no list of indices,
        and for one name that is a row here and a column there."""
        texts = [lexeme.text for lexeme in below if lexeme.text not in "{}"]
        if self.running.isdisjoint(texts):
            return
        known = any(name == own or name.startswith(f"{own}_") for own in self.names.declared)
        if not known and not INDEX_LIST.fullmatch("".join(texts)):
            message = "this subscript is not read: indices are `i`, `ij`, `i+1` or `:,j`"
            raise self.fail(message, below[0].at)
        if self.names.is_slice(name, below):
            raise self.fail(f"`{name}` is a row here and a column there: name one of them", at)

    def index(self, inverse: bool = False) -> str:
        """Read the subscript that belongs to what ends at the place, also behind an exponent; below
        a norm it may be an inverse, `\\Sigma^{-1}`."""
        place = self._subscript()
        if place is None or place in self.jumps:
            return ""
        end = self.extent(place + 1)
        found = self.lexemes[place + 1 : end]
        texts = [lexeme.text for lexeme in found if lexeme.text not in "{}"]
        inverse = inverse and texts[-3:] == ["^", "-", "1"]
        cut = [lexeme.text for lexeme in found].index("^") if inverse else len(found)
        index = index_name(found[:cut])
        index = f"{self.names.resolve(index)}^-1" if index and inverse else index
        if self.at_place(place + 1) in ("", "{") and place + 1 not in self.partner:
            raise self.fail("this subscript is never closed", self.lexemes[place].at)
        if index is None:
            raise self.fail("this subscript cannot be part of a name", self.lexemes[place].at)
        if place == self.place:
            self.place = end
        else:
            self.jumps[place] = end
        return index

    def _subscript(self) -> int | None:
        place = self.place
        if self.at_place(place) == "^":
            place = self.extent(place + 1)
        return place if self.at_place(place) == "_" else None

    def _sized_letter(self, name: str, place: int, at: int) -> bool:
        """Read `I_n` and `K_{m,n}` where the letter is not declared and these are sizes."""
        op = self.phrases.sized.get(name)
        if op is None or name in self.names.declared or self.at_place(place) != "_":
            return False
        end = self.extent(place + 1)
        letters = "".join(x.text for x in self.lexemes[place + 1 : end] if x.kind == "letter")
        if self.running & set(letters) and op.role == "identity":
            self.place = end
            self.tokens.append(Token("name", f"delta_{letters}", at))
            return True
        sizes = size_texts(self.lexemes[place + 1 : end], self.names.resolve) or []
        sizes = sizes[:1] if len(set(sizes)) == 1 and len(op.dims) == 1 else sizes
        known = all(size in self.dims for size in sizes) or op.role == "identity"
        if len(sizes) != len(op.dims) or not known:
            return False
        self.place = end
        self._write_sizes(op.call or op.name, sizes, at)
        return True

    def _exponential(self, at: int) -> bool:
        """Read `e^{...}` as the exponential function; a name `e` beside it is refused."""
        powered = self.at_place(self.place) == "^"
        if powered:
            end = self.extent(self.place + 1)
            kind, _ = exponent(self.lexemes[self.place + 1 : end], self.names.declared)
            powered = kind == "power"
        self.euler[powered] = at
        if len(self.euler) == 2:
            raise self.fail("`e` is the base of an exponential and a name here: declare it", at)
        if powered:
            self.place += 1
            self.emit("power_of_e (", at)
            if self.at_place(self.place) == "-":
                self.place += 1
                self.emit("-", at)
            self.open(at, (ITEM, ")"))
        return powered

    def _not_applied(self, name: str, at: int, upright: bool) -> None:
        """Refuse `\\phi(x)` of a name that is not declared: a function or a product?"""
        bracket = self.at_place(self.place)
        indexed = self.running and INDEXED.search(name)
        if indexed or bracket not in OPENING or not (bracket == "(" or upright):
            return
        scalar = default_kind(name) == "scalar" and name not in CONSTANTS
        if not upright and not self._reads_as_call(scalar):
            return
        meant = FUNCTIONS.get(name, "")
        raise self.fail(
            f"`{name}(...)` is a function or a product: declare `{name}`, or write a product as "
            f"`{name} \\cdot (...)`{meant}",
            at,
        )

    def _reads_as_call(self, scalar: bool) -> bool:
        """Whether the bracket at the place holds a list or a single name, or, behind a scalar, no
        sum."""
        depth, inner = 1, []
        for lexeme in self.lexemes[self.place + 1 : self.place + LOOK_AHEAD]:
            depth += (lexeme.text in OPENING) - (lexeme.text in OPENING.values())
            if not depth:
                break
            inner.append((depth, lexeme))
        signs = [x.text for level, x in inner[1:] if level == 1 and x.text in ("+", "-", ",", ";")]
        one = base_name([lexeme for _, lexeme in inner], 0)
        alone = one is not None and one.end == len(inner)
        if depth or signs[:1] in (["+"], ["-"]):
            return False
        return bool(signs) or alone or scalar
