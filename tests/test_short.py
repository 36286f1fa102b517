"""Results in the form that a textbook prints, each compared with central differences."""

import numpy as np
import pytest

from symcalc import derive, parse
from symcalc.rulebook import default_rules
from symcalc.sample import sample
from symcalc.simplify import simplify

SIZES = {"n": 4, "m": 3, "k": 2, "p": 5}
STEP = 1e-5

# function, variable, declarations, the result: a gradient, or a Jacobian for a vector
FORMS = [
    # sizes and sums that have a name
    ("mean(x)^2", "x", "x: vector(n)", "2*mean(x)*ones(n)/n"),
    ("mean(X)*tr(X)", "X", "X: matrix(n)", "tr(X)*ones(n, n)/n^2 + mean(X)*I"),
    ("var(x)", "x", "x: vector(n)", "2*(x - mean(x)*ones(n))/n"),
    ("std(x)", "x", "x: vector(n)", "(x - mean(x)*ones(n))/(n*std(x))"),
    ("norm2(x - mean(x)*ones(n))^2", "x", "x: vector(n)", "2*(x - mean(x)*ones(n))"),
    ("normF(X - ones(n)*mean(X, 0)')^2", "X", "X: matrix(n, m)", "2*(X - ones(n)*mean(X, 0)')"),
    ("sum(mean(X, 0) .^ 2)", "X", "X: matrix(n, m)", "2*ones(n, n)*X/n^2"),
    ("log(mean(exp(x)))", "x", "x: vector(n)", "softmax(x)"),
    ("log(exp(a'*x)/sum(exp(B*x)))", "x", "x: vector(n); a: vector(n); B: matrix(m, n)",
     "a - B'*softmax(B*x)"),
    # functions whose transposes are functions
    ("logdet(sylvester(A, A', B*B'))", "B", "A: matrix(n); B: matrix(n, k)",
     "2*sylvester(A', A, inv(sylvester(A, A', B*B')))*B"),
    ("normF(expm(t*A)*B)^2", "t", "t: scalar; A: matrix(n); B: matrix(n, k)",
     "2*tr(A*expm(t*A)*B*B'*expm(t*A)')"),
    ("norm2(y - exp(-x*t')*pinv(exp(-x*t'))*y)^2", "t",
     "x: positive vector(n); t: positive vector(k); y: vector(n)",
     "2*((pinv(exp(-t*x'))'*y) .* (exp(-t*x')*(x .* (y - exp(-x*t')*pinv(exp(-x*t'))*y))))"),
    # what is positive anyway
    ("abs(1 + x'*x)", "x", "x: vector(n)", "2*x"),
    ("log(abs(1 + x'*S*x))", "x", "x: vector(n); S: psd matrix(n)", "2*S*x/(1 + x'*S*x)"),
    # functions of sums for sums of functions
    ("x .* sigmoid(x)", "x", "x: vector(n)",
     "diag(sigmoid(x) .* (ones(n) + x .* (ones(n) - sigmoid(x))))"),
    ("sum((A - X) ./ (ones(n, m) + X .^ 2))", "X", "A: matrix(n, m); X: matrix(n, m)",
     "(X .^ 2 - ones(n, m) - 2*(A .* X)) ./ (ones(n, m) + X .^ 2) .^ 2"),
    ("sum(softplus(-x))", "x", "x: vector(n)", "-sigmoid(-x)"),
    ("sum(log(sigmoid(A*x)))", "x", "A: matrix(m, n); x: vector(n)", "A'*sigmoid(-A*x)"),
    ("-log(sigmoid(x'*y - x'*z))", "x", "x: vector(n); y: vector(n); z: vector(n)",
     "sigmoid(x'*z - x'*y)*(z - y)"),
    # a denominator stays as its author wrote it where terms above the line cancel
    ("(x - y)'*S*(x - y)/(c + (x - y)'*S*(x - y))", "x",
     "S: spd matrix(n); c: positive scalar; x: vector(n); y: vector(n)",
     "2*c*S*(x - y)/(c + (x - y)'*S*(x - y))^2"),
    # the multiples of an identity are one
    ("-(c + n + 1)/2*logdet(A) - tr(B*inv(A))/2", "A",
     "A: spd matrix(n); B: spd matrix(n); c: positive scalar",
     "inv(A)*(B*inv(A) - (c + n + 1)*I)/2"),
    # a sign over the absolute value
    ("sum(log(abs(A*x)))", "x", "A: matrix(m, n); x: vector(n)", "A'*(A*x) .^ -1"),
    ("log(abs(x'*y))", "x", "x: vector(n); y: vector(n)", "y/(x'*y)"),
    # scalars that some terms of a sum share, and denominators that some of them have
    ("(1 - c)*norm2(x)^3 + c*norm2(x)^2", "x", "c: scalar; x: vector(n)",
     "(2*c + 3*norm2(x)*(1 - c))*x"),
    ("log(exp(x'*y)/(exp(x'*y) + exp(x'*z)))", "x", "x: vector(n); y: vector(n); z: vector(n)",
     "exp(x'*z)*(y - z)/(exp(x'*y) + exp(x'*z))"),
    ("log(sum(exp(A*x)) + exp(x'*y)) - x'*y", "x",
     "A: matrix(m, n); x: vector(n); y: vector(n)",
     "(A'*exp(A*x) - sum(exp(A*x))*y)/(sum(exp(A*x)) + exp(x'*y))"),
    ("c/(c + a) + log(c/(c + a))", "c", "c: positive scalar; a: positive scalar",
     "1/c - c/(c + a)^2"),
    ("mean(x)/(mean(x)^2 + c)", "x", "x: vector(n); c: positive scalar",
     "(c - mean(x)^2)*ones(n)/(n*(mean(x)^2 + c)^2)"),
    # a step and what vanishes with it
    ("relu(c - norm2(x - y))^2", "x", "c: scalar; x: vector(n); y: vector(n)",
     "2*relu(c - norm2(x - y))*(y - x)/norm2(x - y)"),
    ("w'*relu(1 - y .* (A*x)).^2", "x",
     "A: matrix(m, n); w: vector(m); x: vector(n); y: vector(m)",
     "-2*A'*(relu(ones(m) - y .* (A*x)) .* w .* y)"),
    ("y'*x*abs(a'*x)*sign(a'*x)", "x", "x: vector(n); a: vector(n); y: vector(n)",
     "(a*y' + y*a')*x"),
    ("tr((X .* A)*B*C)", "X", "A: matrix(n, m); X: matrix(n, m); B: matrix(m, k); C: matrix(k, n)",
     "A .* (B*C)'"),
    ("normF(X'*X - diag(diag(X'*X)))^2", "X", "X: matrix(n, m)", "4*X*(X'*X - diag(diag(X'*X)))"),
    ("-y'*log(X*softmax(x))", "x", "y: vector(n); X: positive matrix(n, m); x: vector(m)",
     "sum(y)*softmax(x) - (X'*(y ./ (X*softmax(x)))) .* softmax(x)"),
    ("normF(inv(sqrtm(A))*X*inv(sqrtm(A)))^2", "X", "A: spd matrix(n); X: symmetric matrix(n)",
     "2*inv(A)*X*inv(A)"),
    ("sum(mean(W*X + b*ones(m)', 1) .^ 2)", "b",
     "W: matrix(n, k); X: matrix(k, m); b: vector(n)", "2*(mean(W*X, 1) + b)"),
    # several scalars times the same difference
    ("-log(sigmoid(b*(y'*log_softmax(x) - z'*log_softmax(x))))", "x",
     "b: scalar; x: vector(n); y: vector(n); z: vector(n)",
     "b*sigmoid(-b*(y'*(x - logsumexp(x)*ones(n)) - z'*(x - logsumexp(x)*ones(n))))"
     "*(sum(y - z)*softmax(x) - y + z)"),
    # entrywise products and powers of differences, as they were written
    ("sum(softplus(y .* (diag(X*A*X') - b*ones(n))))", "A",
     "X: matrix(n, m); A: symmetric matrix(m); y: vector(n); b: scalar",
     "X'*diag(sigmoid(y .* (diag(X*A*X') - b*ones(n))) .* y)*X"),
    ("log(1 + (x'*y)^2/(c + x'*A*x))", "x",
     "x: vector(n); y: vector(n); A: spd matrix(n); c: positive scalar",
     "2*(x'*y)*(y - (x'*y)*A*x/(c + x'*A*x))/(c + (x'*y)^2 + x'*A*x)"),
    # losses
    ("sum(huber_loss(X*x - y, c))", "x",
     "X: matrix(n, m); x: vector(m); y: vector(n); c: positive scalar", "X'*clip(X*x - y, -c, c)"),
    ("log(normcdf(x'*y))", "x", "x: vector(n); y: vector(n)", "normpdf(x'*y)*y/normcdf(x'*y)"),
    # norms of differences, as they were written
    ("exp(-norm2(x - y)^2/(2*s^2))", "x", "x: vector(n); y: vector(n); s: positive scalar",
     "exp(-norm2(x - y)^2/(2*s^2))*(y - x)/s^2"),
    ("norm2(A*(x - y))", "x", "x: vector(n); y: vector(n); A: matrix(m, n)",
     "A'*A*(x - y)/norm2(A*(x - y))"),
    # scalars in sums and beside them
    ("(c + m)/2*log(1 + (x - y)'*inv(S)*(x - y)/c)", "y",
     "c: positive scalar; x: vector(m); y: vector(m); S: spd matrix(m)",
     "-(c + m)*inv(S)*(x - y)/(c + (x - y)'*inv(S)*(x - y))"),
    ("logdet(I + X*X'/c)", "X", "X: matrix(n, m); c: positive scalar", "2*inv(X*X' + c*I)*X"),
    ("sum(log(ones(m) + (A*x - b) .^ 2/c^2))", "x",
     "A: matrix(m, n); x: vector(n); b: vector(m); c: scalar",
     "2*A'*((A*x - b) ./ (c^2*ones(m) + (A*x - b) .^ 2))"),
    ("(A*x)'*y/norm2(A*x)", "x", "A: matrix(m, n); x: vector(n); y: vector(m)",
     "A'*(y - (y'*A*x)*A*x/norm2(A*x)^2)/norm2(A*x)"),
    ("acos(x'*y/(norm2(x)*norm2(y)))", "x", "x: vector(n); y: vector(n)",
     "((x'*y)*x/(x'*x) - y)/sqrt((x'*x)*y'*y - (x'*y)^2)"),
    ("x'*A*x/(norm2(x))", "x", "A: matrix(n); x: vector(n)",
     "(A + A')*x/norm2(x) - (x'*A*x)*x/norm2(x)^3"),
    # sizes of factors
    ("abs(c)^2", "c", "c: scalar", "2*c"),
    ("norm2(norm2(X*x)*(X*x))", "X", "X: matrix(n, m); x: vector(m)", "2*X*x*x'"),
    ("norm2(x - y)*norm2(y - x)", "x", "x: vector(n); y: vector(n)", "2*(x - y)"),
    ("normF(x - x)", "x", "x: vector(n)", "zeros(n)"),
    # products and their parts
    ("logdet(S) - logdet(T) + tr(inv(S)*T) + (a - b)'*inv(S)*(a - b)", "S",
     "S: spd matrix(n); T: spd matrix(n); a: vector(n); b: vector(n)",
     "inv(S)*(S - (a - b)*(a - b)' - T)*inv(S)"),
    ("||expm(t*A)*x - y||^2", "t", "t: scalar; A: matrix(n); x: vector(n); y: vector(n)",
     "2*(expm(t*A)*x - y)'*A*expm(t*A)*x"),
    ("-(x - A*y)'*inv(C*S*C')*(x - A*y)", "A",
     "A: matrix(n, m); x: vector(n); y: vector(m); C: invertible matrix(n); S: spd matrix(n)",
     "2*inv(C*S*C')*(x - A*y)*y'"),
    ("norm2(y - X*inv(X'*X)*X'*y)^2", "X", "X: matrix(n, m); y: vector(n)",
     "2*(X*pinv(X) - I)*y*(pinv(X)*y)'"),
    ("normF(logm(X))^2", "X", "X: spd matrix(n)", "2*inv(X)*logm(X)"),
    # stacks
    ("[x'*A*x; b'*x]", "x", "x: vector(n); A: symmetric matrix(n); b: vector(n)", "[2*x'*A; b']"),
    ("[norm2(x); sum(x); log(a'*x)]", "x", "x: positive vector(n); a: positive vector(n)",
     "[x'/norm2(x); ones(n)'; a'/(a'*x)]"),
    ("[A*x; sin(x)]", "x", "x: vector(n); A: matrix(m, n)", "[A; diag(cos(x))]"),
    ("[x[0]^2*x[1]; 5*x[0] + sin(x[1])]", "x", "x: vector(2)",
     "[x[0]*[2*x[1], x[0]]; 5, cos(x[1])]"),
    # centred squares, as they were written
    ("log(norm2(x - mean(x)*ones(n))^2)", "x", "x: vector(n)",
     "2*(x - mean(x)*ones(n))/norm2(x - mean(x)*ones(n))^2"),
    ("log(normF(X - ones(n)*mean(X, 0)')^2)", "X", "X: matrix(n, m)",
     "2*(I - ones(n, n)/n)*X/normF(X - ones(n)*mean(X, 0)')^2"),
    ("y'*(x - mean(x)*ones(n))/sqrt(norm2(x - mean(x)*ones(n))^2/n + c)", "x",
     "x: vector(n); y: vector(n); c: positive scalar",
     "(y - mean(y)*ones(n) + ((mean(x)*ones(n) - x)'*y)*(x - mean(x)*ones(n))/"
     "(n*c + norm2(x - mean(x)*ones(n))^2))/sqrt(norm2(x - mean(x)*ones(n))^2/n + c)"),
    ("norm2(mean(X, 0) - mean(Y, 0))^2", "X", "X: matrix(n, m); Y: matrix(p, m)",
     "2*ones(n)*(mean(X, 0) - mean(Y, 0))'/n"),
    # normalisation, quotients
    ("x/norm2(x)", "x", "x: vector(n)", "I/norm2(x) - x*x'/norm2(x)^3"),
    ("x'*y/(norm2(x)*norm2(y))", "x", "x: vector(n); y: vector(n)",
     "(y - (x'*y)*x/(x'*x))/(norm2(x)*norm2(y))"),
    ("(x - mean(x)*ones(n))/std(x)", "x", "x: vector(n)",
     "(I - (ones(n, n) + (x - mean(x)*ones(n))*(x - mean(x)*ones(n))'/std(x)^2)/n)/std(x)"),
    # a residual with one sign
    ("||X - X*W*W'||_F^2", "W", "X: matrix(m, n); W: matrix(n, k)",
     "-2*(X'*(X - X*W*W') + (X - X*W*W')'*X)*W"),
    ("||R - P .* (G*G')||_F^2", "G", "R: matrix(n); P: matrix(n); G: matrix(n, k)",
     "-2*((R - P .* (G*G')) .* P + ((R - P .* (G*G')) .* P)')*G"),
    ("norm2(B*(x - c*A*x) - y)^2", "x",
     "B: matrix(m, n); x: vector(n); A: matrix(n); y: vector(m); c: scalar",
     "2*(I - c*A)'*B'*(B*(x - c*A*x) - y)"),
    ("sum(((y - X*pinv(X)*y) ./ (1 - diag(X*pinv(X)))) .^ 2)", "y", "X: matrix(n, k); y: vector(n)",
     "2*(X*pinv(X) - I)*((X*pinv(X)*y - y) ./ (ones(n) - diag(X*pinv(X))) .^ 2)"),
    ("tr(inv(S)) + logdet(a*S - b*T) - logdet(-a*S - b*T)", "S",
     "S: spd matrix(n); T: spd matrix(n); a: positive scalar; b: positive scalar",
     "a*(inv(a*S - b*T) - inv(a*S + b*T)) - S^-2"),
    # functions along columns
    ("sum(logsumexp(A, 0))", "A", "A: matrix(n, m)", "softmax(A, 0)"),
    ("a'*f - c*b'*logsumexp((f*ones(m)' - C)/c, 0)", "f",
     "f: vector(n); a: vector(n); b: vector(m); C: matrix(n, m); c: positive scalar",
     "a - softmax((f*ones(m)' - C)/c, 0)*b"),
    # factors beside a sum and in it
    ("sum(log(1 + x .^ 2 ./ y))", "x", "x: vector(n); y: positive vector(n)",
     "2*(x ./ (x .^ 2 + y))"),
    ("sum(sqrt(1 + (x ./ s) .^ 2))", "x", "x: vector(n); s: positive vector(n)",
     "x ./ (s .* sqrt(s .^ 2 + x .^ 2))"),
    ("sum(s .^ 2 - log(s .^ 2))", "s", "s: positive vector(n)", "2*((s .^ 2 - ones(n)) ./ s)"),
    ("sum(log(sigmoid(X*w) ./ (1 - sigmoid(X*w))))", "w", "X: matrix(n, m); w: vector(m)",
     "sum(X, 0)"),
    ("sum(V ./ (W*H) - log(V ./ (W*H)))", "W",
     "V: positive matrix(n, m); W: positive matrix(n, k); H: positive matrix(k, m)",
     "((W*H - V) ./ (W*H) .^ 2)*H'"),
    ("sum((y - exp(X*b)) .^ 2 ./ (exp(X*b) .^ 2 .* y))", "b",
     "y: positive vector(n); X: matrix(n, m); b: vector(m)",
     "2*X'*((exp(X*b) - y) ./ exp(X*b) .^ 2)"),
    ("sum((y - x) .^ 2 ./ (x .^ 2 .* y))", "x", "y: positive vector(n); x: positive vector(n)",
     "2*((x - y) ./ x .^ 3)"),
    # powers with symbols
    ("sum(x .^ (1 - c))^(1/(1 - c))", "x", "x: positive vector(n); c: unit scalar",
     "sum(x .^ (1 - c))^(c/(1 - c))*x .^ (-c)"),
    # diagonals
    ("norm1(M - diag(diag(M)))", "M", "M: matrix(n)", "sign(M - diag(diag(M)))"),
    ("tr(B*diag(x)^(-1/2))", "x", "B: matrix(n); x: positive vector(n)",
     "-(diag(B) ./ x .^ (3/2))/2"),
    ("tr(B*expm(diag(x)))", "x", "B: matrix(n); x: vector(n)", "diag(B) .* exp(x)"),
    ("v'*(M + diag(q)*N*diag(q))*v/2", "q",
     "v: vector(n); M: spd matrix(n); q: vector(n); N: symmetric matrix(n)",
     "(N*(q .* v)) .* v"),
    ("tr(A*sqrtm(diag(x))*B*logm(diag(x)))", "x",
     "A: matrix(n); B: matrix(n); x: positive vector(n)",
     "((A .* B')*sqrt(x)) ./ x + (((A' .* B)*log(x)) ./ sqrt(x))/2"),
    # scalars times the identity
    ("(tr(expm(A)) - c)^2", "A", "A: matrix(n); c: scalar", "2*(tr(expm(A)) - c)*expm(A)'"),
    ("(tr(sqrtm(S)) - c)^2", "S", "S: spd matrix(n); c: scalar",
     "(tr(sqrtm(S)) - c)*inv(sqrtm(S))"),
    ("(tr(logm(S)) - c)^2", "S", "S: spd matrix(n); c: scalar", "2*(logdet(S) - c)*inv(S)"),
    # blocks
    ("[x; y]'*[M, A; A', C]*[x; y]", "x",
     "M: symmetric matrix(n); C: symmetric matrix(m); A: matrix(n, m); x: vector(n); y: vector(m)",
     "2*(A*y + M*x)"),
    ("logdet([P, B; B', Q])", "B", "P: spd matrix(n); Q: spd matrix(m); B: unit matrix(n, m)",
     "2*inv([P, B; B', Q])[0:n, n:m + n]"),
    ("logdet([X, B; B', Q])", "X", "X: spd matrix(n); Q: spd matrix(m); B: unit matrix(n, m)",
     "inv([X, B; B', Q])[0:n, 0:n]"),
    ("tr(A*S[0:2, 2:4]*A)", "A", "S: symmetric matrix(4); A: matrix(2)",
     "A'*S[2:4, 0:2] + S[2:4, 0:2]*A'"),
    ("logdet(sylvester(P, P', B*B'))", "B", "P: spd matrix(n); B: matrix(n, p)",
     "2*sylvester(P, P, inv(sylvester(P, P, B*B')))*B"),
    # as the author wrote it
    ("w'*v/sqrt(w'*S*w)", "w", "w: vector(n); v: vector(n); S: spd matrix(n)",
     "(v - (w'*v)*S*w/(w'*S*w))/sqrt(w'*S*w)"),
    ("tr(W'*A*W)/tr(W'*B*W)", "W", "W: matrix(n, k); A: spd matrix(n); B: spd matrix(n)",
     "2*(A - tr(W'*A*W)*B/tr(W'*B*W))*W/tr(W'*B*W)"),
    ("norm1(vec(X))", "X", "X: matrix(n, m)", "sign(X)"),
]  # fmt: skip

CENTRED = [
    ("norm2(x - mean(x)*ones(n))^2", "x: vector(n)", (64,)),
    ("log(norm2(x - mean(x)*ones(n))^2)", "x: vector(n)", (64,)),
    ("x[0]/norm2(x - mean(x)*ones(n))^2 - mean(x)/norm2(x - mean(x)*ones(n))^2", "x: vector(n)",
     (64,)),
    ("log(normF(x - ones(n)*mean(x, 0)')^2)", "x: matrix(n, m)", (16, 3)),
    ("logdet((x - ones(n)*mean(x, 0)')'*(x - ones(n)*mean(x, 0)'))", "x: matrix(n, m)", (16, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "where", "shape"), CENTRED, ids=[f for f, *_ in CENTRED])
def test_what_is_centred_keeps_its_digits_far_from_zero(f, where, shape):
    x = np.round(np.random.default_rng(3).standard_normal(shape) * 2**10) / 2**10
    function = derive(f, "x", where=where).compile()
    (near, slope), (far, other) = function(x=x), function(x=x + 2.0**20)
    np.testing.assert_allclose(far, near, rtol=1e-9)
    np.testing.assert_allclose(other, slope, rtol=1e-8, atol=1e-9 * np.abs(slope).max())


HESSIANS = [
    ("sum(sqrt((A*x - b) .^ 2 + c*ones(m)))", "A: matrix(m, n); x: vector(n); b: vector(m); "
     "c: positive scalar", "c*A'*diag(((A*x - b) .^ 2 + c*ones(m)) .^ (-3/2))*A"),
    ("sum(sigmoid(A*x))", "A: matrix(m, n); x: vector(n)",
     "A'*diag(sigmoid(A*x) .* (ones(m) - 2*sigmoid(A*x)) .* (ones(m) - sigmoid(A*x)))*A"),
    ("(1 - x[0])^2 + 100*(x[1] - x[0]^2)^2", "x: vector(2)",
     "[1200*x[0]^2 - 400*x[1] + 2, -400*x[0]; -400*x[0], 200]"),
    ("exp(-norm2(x)^2/2)", "x: vector(n)", "exp(-x'*x/2)*(x*x' - I)"),
]  # fmt: skip


def derivative(f, arrays, name):
    """Return the derivative by central differences: one more axis, first, for each of `name`'s."""
    x = np.asarray(arrays[name], float)
    columns = []
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = STEP
        high, low = (f(**{**arrays, name: x + s}) for s in (step, -step))
        columns.append((np.asarray(high) - np.asarray(low)) / (2 * STEP))
    return np.reshape(columns, x.shape + np.shape(columns[0]))


def point(d):
    rng = np.random.default_rng(7)
    return {v.name: sample(v, SIZES, rng) for v in d.scope.values()}


@pytest.mark.parametrize(("f", "x", "where", "printed"), FORMS, ids=[f for f, *_ in FORMS])
def test_a_result_is_as_short_as_in_a_textbook(f, x, where, printed):
    d = derive(f, x, where=where)
    result = d.gradient if d.function.is_scalar else d.jacobian
    assert str(result) == printed
    arrays = point(d)
    wanted = derivative(d.function.evaluate, arrays, x)
    wanted = wanted if d.function.is_scalar else np.moveaxis(wanted, 0, -1)
    if "spd" in where.split(x + ":")[1].split(";")[0]:
        wanted = (wanted + wanted.T) / 2
    np.testing.assert_allclose(result.evaluate(**arrays), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("f", "where", "printed"), HESSIANS, ids=[f for f, *_ in HESSIANS])
def test_a_hessian_is_as_short_as_in_a_textbook(f, where, printed):
    d = derive(f, "x", where=where)
    assert str(d.second().hessian) == printed
    arrays = point(d)
    wanted = derivative(d.gradient.evaluate, arrays, "x")
    got = d.second().hessian.evaluate(**arrays)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


EQUAL = [
    ("mean(A, 0)", "sum(A, 0)/n", "A: matrix(n, m)"),
    ("std(x)", "sqrt(var(x))", "x: vector(n)"),
    ("norm2(-3*x)", "3*norm2(x)", "x: vector(n)"),
    ("normF(c*A)", "abs(c)*normF(A)", "A: matrix(n, m); c: scalar"),
    ("abs(-2*A) .^ 2", "4*A .^ 2", "A: matrix(n, m)"),
    ("X*pinv(X)*pinv(X)'", "pinv(X)'", "X: matrix(n, m)"),
]


@pytest.mark.parametrize(("a", "b", "where"), EQUAL, ids=[a for a, *_ in EQUAL])
def test_what_a_row_defines_is_its_definition(a, b, where):
    book = default_rules()
    assert simplify(parse(a, where), book) is simplify(parse(b, where), book)
