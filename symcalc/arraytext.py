"""Array code as people type it, NumPy, PyTorch and R, in the tokens of the language.

Behind `np.` and beside `%*%` the signs `*`, `/` and powers are entrywise; elsewhere they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from symcalc.tokens import Token

ENTRYWISE_SIGNS = {"*": ".*", "/": "./", "**": ".^", "^": ".^"}
MATRIX_SIGNS = ("%*%", "%x%", "%o%")
PRODUCTS = ("dot", "matmul", "mm", "mv")  # functions of array libraries that are the sign @
KEYWORDS = ("axis", "dim", "ord")
KEPT = ("keepdims", "keepdim")
OPENING, CLOSING = ("(", "["), (")", "]")


def as_language(
    tokens: list[Token], declared: Collection[str], is_literal: Callable[[str, str], bool]
) -> list[Token]:
    """Return the tokens of the language; `is_literal(f, word)` says whether `f(x, word)` is one
    operation."""
    libraries = any(token.kind == "module" for token in tokens)
    matrices = any(token.text in MATRIX_SIGNS for token in tokens)
    if libraries or matrices:
        tokens = [_entrywise(token, tokens, k) for k, token in enumerate(tokens)]
        tokens = [token for token in tokens if token.kind != "module"]
    if matrices and "t" not in declared:
        tokens = [_transposed(t, tokens[k + 1 : k + 2]) for k, t in enumerate(tokens)]
    if libraries:
        tokens = _infix_products(tokens)
    return _arguments(tokens, declared, is_literal)


def _entrywise(token: Token, tokens: Sequence[Token], place: int) -> Token:
    """Return a sign as it is meant between arrays; `X^T` stays."""
    behind = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if token.kind != "sign" or (token.text == "^" and behind in ("T", "'", "-")):
        return token
    return replace(token, text=ENTRYWISE_SIGNS.get(token.text, token.text))


def _transposed(token: Token, behind: Sequence[Token]) -> Token:
    """Return `transpose` for the `t` of R."""
    called = token.text == "t" and behind[:1] and behind[0].text == "("
    return replace(token, text="transpose") if called else token


def _infix_products(tokens: list[Token]) -> list[Token]:
    """Write `dot(A, x)` as `((A) @ (x))`."""
    found: list[Token] = []
    products: list[bool] = []
    for token in tokens:
        name = found[-1].text if found else ""
        inside = bool(products) and products[-1]
        if token.text == "(":
            products.append(name in PRODUCTS and found[-1].kind == "name")
            if products[-1]:
                found[-1] = replace(token, at=found[-1].at)
            found.append(token)
        elif token.text == ")" and products:
            found += [token] * (1 + products.pop())
        elif token.text == "," and inside:
            found += [replace(token, text=sign) for sign in (")", "@", "(")]
        else:
            found.append(token)
    return found


def _arguments(
    tokens: list[Token], declared: Collection[str], is_literal: Callable[[str, str], bool]
) -> list[Token]:
    """Leave out `axis=` in front of an argument, and mark the words that are literals."""
    tokens = _without_kept_rows(tokens)
    found: list[Token] = []
    calls: list[str] = []
    for k, token in enumerate(tokens):
        before, behind = tokens[k - 1].text if k else "", tokens[k + 1 : k + 2]
        if token.text in OPENING:
            calls.append(before)
        elif token.text in CLOSING and calls:
            calls.pop()
        inside = bool(calls) and before == "," and bool(behind)
        if inside and token.text in KEYWORDS and behind[0].text == "=":
            continue
        if token.text == "=" and before in KEYWORDS and calls:
            continue
        last = bool(calls) and before in (",", "=") and bool(behind) and behind[0].text == ")"
        if token.kind == "name" and last and token.text not in declared:
            token = replace(token, kind="literal" if is_literal(calls[-1], token.text) else "name")
        found.append(token)
    return found


def _without_kept_rows(tokens: list[Token]) -> list[Token]:
    """Leave out `keepdims=True` behind the axis 0: a vector stands for each row in any case."""
    words = [token.text for token in tokens]
    kept = {k for k in range(len(words)) if words[k - 1 : k] == ["0"] and _keeps(words[k : k + 4])}
    dropped = {k + step for k in kept for step in range(4)}
    return [token for k, token in enumerate(tokens) if k not in dropped]


def _keeps(words: Sequence[str]) -> bool:
    return len(words) == 4 and words[1] in KEPT and (words[0], *words[2:]) == (",", "=", "True")
