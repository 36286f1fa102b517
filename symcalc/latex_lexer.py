"""LaTeX cut into lexemes: spacing, sizes and environments of lines are gone, each sign has one
spelling, and a bracket or bar knows from `\\left` and `\\right` whether it opens or closes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

from symcalc.errors import ParseError, caret
from symcalc.tokens import MAX_LENGTH, SAME_SIGN

WORD = (
    r"\\(?:operatorname\*?|math(?:rm|tt|it)|text(?:rm|up|it|tt|normal)?|mbox|hbox|rm)"
    r"\s*\{\s*(?P<inner>(?:\w|\\_|(?<=\w)\\,(?=\w))+)\s*\}"
    r"|\\operatorname\s*(?P<single>[^\W\d_])(?![^\W\d_])"
    r"|\{\s*\\rm\s+(?P<grouped>[^\W\d_]+)\s*\}|\\rm\s+(?P<switched>[^\W\d_]+)"
)
SPACING = (
    "quad qquad displaystyle textstyle scriptstyle limits nolimits nonumber notag mathop mathrel "
    "mathord mathbin mathopen mathclose ensuremath hfill noindent thinspace"
)
LEXEME = re.compile(
    r"(?P<space>\s+|~|%[^\n]*|\\[,;:!>\s/-]"
    rf"|\\(?:{'|'.join(SPACING.split())})(?![A-Za-z])"
    r"|\\(?:label|tag)\s*\{[^{}]*\})"
    r"|(?P<size>\\(?:left|right|middle|[bB]igg?[lrm]?)(?![A-Za-z])(?:\s*\.(?!\d))?)"
    r"|(?P<environment>\\(?:begin|end)\s*\{\s*\w+\*?\s*\}(?:\{[lcr|]*\})?)"
    r"|(?P<line>\\\\(?:\[[^\]]*\])?|&)"
    rf"|(?P<word>{WORD})"
    r"|(?P<command>\\(?:[A-Za-z]+|[|{}]))"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<raised>⁻?[⁰¹²³⁴-⁹]+|⁻?ᵀ)"
    r"|(?P<letters>[^\W\d_ᵀ⁰¹²³⁴-⁹]+\d*)"
    r"|(?P<sign>:=|\.\*|\./|\.\^|\*\*|\|\||.)",
    re.DOTALL,
)
SIGNS = SAME_SIGN | {
    "\\cdot": "·", "\\times": "×", "×": "×", "\\ast": "*", "\\bullet": "·", "\\div": "/",
    "\\star": "*",
    "\\odot": ".*", "\\circ": ".*", "\\oslash": "./", "\\otimes": "⊗",
    "\\top": "'", "\\intercal": "'", "\\prime": "'",
    "\\langle": "<", "\\rangle": ">", "\\lVert": "||", "\\rVert": "||", "\\Vert": "||",
    "\\|": "||", "\\parallel": "||", "\\lvert": "|", "\\rvert": "|", "\\vert": "|", "\\mid": "|",
    "\\lbrace": "\\{", "\\rbrace": "\\}", "\\lbrack": "[", "\\rbrack": "]", "\\lparen": "(",
    "\\rparen": ")", "\\colon": ":", ":=": "=", "\\coloneqq": "=", "\\triangleq": "=",
    "\\equiv": "=",
}  # fmt: skip
FRACTIONS = ("\\frac", "\\tfrac", "\\dfrac", "\\cfrac")
SAME_SIDE = {"\\lVert": "left", "\\rVert": "right", "\\lvert": "left", "\\rvert": "right"}
DELIMITERS = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")]
LINES = re.compile(r"(?:equation|align(?:ed)?|gather(?:ed)?|split|multline|displaymath|math)\*?")
CASES = "write relu(x), max(x, y), abs(x), sign(x), or heaviside(x) for 1 where x > 0"
INSTEAD = {"cases": CASES, "dcases": CASES, "array": CASES}
MATRICES = re.compile(r"[bpB]?(?:small)?matrix")


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A piece of LaTeX: kind (command, word, letter, number, sign), spelling, position, side."""

    kind: str
    text: str
    at: int
    side: str = ""


def lexemes(text: str, is_word: Callable[[str], bool]) -> list[Lexeme]:
    """Cut a formula; letters that stand together are one name only where `is_word` says so."""
    if len(text) > MAX_LENGTH:
        raise ParseError(f"the formula has {len(text)} characters; the limit is {MAX_LENGTH}")
    found = _Cutter(text, is_word).run()
    while found and found[-1].text in (".", ",", ";"):
        found.pop()
    return _doubled(found)


class _Cutter:
    """One pass over the text, with the side and the matrix that the place stands in."""

    def __init__(self, text: str, is_word: Callable[[str], bool]) -> None:
        self.text = text
        self.is_word = is_word
        self.found: list[Lexeme] = []
        self.side = ""
        self.matrices: list[str] = []

    def run(self) -> list[Lexeme]:
        start, stop = _between_delimiters(self.text)
        for match in LEXEME.finditer(self.text, start, stop):
            kind = str(match.lastgroup)
            kind = "word" if kind in ("inner", "single", "grouped", "switched") else kind
            getattr(self, f"_{kind}", self._plain)(match, kind)
        return self.found

    def _put(self, kind: str, text: str, at: int) -> None:
        side = self.side or SAME_SIDE.get(text, "")
        sign = SIGNS.get(text)
        self.found.append(Lexeme("sign" if sign else kind, sign or text, at, side))
        self.side = ""

    def _plain(self, match: re.Match[str], kind: str) -> None:
        self._put(kind, match.group(), match.start())

    def _raised(self, match: re.Match[str], kind: str) -> None:
        """Put `²` and `ᵀ` as `^{2}` and `^{T}`."""
        for sign in "^{":
            self._put("sign", sign, match.start())
        for sign in unicodedata.normalize("NFKC", match.group()).replace("−", "-"):
            kind = "number" if sign.isdigit() else "letter" if sign == "T" else "sign"
            self._put(kind, sign, match.start())
        self._put("sign", "}", match.start())

    def _number(self, match: re.Match[str], kind: str) -> None:
        """Put a number; behind `\\frac` its digits are the arguments: `\\frac12`."""
        run, at = match.group(), match.start()
        before = [x.text if x.kind == "command" else x.kind for x in self.found[-2:]]
        single = 2 if before[-1:] and before[-1] in FRACTIONS else 0
        if before[:1] and before[0] in FRACTIONS and before[-1] in ("letter", "number"):
            single = 1
        for k, digit in enumerate(run[:single]):
            self._put(kind, digit, at + k)
        if run[single:]:
            self._put(kind, run[single:], at + single)

    def _space(self, match: re.Match[str], kind: str) -> None:
        pass

    def _size(self, match: re.Match[str], kind: str) -> None:
        word = match.group()
        if word[-1] != ".":
            self.side = {"t": "left", "l": "left", "r": "right"}.get(word[-1], "")
            self.side = "right" if word == "\\right" else self.side

    def _word(self, match: re.Match[str], kind: str) -> None:
        word = match["inner"] or match["single"] or match["grouped"] or match["switched"]
        self._put("word", word.replace("\\_", "_").replace("\\,", ""), match.start())

    def _letters(self, match: re.Match[str], kind: str) -> None:
        run, at = match.group(), match.start()
        letters = run.rstrip("0123456789")
        if len(run) > 1 and self.is_word(run):
            return self._put("word", run, at)
        if len(letters) > 1 and self.is_word(letters):
            self._put("word", letters, at)
        else:
            for k, letter in enumerate(letters):
                self._put("letter", letter, at + k)
        if len(letters) < len(run):
            self._put("number", run[len(letters) :], at + len(letters))
        return None

    def _environment(self, match: re.Match[str], kind: str) -> None:
        command, _, rest = match.group().partition("{")
        name = rest.partition("}")[0].strip()
        if LINES.fullmatch(name):
            return
        if not MATRICES.fullmatch(name):
            instead = INSTEAD.get(name, "write the formula alone")
            message = f"the environment `{name}` is not read: {instead}"
            raise ParseError(caret(self.text, match.start(), message))
        opens = "begin" in command
        self.matrices.append(name) if opens else self.matrices and self.matrices.pop()
        self.found.append(Lexeme("matrix", "[" if opens else "]", match.start()))

    def _line(self, match: re.Match[str], kind: str) -> None:
        if self.matrices:
            self.found.append(Lexeme("matrix", "," if match[0] == "&" else ";", match.start()))


def _between_delimiters(text: str) -> tuple[int, int]:
    """Return where the formula begins and ends inside of `$...$` or `\\[...\\]`."""
    start = len(text) - len(text.lstrip())
    stop = len(text.rstrip())
    if text[start:stop][-2:-1] in ("$", ")", "]") and text[stop - 1] in ".,;":
        stop -= 1
    for left, right in DELIMITERS:
        inside = text[start:stop]
        if inside.startswith(left) and inside.endswith(right) and len(inside) >= 2 * len(left):
            return start + len(left), stop - len(right)
    return start, stop


def _doubled(found: list[Lexeme]) -> list[Lexeme]:
    """Join `\\vert\\vert` to a norm sign, and `\\left|\\left|` that `\\right|\\right|` ends."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for k, lexeme in enumerate(found):
        if lexeme.text == "|" and lexeme.side == "left":
            opened.append(k)
        elif lexeme.text == "|" and lexeme.side == "right" and opened:
            partner[opened.pop()] = k
    double = {k for k, end in partner.items() if partner.get(k + 1) == end - 1}
    double |= {partner[k] - 1 for k in double}
    joined: list[Lexeme] = []
    for k, lexeme in enumerate(found):
        if (
            joined
            and lexeme.text == joined[-1].text == "|"
            and (k - 1 in double or not (lexeme.side or joined[-1].side))
        ):
            joined[-1] = replace(joined[-1], text="||")
        else:
            joined.append(lexeme)
    return joined
