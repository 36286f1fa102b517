"""Methods as array libraries write them: `X.pow(2)` is `pow(X, 2)`, `X.shape[0]` is `nrow(X)`."""

from __future__ import annotations

from collections.abc import Sequence

from symcalc.arraytext import FLAT_NORM
from symcalc.axes import CLOSING, opening
from symcalc.tokens import Token

MODULE = "F"
MARKS = ("applied", "superscript")
SHAPE = {"0": "nrow", "1": "ncol"}  # `X.shape[0]`
OF_MATRICES = frozenset("trace inv det norm transpose adjugate inverse".split())  # SymPy's too


def with_modules(tokens: Sequence[Token]) -> list[Token]:
    """Read the `F` of `F.softmax(x)` as the module that PyTorch calls so."""
    found: list[Token] = []
    for token in tokens:
        module = bool(found) and found[-1].text == MODULE and token.kind == "method"
        if module and token.text not in OF_MATRICES:
            found[-1] = Token("module", f"{MODULE}.", token.at)
            token = Token("name", token.text, token.at)
        found.append(token)
    return found


def is_array_code(tokens: Sequence[Token]) -> bool:
    """Whether a method is called that only arrays have, or any beside the product `@`."""
    called = [t.text.split()[0] for t in tokens if t.kind in ("applied", "method")]
    product = any(token.text == "@" for token in tokens)
    return any(product or name not in OF_MATRICES for name in called)


def as_calls(tokens: Sequence[Token]) -> list[Token]:
    """Write methods with arguments as calls, with the operand in front as the first argument."""
    found: list[Token] = []
    skipped = 0
    for k, token in enumerate(tokens):
        if skipped:
            skipped -= 1
        elif token.kind == "shape":
            places = [t.text for t in tokens[k + 1 : k + 4]]
            whole = len(places) == 3 and (places[0], places[2]) == ("[", "]")
            name = SHAPE.get(places[1], "") if whole else ""
            _call(found, name or token.text, token)
            found.append(Token("sign", ")", token.at))
            skipped = 3 if name else 0
        elif token.kind == "method":
            _call(found, FLAT_NORM if token.text == "norm" else token.text, token)
            found.append(Token("sign", ",", token.at))
            skipped = 1  # its bracket
        else:
            found.append(token)
    return found


def _call(found: list[Token], name: str, token: Token) -> None:
    """Put a name and a bracket before the operand at the end."""
    start = _operand_start(found)
    found[start:start] = [Token("name", name, token.at), Token("sign", "(", token.at)]


def _operand_start(tokens: Sequence[Token]) -> int:
    """Return where the operand begins that ends the tokens: `x`, `f(x)[0]`, `(A @ x)`."""
    place = len(tokens) - 1
    while place > 0 and (tokens[place].kind in MARKS or tokens[place].text == "'"):
        place -= 1
    while place >= 0 and tokens[place].text in CLOSING:
        place = opening(tokens, place)
        before = tokens[place - 1] if place > 0 else None
        if before is None or not (before.kind == "name" or before.text in CLOSING):
            return place
        place -= 1
    named = place > 0 and tokens[place - 1].kind == "module"
    return max(place - named, 0)
