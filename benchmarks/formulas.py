"""Typical formulas: what people differentiate, with the variable and declarations."""

GAUSS = "(x - mu)'*inv(S)*(x - mu)/2 + logdet(S)/2"
SPD = "S: spd matrix(n); mu: vector(n)"
FORMULAS = {
    "quadratic form": ("x'*A*x", "x", None),
    "least squares": ("||A*x - b||^2", "x", "b: vector(n)"),
    "matrix least squares": ("||A*X - B||_F^2", "X", None),
    "log det": ("logdet(X)", "X", None),
    "log det of a product": ("logdet(X'*A*X)", "X", None),
    "Gaussian in mu": (GAUSS, "mu", SPD),
    "Gaussian in S": (GAUSS, "S", SPD),
    "logistic regression": ("sum(log(1 + exp(-y .* (X*w))))", "w", None),
    "softmax cross-entropy": ("logsumexp(W*x) - y'*W*x", "W", None),
    "matrix factorisation": ("||T - U*V'||_F^2", "U", None),
    "masked factorisation": ("||M .* (T - U*V')||_F^2", "U", None),
    "trace of a product": ("tr(A*X*B*X'*C)", "X", None),
    "trace of an inverse": ("tr(inv(X)*A)", "X", None),
    "Kronecker trace": ("tr(kron(A, X))", "X", "A: matrix(m); X: matrix(n)"),
    "power": ("tr(A*X^3)", "X", None),
    "PCA": ("-tr(W'*S*W)", "W", "S: symmetric matrix(n); W: matrix(n, k)"),
    "ridge": ("||X*w - y||^2 + c*||w||^2", "w", None),
    "Rayleigh quotient": ("(x'*A*x)/(x'*x)", "x", "A: symmetric matrix(n)"),
    "neural layer": ("||tanh(W*X) - Y||_F^2", "W", None),
    "two-layer network": ("||V*tanh(W*X) - Y||_F^2", "W", None),
}  # fmt: skip
