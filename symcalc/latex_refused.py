"""LaTeX that is no formula of the language, each with what to write instead."""

from __future__ import annotations

INDEX = "`{}` is not read: write matrices, sum(.) or tr(.)"
NO_FORMULA = "`{}` is not part of a formula: write the function that is to be differentiated alone"
COMPARE = "`{}` compares: write one side alone"

_WORDS = {
    INDEX: "bigcup bigcap coprod iint int ldots cdots dots vdots ddots bigoplus",
    NO_FORMULA: "partial nabla arg argmin argmax inf sup lim forall exists in",
    COMPARE: "le ge leq geq approx ne neq sim simeq propto succeq preceq succ prec to rightarrow "
    "mapsto Rightarrow implies iff ll gg",
}
REFUSED = {
    f"\\{word}": text.format(f"\\{word}")
    for text, words in _WORDS.items()
    for word in words.split()
} | {
    "\\pm": "`\\pm` is two formulas: write one of them",
    "\\mp": "`\\mp` is two formulas: write one of them",
    "\\oplus": "`\\oplus` has several meanings: write kron(A, I) + kron(I, B) or a block matrix",
    "\\infty": "`\\infty` is no number of the language",
}
SUPERSCRIPTS = {
    "*": "`^*` has several readings: write ^\\top for the transpose, x_{*} for a name",
    "\\dagger": "`^\\dagger` has several readings: write ^{+} for the pseudo-inverse or ^\\top",
    "\\ddagger": "`^\\ddagger` is not known: write ^\\top for the transpose",
    "H": "`^H` is a conjugate transpose, and symcalc is real: write ^\\top (or declare H)",
    "\\star": "`^\\star` has several readings: write ^\\top for the transpose, x_{*} for a name",
    "[": "`^{[k]}` is an index in some papers: write x_{k} for an index, x^{k} for a power",
    "(": "`^{(k)}` is an index in some papers and a derivative or a power in others: write x_{k} "
    "for an index, x^{k} for a power",
}
