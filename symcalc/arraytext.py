"""Array code as people type it, NumPy, PyTorch and R, in the tokens of the language.

Behind `np.` and beside `%*%` the signs `*`, `/` and powers are entrywise; elsewhere they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from symcalc.axes import CLOSING, OPENING, call_names, is_torch
from symcalc.declare import default_kind
from symcalc.tokens import Token

ENTRYWISE_SIGNS = {"*": ".*", "/": "./", "**": ".**", "^": ".**"}
MATRIX_SIGNS = ("%*%", "%x%", "%o%")
OF_R = frozenset({*MATRIX_SIGNS, "rowSums", "colSums", "rowMeans", "colMeans"})
PRODUCTS = ("dot", "matmul", "mm", "mv")  # functions of array libraries that are the sign @
INFIX = dict.fromkeys(PRODUCTS, "@") | dict.fromkeys(("power", "pow", "float_power"), ".^")
NAMED = {"mul": "multiply", "sub": "subtract", "div": "divide", "view": "reshape"}
FLAT_NORM = "norm_of_all"  # what PyTorch calls the norm of a tensor
AXES = ("axis", "dim")
KEYWORDS = (*AXES, "ord", "p", "k", "diagonal", "n")
DIFFERENT = {  # functions that mean something else in a library, R among them, and what to write
    "var": ("torch R", "var(x)*n/(n - 1)"), "std": ("torch R", "std(x)*sqrt(n/(n - 1))"),
    "sd": ("R", "std(x)*sqrt(n/(n - 1))"), "sinc": ("np numpy jnp torch", "sinc(pi*x)"),
    "cholesky": ("scipy", "chol(A)'"), "gelu": ("jax", "the formula that is meant"),
    "argmax": ("np numpy jnp torch", "the formula without it"),
}  # fmt: skip
UNBIASED = (
    ": with n - 1 below, the variance is var(x)*n/(n - 1), the deviation std(x)*sqrt(n/(n - 1))"
)
ARGUMENTS = {  # that are not read, and what to write
    **dict.fromkeys(("ddof", "unbiased", "correction"), UNBIASED),
    "k of eye": ": a shifted identity is embed(eye(n - 1), 0, 1, n, n)",
}
CONSTANTS = ("pi",)
NEW_AXIS = ("None", "newaxis")
KEPT = ("keepdims", "keepdim")


def misread(
    tokens: list[Token], is_function: Callable[[str], bool], text: str
) -> tuple[str, int] | None:
    """Return why a name of a library cannot be read, and where it stands."""
    is_r = any(token.text in OF_R for token in tokens)
    methods = "R" if is_r else "torch" if is_torch(tokens, text) else ""
    names = call_names(tokens)
    for k, token in enumerate(tokens):
        module = tokens[k - 1].text if k and tokens[k - 1].kind == "module" else ""
        library = module.partition(".")[0] or methods
        called = token.text.partition(" ")[0]
        libraries, instead = DIFFERENT.get(called, ("", ""))
        applied = token.kind in ("applied", "method") or _called(tokens, k)
        if library and library in libraries.split() and applied:
            return f"`{called}` is another function in {library}: write {instead}", token.at
        if token.text == "=" and names[k] and (why := _argument(tokens[k - 1].text, names[k])):
            return why, tokens[k - 1].at
        if token.text in NEW_AXIS and token.kind == "name":
            return "a new axis is not read: `x*ones(n)'` has the vector x in every column", token.at
        if token.text in KEPT and tokens[k - 2].text != "0":
            return "kept axes are read behind the axis 0 only: `sum(A, 1)` is a vector", token.at
        known = is_function(token.text) or token.text in (*PRODUCTS, *CONSTANTS)
        if module and not known and default_kind(token.text):  # a letter, but no variable
            return f"unknown function `{token.text}` behind `{module}`", token.at
    return None


def _argument(name: str, call: str) -> str:
    """Return why an argument with a name is not read; nothing where it is."""
    instead = ARGUMENTS.get(f"{name} of {call}", "")
    known = name in (*KEYWORDS, *KEPT, "dims") and not instead
    return (
        "" if known else f"the argument `{name}=` is not read{instead or ARGUMENTS.get(name, '')}"
    )


def _called(tokens: Sequence[Token], place: int) -> bool:
    return [token.text for token in tokens[place + 1 : place + 2]] == ["("]


def as_language(
    tokens: list[Token],
    libraries: bool,
    declared: Collection[str],
    is_literal: Callable[[str, str], bool],
    is_reduction: Callable[[str], bool],
    sizes: Collection[str] = (),
) -> list[Token]:
    """Return the tokens of the language; `libraries` says whether this is code of one in Python,
    `is_literal(f, word)` whether `f(x, word)` is one operation, `is_reduction(f)` whether `f(x)`
    is a number; `sizes` are known dimensions."""
    matrices = any(token.text in OF_R for token in tokens)
    if matrices:
        tokens = [_identity(token, tokens[k + 1 : k + 4], sizes) for k, token in enumerate(tokens)]
    if libraries or matrices:
        kept = ("T", "'") if matrices else ("T", "'", "-")
        tokens = [_flat_norm(token, tokens[k - 1 : k]) for k, token in enumerate(tokens)]
        tokens = [_entrywise(token, tokens[k + 1 : k + 2], kept) for k, token in enumerate(tokens)]
        tokens = [token for token in tokens if token.kind != "module"]
    if matrices and "t" not in declared:
        tokens = [_transposed(t, tokens[k + 1 : k + 2]) for k, t in enumerate(tokens)]
    if libraries:
        tokens = _infix([_named(token) for token in tokens])
    return _arguments(tokens, declared, is_literal, is_reduction if libraries else None)


def _entrywise(token: Token, behind: Sequence[Token], kept: Sequence[str]) -> Token:
    """Return a sign as it is meant between arrays; `X^T` stays."""
    marked = token.text == "^" and any(x.text in kept for x in behind)
    if token.kind != "sign" or marked:
        return token
    return replace(token, text=ENTRYWISE_SIGNS.get(token.text, token.text))


def _flat_norm(token: Token, before: Sequence[Token]) -> Token:
    """Return `torch.norm` as the norm of all entries, which it is also for a matrix."""
    flat = token.text == "norm" and [t.text for t in before] == ["torch."]
    return replace(token, text=FLAT_NORM) if flat else token


def _named(token: Token) -> Token:
    """Return a function by its own name: `mul` is a matrix product elsewhere."""
    return replace(token, text=NAMED[token.text]) if token.text in NAMED else token


def _transposed(token: Token, behind: Sequence[Token]) -> Token:
    """Return `transpose` for the `t` of R."""
    called = token.text == "t" and behind[:1] and behind[0].text == "("
    return replace(token, text="transpose") if called else token


def _identity(token: Token, behind: Sequence[Token], sizes: Collection[str]) -> Token:
    """Return `eye` for the `diag(3)` and `diag(n)` of R."""
    alone = token.text == "diag" and [t.text for t in behind[::2]] == ["(", ")"]
    size = alone and (behind[1].kind == "number" or behind[1].text in sizes)
    return replace(token, text="eye") if size else token


def _infix(tokens: list[Token]) -> list[Token]:
    """Write `dot(A, x)` as `((A) @ (x))`, and powers of arrays in the same way."""
    found: list[Token] = []
    signs: list[str] = []
    for token in tokens:
        name = found[-1] if found else token
        inside = signs[-1] if signs else ""
        if token.text == "(":
            signs.append(INFIX.get(name.text, "") if name.kind == "name" else "")
            if signs[-1]:
                found[-1] = replace(token, at=name.at)
            found.append(token)
        elif token.text == ")" and signs:
            found += [token] * (2 if signs.pop() else 1)
        elif token.text == "," and inside:
            found += [replace(token, text=sign) for sign in (")", inside, "(")]
        else:
            found.append(token)
    return found


def _arguments(
    tokens: list[Token],
    declared: Collection[str],
    is_literal: Callable[[str, str], bool],
    is_reduction: Callable[[str], bool] | None,
) -> list[Token]:
    """Leave out `axis=` in front of an argument, and mark the words that are literals; a number
    behind what reduces an array is an axis too."""
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
        keyword = tokens[k - 2].text if before == "=" else ""
        number = token.kind == "number" and last and before == ","
        if number and is_reduction and not is_literal(calls[-1], token.text):
            keyword = AXES[0] if is_reduction(calls[-1]) else keyword
        if before == "-" and found[-1].kind == "axis":
            found[-1] = replace(found[-1], text=f"-{token.text}")
        else:
            found.append(replace(token, kind="axis") if keyword in AXES else token)
    return found


def _without_kept_rows(tokens: list[Token]) -> list[Token]:
    """Leave out `keepdims=True` behind the axis 0: a vector stands for each row in any case."""
    words = [token.text for token in tokens]
    kept = {k for k in range(len(words)) if words[k - 1 : k] == ["0"] and _keeps(words[k : k + 4])}
    dropped = {k + step for k in kept for step in range(4)}
    return [token for k, token in enumerate(tokens) if k not in dropped]


def _keeps(words: Sequence[str]) -> bool:
    return len(words) == 4 and words[1] in KEPT and (words[0], *words[2:]) == (",", "=", "True")
