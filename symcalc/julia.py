"""The table of Julia; see `foreign.py` for how a row is read."""

from __future__ import annotations

import re

from symcalc.foreign import COMMON, Function, Language, stretched

ENTRYWISE = {
    "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "log2": "log2",
    "log10": "log10", "sqrt": "sqrt", "cbrt": "cbrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "abs": "abs",
    "sign": "sign", "floor": "floor", "ceil": "ceil",
}  # fmt: skip
SPECIAL = {
    "erf": "erf", "erfc": "erfc", "erfcx": "erfcx", "log_ndtr": "_log_ndtr",
    "digamma": "digamma", "psi": "digamma", "gamma": "gamma",
}  # fmt: skip


def _entrywise(name: str) -> list[str]:
    return [f"0>0 5 {name}({{0}})", f"e>e 5 {name}.({{0}})"]


def _of_two(name: str) -> list[str]:
    return [f"00>0 5 {name}({{0}}, {{1}})", *(
        f"{ranks}>e 5 {name}.({{0}}, {{1}})" for ranks in ("ee", "e0", "0e")
    )]  # fmt: skip


ROWS = {
    **COMMON,
    **{f"xp.{name}": _entrywise(word) for name, word in ENTRYWISE.items()},
    **{f"special.{name}": _entrywise(word) for name, word in SPECIAL.items()},
    "+": ["ee>e 1 {0:1} + {1:2}", *stretched(".+")],
    "-": ["ee>e 1 {0:1} - {1:2}", *stretched(".-")],
    "//": ["00>0 5 div({0}, {1})"],
    "@": [
        "22>2 2 {0:2} * {1:4}", "21>1 2 {0:2} * {1:4}", "12>1 2 {1:5}' * {0:4}",
        "11>0 5 dot({0}, {1})", "ff>0 5 dot({0}, {1})",
    ],
    "xp.sum": ["e>0 5 sum({0})"],
    "xp.sum:0": ["2>1 5 vec(sum({0}, dims=1))"],
    "xp.sum:1": ["2>1 5 vec(sum({0}, dims=2))"],
    "xp.prod": ["e>0 5 prod({0})"],
    "xp.max": ["e>0 5 maximum({0})"],
    "xp.min": ["e>0 5 minimum({0})"],
    "xp.trace": ["2>0 5 tr({0})"],
    "xp.diag": ["1>2 5 diagm({0})"],
    "xp.eye": ["0>2 5 Matrix(1.0I, {0}, {0})"],
    "xp.ones": ["00>2 5 ones({0}, {1})", "0>1 5 ones({0})"],
    "xp.zeros": ["00>2 5 zeros({0}, {1})", "0>1 5 zeros({0})"],
    "xp.concatenate:0": ["22>2 5 vcat({0}, {1})", "11>1 5 vcat({0}, {1})"],
    "xp.concatenate:1": ["22>2 5 hcat({0}, {1})"],
    "xp.maximum": _of_two("max"),
    "xp.minimum": _of_two("min"),
    "xp.linalg.eigvalsh": ["2>1 5 eigvals(Symmetric({0}))"],
    "xp.reshape:(-1,)": ["2>1 5 vec({0})", "1>1 5 {0}", "0>1 5 [{0}]"],
    "xp.reshape:(-1, 1)": ["1>2 5 reshape({0}, :, 1)"],
    "xp.reshape:(1, -1)": ["1>2 5 reshape({0}, 1, :)"],
    "xp.reshape:(1, 1)": ["0>2 5 fill({0}, 1, 1)"],
    "xp.reshape:()": ["0>0 5 {0}", "1>0 5 only({0})", "2>0 5 only({0})"],
    "special.gammaln": ["0>0 5 first(logabsgamma({0}))", "e>e 5 first.(logabsgamma.({0}))"],
    "special.polygamma": ["00>0 5 polygamma({0}, {1})", "0e>e 5 polygamma.({0}, {1})"],
    "k.vec": ["2>1 5 vec({0})"],
    "k.submatrix": ["20000>2 5 _submatrix({0}, {1}, {2}, {3}, {4})"],
    "k.embed": ["20000>2 5 _embed({0}, {1}, {2}, {3}, {4})"],
    "k.kron_left": ["22>2 5 _kron_left({0}, {1})"],
    "k.kron_right": ["22>2 5 _kron_right({0}, {1})"],
    "k.kron_times": ["222>2 5 _kron_times({0}, {1}, {2})"],
    "k.block_diagonal": ["20>2 5 kron(Matrix(1.0I, {1}, {1}), {0})"],
    "k.spread_blocks": ["20>2 5 kron({0}, Matrix(1.0I, {1}, {1}))"],
    "k.blocks_times": ["220>2 5 _kron_times(Matrix(1.0I, {2}, {2}), {0}, {1})"],
    "k.spread_times": ["220>2 5 _kron_times({0}, Matrix(1.0I, {2}, {2}), {1})"],
    "k.commuted_rows": ["200>2 5 _commuted_rows({0}, {1}, {2})"],
    "k.spd_trace_inverse": ["22>0 5 sum(abs2, inv({1}))"],
    "k.weighted_blocks": ["222>2 5 _weighted_blocks({0}, {1}, {2})"],
    "k.weighted_stack": ["22>2 5 _weighted_stack({0}, {1})"],
    "k.commuted_kron": [
        "22>2 5 permutedims(_commuted_rows(kron({0}, {1})', size({1}, 2), size({0}, 2)))"
    ],
    "k.commutation": ["00>2 5 _commuted_rows(Matrix(1.0I, {0} * {1}, {0} * {1}), {0}, {1})"],
    "k.duplication": ["0>2 5 _duplication({0})"],
    "k.add_diagonal": ["20>2 1 {0:1} + {1:4} * I", "21>2 1 {0:1} + Diagonal({1})"],
    "k.cholesky": ["2>2 5 cholesky(Symmetric({0})).L"],
    "k.chol": ["2>2 5 _chol({0})"],
    "k.logdet": ["2>0 5 first(logabsdet({0}))"],
    "k.adjugate": ["2>2 5 _adjugate({0})"],
    "k.norm": ["e>0 5 norm({0})"],
    "k.polar": ["2>2 5 _polar({0})"],
    "k.singular_values": ["2>1 5 svdvals({0})"],
    "k.top_singular": ["2>2 5 _top_singular({0})"],
    "k.power_differential": ["202>2 5 _power_differential({0}, {1}, {2})"],
    "k.expm": ["2>2 5 exp({0})"],
    "k.logm": ["2>2 5 log({0})"],
    "k.sqrtm": ["2>2 5 sqrt({0})"],
    "k.expm_differential": ["22>2 5 _corner(exp, {0}, {1})"],
    "k.logm_differential": ["22>2 5 _corner(log, {0}, {1})"],
    "k.fractional_power": ["20>2 5 exp({1:4} * log({0}))"],
    "k.fractional_power_differential": ["202>2 5 _fractional_differential({0}, {1}, {2})"],
    "k.sylvester": ["222>2 5 sylvester({0}, {1}, -{2:5})"],
    "k.half_tril": ["2>2 5 _half_tril({0})"],
    "k.lambda_max": ["2>0 5 eigmax(_symmetric({0}))"],
    "k.lambda_min": ["2>0 5 eigmin(_symmetric({0}))"],
    "k.eigenprojector:-1": ["2>2 5 _eigenprojector({0}, size({0:5}, 1))"],
    "k.eigenprojector:0": ["2>2 5 _eigenprojector({0}, 1)"],
    "k.maximum": _of_two("max"),
    "k.minimum": _of_two("min"),
    "k.argmax": ["1>1 5 _argmax({0})"],
    "k.argmax_rows": ["2>2 5 _argmax({0}, 2)"],
    "k.argmax_columns": ["2>2 5 _argmax({0}, 1)"],
    "k.row_max": ["2>1 5 vec(maximum({0}, dims=2))"],
    "k.heaviside": ["0>0 5 Float64({0:5} > 0)", "e>e 5 Float64.({0:5} .> 0)"],
    "k.relu": ["0>0 5 max({0}, 0)", "e>e 5 max.({0}, 0)"],
    "k.sigmoid": _entrywise("_sigmoid"),
    "k.softplus": _entrywise("_softplus"),
    "k.log_one_minus_exp": _entrywise("_log_one_minus_exp"),
    "k.log_hazard_inverse": _entrywise("_log_hazard_inverse"),
    "k.log_softplus": _entrywise("_log_softplus"),
    "k.det_sign": ["2>0 5 last(logabsdet({0}))"],
    "k.peak": ["0>0 5 _finite({0})", "e>0 5 _finite(maximum({0}))"],
    "k.peak_rows": ["2>1 5 vec(_finite.(maximum({0}, dims=2)))"],
    "k.weighted_peak": ["21>1 5 _weighted_peak({0}, {1})"],
    "k.weighted_exp": ["211>1 5 _weighted_exp({0}, {1}, {2})"],
    "k.logsumexp": ["1>0 5 _logsumexp({0})"],
    "k.softmax": ["1>1 5 _softmax({0})"],
    "k.logsumexp_rows": ["2>1 5 map(_logsumexp, eachrow({0}))"],
    "k.softmax_rows": ["2>2 5 mapslices(_softmax, {0}, dims=2)"],
    "k.softmax_columns": ["2>2 5 mapslices(_softmax, {0}, dims=1)"],
}  # fmt: skip

HELPERS = {
    "_submatrix": """\
_submatrix(a, i, p, j, q) = a[i+1:i+p, j+1:j+q]""",
    "_embed": """\
function _embed(a, i, j, m, n)
    result = zeros(m, n)
    result[i+1:i+size(a, 1), j+1:j+size(a, 2)] = a
    return result
end""",
    "_kron_left": """\
function _kron_left(m, b)
    (p, q) = size(b)
    rows, columns = 1:div(size(m, 1), p), 1:div(size(m, 2), q)
    return [dot(m[(i-1)*p+1:i*p, (j-1)*q+1:j*q], b) for i in rows, j in columns]
end""",
    "_kron_right": """\
function _kron_right(a, m)
    p, q = div(size(m, 1), size(a, 1)), div(size(m, 2), size(a, 2))
    return [dot(m[i:p:end, j:q:end], a) for i in 1:p, j in 1:q]
end""",
    "_weighted_blocks": """\
_weighted_blocks(a, w, b) = cat((a * Diagonal(c) * b for c in eachcol(w))..., dims=(1, 2))""",
    "_weighted_stack": """\
_weighted_stack(a, w) = reduce(vcat, [a * Diagonal(c) for c in eachcol(w)])""",
    "_kron_times": """\
function _kron_times(a, b, m)
    column(c) = vec(b * reshape(c, size(b, 2), size(a, 2)) * a')
    return mapslices(column, m, dims=1)
end""",
    "_commuted_rows": """\
_commuted_rows(a, m, n) = a[vec(permutedims(reshape(1:m*n, m, n))), :]""",
    "_duplication": """\
function _duplication(n)
    places = [(i, j) for j in 1:n for i in j:n]
    result = zeros(n * n, length(places))
    for (k, (i, j)) in enumerate(places)
        result[(j-1)*n+i, k] = result[(i-1)*n+j, k] = 1
    end
    return result
end""",
    "_adjugate": """\
_adjugate(a) = det(a) * inv(a)""",
    "_polar": """\
function _polar(a)
    f = svd(a)
    return f.U * f.Vt
end""",
    "_top_singular": """\
function _top_singular(a)
    f = svd(a)
    return f.U[:, 1] * f.Vt[1, :]'
end""",
    "_power_differential": """\
function _power_differential(a, k, e)
    k < 0 && return _power_differential(inv(a), -k, -inv(a) * e * inv(a))
    return sum((a^i * e * a^(k - 1 - i) for i in 0:Int(k)-1), init=zero(a * e))
end""",
    "_corner": """\
function _corner(f, a, e)
    n = size(a, 1)
    return f([a e; zero(a) a])[1:n, n+1:end]
end""",
    "_fractional_differential": """\
_fractional_differential(a, k, e) = _corner(b -> exp(k * log(b)), a, e)""",
    "_half_tril": """\
_half_tril(a) = tril(a) - Diagonal(a) / 2""",
    "_symmetric": """\
_symmetric(a) = Symmetric((a + a') / 2)""",
    "_chol": """\
_chol(a) = Matrix(cholesky(_symmetric(a)).L)""",
    "_eigenprojector": """\
function _eigenprojector(a, index)
    v = eigen(_symmetric(a)).vectors[:, index]
    return v * v'
end""",
    "_argmax": """\
_argmax(x) = (x .== maximum(x)) / count(x .== maximum(x))
function _argmax(a, axis)
    marks = a .== maximum(a, dims=axis)
    return marks ./ sum(marks, dims=axis)
end""",
    "_sigmoid": """\
_sigmoid(x) = exp(min(x, 0)) / (1 + exp(-abs(x)))""",
    "_softplus": """\
_softplus(x) = max(x, 0) + log1p(exp(-abs(x)))""",
    "_log_ndtr": """\
function _log_ndtr(x)
    low, high = min(x, 0), max(x, 0)
    return log((erfcx(-low / sqrt(2)) + erf(high / sqrt(2))) / 2) - low^2 / 2
end""",
    "_log_one_minus_exp": """\
_log_one_minus_exp(x) = x < log(2) ? log(-expm1(-x)) : log1p(-exp(-x))""",
    "_log_hazard_inverse": """\
_log_hazard_inverse(x) = x < -37 ? x - exp(x) / 2 : _log_one_minus_exp(exp(x))""",
    "_log_softplus": """\
_log_softplus(x) = x < -37 ? x - exp(x) / 2 : log(_softplus(x))""",
    "_finite": """\
_finite(x) = isfinite(x) ? x : zero(x)""",
    "_weighted_peak": """\
_weighted_peak(a, x) = vec(_finite.(maximum(ifelse.(a .== 0, -Inf, x'), dims=2)))""",
    "_weighted_exp": """\
_weighted_exp(a, x, top) = vec(sum(a .* exp.(ifelse.(a .== 0, -Inf, x' .- top)), dims=2))""",
    "_logsumexp": """\
_logsumexp(x) = maximum(x) + log(sum(exp.(x .- maximum(x))))""",
    "_softmax": """\
function _softmax(x)
    e = exp.(x .- maximum(x))
    return e / sum(e)
end""",
}

KEYWORDS = frozenset(
    "baremodule begin break catch const continue do else elseif end export false finally for "
    "function global if import in isa let local macro module mutable outer primitive quote return "
    "struct true try type using var where while abstract I pi π ℯ im NaN Inf nothing missing "
    "Diagonal Symmetric Float64 Int exp log".split()
)
SPECIAL_FUNCTION = r"\b(erf|erfcx?|gamma|digamma|polygamma|logabsgamma)\.?\("


def _frame(function: Function) -> str:
    """Return the text of a file: imports, helpers, the function with its summary above it."""
    body = [*function.body, f"return {', '.join(function.results)}"]
    text = "\n".join(
        [
            *(f"# {line}".rstrip() for line in function.summary),
            f"function {function.name}({', '.join(function.arguments)})",
            *(f"    {line}" for line in body),
            "end",
        ]
    )
    special = any(re.search(SPECIAL_FUNCTION, line) for line in body)
    imports = "using LinearAlgebra" + ("\nusing SpecialFunctions" if special else "")
    return "\n\n".join([imports, *function.helpers, text]) + "\n"


JULIA = Language("Julia", ROWS, HELPERS, KEYWORDS, "size({0}, {1})", "{0} = vec({0})", _frame)
