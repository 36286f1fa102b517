"""The table of MATLAB, for Octave too; see `foreign.py` for how a row is read.

Vectors are columns, so that a row and a column need no words of their own.
"""

from __future__ import annotations

from symcalc.foreign import COMMON, Function, Language, stretched

ENTRYWISE = {
    "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "log2": "log2",
    "log10": "log10", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "abs": "abs", "sign": "sign",
    "floor": "floor", "ceil": "ceil",
}  # fmt: skip
SPECIAL = {
    "erf": "erf", "erfc": "erfc", "erfcx": "erfcx", "log_ndtr": "log_ndtr_",
    "digamma": "psi", "psi": "psi", "gamma": "gamma", "gammaln": "gammaln",
}  # fmt: skip


def _entrywise(name: str) -> list[str]:
    return [f"e>e 5 {name}({{0}})"]


def _of_two(name: str) -> list[str]:
    return [f"{ranks}>e 5 {name}({{0}}, {{1}})" for ranks in ("ee", "e0", "0e")]


def _beside_a_diagonal(sign: str) -> list[str]:
    """Return the rows for a column or a row beside a diagonal matrix, which Octave does not stretch
    for it."""
    return [
        f"dc>2 1 full({{0}}) {sign} {{1:2}}", f"cd>2 1 {{0:1}} {sign} full({{1}})",
        f"d1>2 1 full({{0}}) {sign} {{1:5}}'", f"1d>2 1 {{0:5}}' {sign} full({{1}})",
    ]  # fmt: skip


ROWS = {
    **COMMON,
    **{f"xp.{name}": _entrywise(word) for name, word in ENTRYWISE.items()},
    **{f"special.{name}": _entrywise(word) for name, word in SPECIAL.items()},
    "+": ["ee>e 1 {0:1} + {1:2}", *stretched("+"), *_beside_a_diagonal("+")],
    "-": ["ee>e 1 {0:1} - {1:2}", *stretched("-"), *_beside_a_diagonal("-")],
    "//": ["00>0 2 {0:2} / {1:4}"],
    "@": [
        "22>2 2 {0:2} * {1:4}", "21>1 2 {0:2} * {1:4}", "12>1 2 {1:5}' * {0:4}",
        "11>0 2 {0:5}' * {1:4}", "ff>0 5 sum(sum({0:2} .* {1:4}))",
    ],
    "xp.sum": ["1>0 5 sum({0})", "e>0 5 sum(sum({0}))"],
    "xp.sum:0": ["2>1 5 sum({0}, 1)'"],
    "xp.sum:1": ["2>1 5 sum({0}, 2)"],
    "xp.prod": ["1>0 5 prod({0})", "e>0 5 prod(prod({0}))"],
    "xp.max": ["1>0 5 max({0})", "e>0 5 max(max({0}))"],
    "xp.min": ["1>0 5 min({0})", "e>0 5 min(min({0}))"],
    "xp.trace": ["2>0 5 trace({0})"],
    "xp.diag": ["1>d 5 diag({0})"],
    "xp.eye": ["0>d 5 eye({0})"],
    "xp.ones": ["00>2 5 ones({0}, {1})", "0>1 5 ones({0}, 1)"],
    "xp.zeros": ["00>2 5 zeros({0}, {1})", "0>1 5 zeros({0}, 1)"],
    "xp.concatenate:0": ["22>2 5 [{0}; {1}]", "11>1 5 [{0}; {1}]"],
    "xp.concatenate:1": ["22>2 5 [{0}, {1}]"],
    "xp.maximum": _of_two("max"),
    "xp.minimum": _of_two("min"),
    "xp.linalg.eigvalsh": ["2>1 5 sort(eig({0}))"],
    "xp.reshape:(-1,)": ["2>1 5 reshape({0}, [], 1)", "1>1 5 {0}", "0>1 5 {0}"],
    "xp.reshape:(-1, 1)": ["1>2 5 {0}"],
    "xp.reshape:(1, -1)": ["1>2 5 {0:5}'"],
    "xp.reshape:(1, 1)": ["0>2 5 {0}"],
    "xp.reshape:()": ["e>0 5 {0}"],
    "special.polygamma": ["0e>e 5 psi({0}, {1})"],
    "k.vec": ["2>1 5 reshape({0}, [], 1)"],
    "k.submatrix": ["20000>2 5 submatrix_({0}, {1}, {2}, {3}, {4})"],
    "k.embed": ["20000>2 5 embed_({0}, {1}, {2}, {3}, {4})"],
    "k.kron_left": ["22>2 5 kron_left_({0}, {1})"],
    "k.kron_right": ["22>2 5 kron_right_({0}, {1})"],
    "k.kron_times": ["222>2 5 kron_times_({0}, {1}, {2})"],
    "k.block_diagonal": ["20>2 5 kron(eye({1}), {0})"],
    "k.spread_blocks": ["20>2 5 kron({0}, eye({1}))"],
    "k.blocks_times": ["220>2 5 kron_times_(eye({2}), {0}, {1})"],
    "k.spread_times": ["220>2 5 kron_times_({0}, eye({2}), {1})"],
    "k.commuted_rows": ["200>2 5 commuted_rows_({0}, {1}, {2})"],
    "k.spd_trace_inverse": ["22>0 4 norm(inv({1}), 'fro') ^ 2"],
    "k.weighted_blocks": ["222>2 5 weighted_blocks_({0}, {1}, {2})"],
    "k.weighted_stack": ["22>2 5 weighted_stack_({0}, {1})"],
    "k.commuted_kron": [
        "22>2 5 transpose(commuted_rows_(kron({0}, {1})', size({1}, 2), size({0}, 2)))"
    ],
    "k.commutation": ["00>2 5 commuted_rows_(eye({0:2} * {1:4}), {0}, {1})"],
    "k.duplication": ["0>2 5 duplication_({0})"],
    "k.add_diagonal": ["20>2 5 add_diagonal_({0}, {1})", "21>2 1 {0:1} + diag({1})"],
    "k.cholesky": ["2>2 5 chol({0}, 'lower')"],
    "k.chol": ["2>2 5 chol(symmetric_({0}), 'lower')"],
    "k.logdet": ["2>0 5 logdet_({0})"],
    "k.adjugate": ["2>2 5 adjugate_({0})"],
    "k.norm": ["e>0 5 norm({0}, 'fro')"],
    "k.polar": ["2>2 5 polar_({0})"],
    "k.singular_values": ["2>1 5 svd({0})"],
    "k.top_singular": ["2>2 5 top_singular_({0})"],
    "k.power_differential": ["202>2 5 power_differential_({0}, {1}, {2})"],
    "k.expm": ["2>2 5 expm({0})"],
    "k.logm": ["2>2 5 logm({0})"],
    "k.sqrtm": ["2>2 5 sqrtm({0})"],
    "k.expm_differential": ["22>2 5 corner_(@expm, {0}, {1})"],
    "k.logm_differential": ["22>2 5 corner_(@logm, {0}, {1})"],
    "k.fractional_power": ["20>2 5 expm({1:4} * logm({0}))"],
    "k.fractional_power_differential": ["202>2 5 fractional_differential_({0}, {1}, {2})"],
    "k.sylvester": ["222>2 5 sylvester({0}, {1}, {2})"],
    "k.half_tril": ["2>2 5 half_tril_({0})"],
    "k.lambda_max": ["2>0 5 max(eig(symmetric_({0})))"],
    "k.lambda_min": ["2>0 5 min(eig(symmetric_({0})))"],
    "k.eigenprojector:-1": ["2>2 5 eigenprojector_({0}, @max)"],
    "k.eigenprojector:0": ["2>2 5 eigenprojector_({0}, @min)"],
    "k.maximum": _of_two("max"),
    "k.minimum": _of_two("min"),
    "k.argmax": ["1>1 5 argmax_({0}, 1)"],
    "k.argmax_rows": ["2>2 5 argmax_({0}, 2)"],
    "k.argmax_columns": ["2>2 5 argmax_({0}, 1)"],
    "k.row_max": ["2>1 5 max({0}, [], 2)"],
    "k.heaviside": ["e>e 5 double({0:5} > 0)"],
    "k.relu": ["e>e 5 max({0}, 0)"],
    "k.sigmoid": _entrywise("sigmoid_"),
    "k.softplus": _entrywise("softplus_"),
    "k.log_one_minus_exp": _entrywise("log_one_minus_exp_"),
    "k.log_hazard_inverse": _entrywise("log_hazard_inverse_"),
    "k.log_softplus": _entrywise("log_softplus_"),
    "k.det_sign": ["2>0 5 det_sign_({0})"],
    "k.peak": ["1>0 5 finite_(max({0}))", "e>0 5 finite_(max(max({0})))"],
    "k.peak_rows": ["2>1 5 finite_(max({0}, [], 2))"],
    "k.weighted_peak": ["21>1 5 weighted_peak_({0}, {1})"],
    "k.weighted_exp": ["211>1 5 weighted_exp_({0}, {1}, {2})"],
    "k.logsumexp": ["1>0 5 logsumexp_({0}, 1)"],
    "k.softmax": ["1>1 5 softmax_({0}, 1)"],
    "k.logsumexp_rows": ["2>1 5 logsumexp_({0}, 2)"],
    "k.softmax_rows": ["2>2 5 softmax_({0}, 2)"],
    "k.softmax_columns": ["2>2 5 softmax_({0}, 1)"],
}  # fmt: skip

HELPERS = {
    "submatrix_": """\
function y = submatrix_(a, i, p, j, q)
    y = a(i+1:i+p, j+1:j+q);
end""",
    "embed_": """\
function y = embed_(a, i, j, m, n)
    y = zeros(m, n);
    y(i+1:i+size(a, 1), j+1:j+size(a, 2)) = a;
end""",
    "kron_left_": """\
function y = kron_left_(m, b)
    [p, q] = size(b);
    y = zeros(size(m, 1) / p, size(m, 2) / q);
    for i = 1:size(y, 1)
        for j = 1:size(y, 2)
            y(i, j) = sum(sum(m((i-1)*p+1:i*p, (j-1)*q+1:j*q) .* b));
        end
    end
end""",
    "kron_right_": """\
function y = kron_right_(a, m)
    p = size(m, 1) / size(a, 1);
    q = size(m, 2) / size(a, 2);
    y = zeros(p, q);
    for i = 1:p
        for j = 1:q
            y(i, j) = sum(sum(m(i:p:end, j:q:end) .* a));
        end
    end
end""",
    "weighted_blocks_": """\
function y = weighted_blocks_(a, w, b)
    blocks = cell(1, size(w, 2));
    for k = 1:size(w, 2)
        blocks{k} = a * diag(w(:, k)) * b;
    end
    y = blkdiag(blocks{:});
end""",
    "weighted_stack_": """\
function y = weighted_stack_(a, w)
    y = zeros(0, size(a, 2));
    for k = 1:size(w, 2)
        y = [y; a * diag(w(:, k))];
    end
end""",
    "kron_times_": """\
function y = kron_times_(a, b, m)
    y = zeros(size(a, 1) * size(b, 1), size(m, 2));
    for k = 1:size(m, 2)
        block = b * reshape(m(:, k), size(b, 2), size(a, 2)) * a';
        y(:, k) = block(:);
    end
end""",
    "commuted_rows_": """\
function y = commuted_rows_(a, m, n)
    order = reshape(1:m*n, m, n)';
    y = a(order(:), :);
end""",
    "duplication_": """\
function y = duplication_(n)
    y = zeros(n * n, n * (n + 1) / 2);
    k = 0;
    for j = 1:n
        for i = j:n
            k = k + 1;
            y((j-1)*n+i, k) = 1;
            y((i-1)*n+j, k) = 1;
        end
    end
end""",
    "add_diagonal_": """\
function y = add_diagonal_(a, c)
    y = a + c * eye(size(a, 1));
end""",
    "logdet_": """\
function y = logdet_(a)
    [~, u, ~] = lu(a);
    y = sum(log(abs(diag(u))));
end""",
    "adjugate_": """\
function y = adjugate_(a)
    y = det(a) * inv(a);
end""",
    "polar_": """\
function y = polar_(a)
    [u, ~, v] = svd(a, 'econ');
    y = u * v';
end""",
    "top_singular_": """\
function y = top_singular_(a)
    [u, ~, v] = svd(a, 'econ');
    y = u(:, 1) * v(:, 1)';
end""",
    "power_differential_": """\
function y = power_differential_(a, k, e)
    assert(k == round(k), 'a whole exponent is needed');
    y = zeros(size(a));
    if k < 0
        e = -(a \\ e) / a;
        a = inv(a);
    end
    for i = 0:abs(k)-1
        y = y + a^i * e * a^(abs(k)-1-i);
    end
end""",
    "corner_": """\
function y = corner_(f, a, e)
    n = size(a, 1);
    y = f([a, e; zeros(n), a]);
    y = y(1:n, n+1:end);
end""",
    "fractional_differential_": """\
function y = fractional_differential_(a, k, e)
    y = corner_(@(b) expm(k * logm(b)), a, e);
end""",
    "half_tril_": """\
function y = half_tril_(a)
    y = tril(a) - diag(diag(a)) / 2;
end""",
    "symmetric_": """\
function y = symmetric_(a)
    y = (a + a') / 2;
end""",
    "eigenprojector_": """\
function y = eigenprojector_(a, extreme)
    [v, d] = eig(symmetric_(a));
    [~, index] = extreme(diag(d));
    y = v(:, index) * v(:, index)';
end""",
    "argmax_": """\
function y = argmax_(x, axis)
    y = double(x == max(x, [], axis));
    y = y ./ sum(y, axis);
end""",
    "sigmoid_": """\
function y = sigmoid_(x)
    y = exp(min(x, 0)) ./ (1 + exp(-abs(x)));
end""",
    "softplus_": """\
function y = softplus_(x)
    y = max(x, 0) + log1p(exp(-abs(x)));
end""",
    "log_ndtr_": """\
function y = log_ndtr_(x)
    t = -min(x, 0) / sqrt(2);
    y = log((erfcx(t) + erf(max(x, 0) / sqrt(2))) / 2) - t .^ 2;
end""",
    "log_one_minus_exp_": """\
function y = log_one_minus_exp_(x)
    y = log1p(-exp(-x));
    y(x < log(2)) = log(-expm1(-x(x < log(2))));
end""",
    "log_hazard_inverse_": """\
function y = log_hazard_inverse_(x)
    y = log_one_minus_exp_(exp(x));
    y(x < -37) = x(x < -37) - exp(x(x < -37)) / 2;
end""",
    "log_softplus_": """\
function y = log_softplus_(x)
    y = log(softplus_(x));
    y(x < -37) = x(x < -37) - exp(x(x < -37)) / 2;
end""",
    "det_sign_": """\
function y = det_sign_(a)
    [l, u, p] = lu(a);
    y = det(p) * prod(sign(diag(u)));
end""",
    "finite_": """\
function y = finite_(x)
    y = x;
    y(~isfinite(x)) = 0;
end""",
    "weighted_peak_": """\
function y = weighted_peak_(a, x)
    shifted = repmat(x', size(a, 1), 1);
    shifted(a == 0) = -Inf;
    y = finite_(max(shifted, [], 2));
end""",
    "weighted_exp_": """\
function y = weighted_exp_(a, x, top)
    shifted = repmat(x', size(a, 1), 1) - repmat(top, 1, size(a, 2));
    shifted(a == 0) = -Inf;
    y = sum(a .* exp(shifted), 2);
end""",
    "logsumexp_": """\
function y = logsumexp_(x, along)
    top = max(x, [], along);
    y = top + log(sum(exp(x - top), along));
end""",
    "softmax_": """\
function y = softmax_(x, along)
    e = exp(x - max(x, [], along));
    y = e ./ sum(e, along);
end""",
}

KEYWORDS = frozenset(
    "break case catch classdef continue else elseif end for function global if otherwise parfor "
    "persistent return spmd switch try while end_try_catch end_unwind_protect endfor endfunction "
    "endif endparfor endswitch endwhile unwind_protect unwind_protect_cleanup do until pi "
    "expm logm max min eig lu".split()
)


def _frame(function: Function) -> str:
    """Return the text of a file: the function with its summary, then its helpers."""
    text = "\n".join(
        [
            f"function [{', '.join(function.results)}] = "
            f"{function.name}({', '.join(function.arguments)})",
            *(f"% {line}".rstrip() for line in function.summary),
            *(f"    {line};" for line in function.body),
            "end",
        ]
    )
    return "\n\n".join([text, *function.helpers]) + "\n"


MATLAB = Language(
    "MATLAB", ROWS, HELPERS, KEYWORDS, "size({0}, {1})", "{0} = {0}(:)", _frame, "A-Za-z0-9_"
)
