"""Names in LaTeX: letters with fonts, accents and subscripts, and the declared names they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from symcalc.latex_lexer import Lexeme
from symcalc.letters import ACCENTS, GREEK, INDEX_SIGNS, WITHOUT_COMMAND, latex_name

BOLD = "mathbf boldsymbol bm pmb bf vec underline mathbfit symbf textbf boldmath mathbfsf"
OTHER_FONTS = (
    "mathbb mathcal mathsf mathfrak mathscr cal sf bb rm it mathnormal mathrm mathit textsf textsc"
)
FONTS = {f"\\{word}": "bold" for word in BOLD.split()} | {
    f"\\{word}": word for word in OTHER_FONTS.split()
}
ACCENT_COMMANDS = {f"\\{name}": name for name in ACCENTS} | {
    "\\widehat": "hat", "\\widetilde": "tilde", "\\overline": "bar",
}  # fmt: skip
VARIANTS = {
    "varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho",
    "varsigma": "sigma", "varpi": "pi", "ell": "l",
}  # fmt: skip
MAX_NAME_DEPTH = 12
INDEX_WORDS = {sign: word for word, sign in INDEX_SIGNS.items()}


class Name:
    """A name as it stands in a formula: what it is called, its font, and where it ends."""

    __slots__ = ("end", "font", "text")

    def __init__(self, text: str, font: str, end: int) -> None:
        self.text = text
        self.font = font
        self.end = end


def base_name(found: Sequence[Lexeme], place: int, depth: int = 0) -> Name | None:
    """Read a letter or word with its fonts and accents; None where no single name stands."""
    if place >= len(found) or depth > MAX_NAME_DEPTH:
        return None
    lexeme = found[place]
    if lexeme.kind in ("letter", "word"):
        return _direction(found, place, depth) or Name(lexeme.text, "", place + 1)
    if lexeme.text == "{":
        inner = base_name(found, place + 1, depth + 1)
        closed = inner is not None and inner.end < len(found) and found[inner.end].text == "}"
        return Name(inner.text, inner.font, inner.end + 1) if inner and closed else None
    if lexeme.text in FONTS or lexeme.text in ACCENT_COMMANDS:
        return _dressed(found, place, depth)
    greek = greek_name(lexeme)
    return Name(greek, "", place + 1) if greek else None


def greek_name(lexeme: Lexeme) -> str:
    """Return the name of a Greek letter's command, or nothing."""
    name = VARIANTS.get(lexeme.text[1:], lexeme.text[1:])
    known = name == "l" or name in GREEK or (name.lower() in GREEK and name.istitle())
    return name if lexeme.kind == "command" and known and name not in WITHOUT_COMMAND else ""


def _direction(found: Sequence[Lexeme], place: int, depth: int) -> Name | None:
    """Read `\\mathrm{d}X`, a differential, as the name dX."""
    if found[place].kind != "word" or found[place].text != "d":
        return None
    inner = base_name(found, place + 1, depth + 1)
    return Name("d" + inner.text, inner.font, inner.end) if inner else None


def _dressed(found: Sequence[Lexeme], place: int, depth: int) -> Name | None:
    inner = base_name(found, place + 1, depth + 1)
    if inner is None:
        return None
    word = found[place].text
    if word in FONTS:
        return Name(inner.text, FONTS[word] or inner.font, inner.end)
    return Name(f"{inner.text}_{ACCENT_COMMANDS[word]}", inner.font, inner.end)


def index_name(found: Sequence[Lexeme]) -> str | None:
    """Return a subscript as part of a name: `k+1|k` is `k_plus_1_k`. None if it cannot be one."""
    parts = [""]
    for lexeme in found:
        text = greek_name(lexeme) or lexeme.text.replace("·", "*")
        if lexeme.text in FONTS or text in ("{", "}", "(", ")"):
            continue
        if text in INDEX_WORDS:
            parts += [INDEX_WORDS[text], ""]
        elif text in (",", "|", ";", ":", "_", "||", "/"):
            parts.append("")
        elif re.fullmatch(r"\\?\w+", text):
            parts[-1] += text.lstrip("\\")
        else:
            return None
    return "_".join(part for part in parts if part)


class Names:
    """Resolves names by what is declared, and refuses two spellings that would be one name."""

    def __init__(self, declared: Iterable[str]) -> None:
        self.declared = frozenset(declared)
        self.by_latex = {latex_name(name): name for name in self.declared}
        self.fonts: dict[str, str] = {}
        self.vectors: set[str] = set()
        self.slices: dict[str, bool] = {}  # whether a slice `X_{:,j}` is a column

    def is_slice(self, name: str, index: Sequence[Lexeme]) -> bool:
        """Note that a name stands for a row or a column; return whether it stood for the other."""
        marks = [lexeme.text == ":" for lexeme in index if lexeme.text not in ("{", "}", ",")]
        return any(marks) and self.slices.setdefault(name, marks[0]) is not marks[0]

    def resolve(self, name: str) -> str:
        """Return the declared name that LaTeX shows in this way, or the name itself."""
        if name in self.declared:
            return name
        return self.by_latex.get(latex_name(name), name)

    def clash(self, name: str, font: str) -> bool:
        """Note the font of a name; return whether the name stood in another font before."""
        if font == "bold" and name[:1].islower():
            self.vectors.add(name)
        return self.fonts.setdefault(name, font) != font
