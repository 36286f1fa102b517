"""How functions are spoken: `log det X` is one function, `sin^2(x)` the square of its value,
`sin.(x)` a call entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import and_
from typing import TYPE_CHECKING, Protocol

from symcalc.algebra import Algebra
from symcalc.declare import Declaration, default_kind
from symcalc.errors import ParseError, caret
from symcalc.op import Op
from symcalc.tokens import Token

if TYPE_CHECKING:
    from symcalc.latex_rows import Phrasebook

SPOKEN = frozenset({"^", ".(", "⁺"})  # where none of these stands, and no two names side by side


class Vocabulary(Protocol):
    """What the notations ask of a rulebook."""

    algebra: Algebra

    def find(self, name: str) -> list[Op]: ...

    def called(self, name: str) -> list[Op]: ...


class Spoken:
    """What a notation says of functions; it knows the text, the declarations and the rows."""

    text: str
    declared: Mapping[str, Declaration]
    vocabulary: Vocabulary

    @property
    def phrases(self) -> Phrasebook:
        """How what the rows print is read."""
        raise NotImplementedError

    def is_function(self, name: str, spelled: bool = True) -> bool:
        """Whether a name is called with an argument."""
        raise NotImplementedError

    def _spoken(self, tokens: list[Token]) -> list[Token]:
        """Join `log det`, and put the power of a function behind its argument."""
        names = [token.kind == "name" for token in tokens]
        if SPOKEN.isdisjoint([t.text for t in tokens]) and not any(map(and_, names, names[1:])):
            return tokens
        found: list[Token] = []
        waiting: dict[int, list[Token]] = {}  # powers, by the bracket depth that they wait for
        place, depth = 0, 0
        while place < len(tokens):
            token = self._plain(tokens[place], found)
            place += 1
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "^" and self._transposed(tokens[place : place + 1]):
                token, place = Token("sign", "'", token.at), place + 1
            if not self._joined(token, found):
                found.append(token)
            found += waiting.pop(depth, []) if token.text == ")" else []
            power = self._power(token, tokens, place)
            place += len(power)
            waiting |= {depth: power} if power else {}
        return found

    def _plain(self, token: Token, found: list[Token]) -> Token:
        """Return a token in the spelling of the parser."""
        if token.text == ".(":
            return self._entrywise(token, found)
        if token.text == "⁺":
            return Token("applied", self.phrases.marks["+"], token.at)
        return token

    def _transposed(self, behind: list[Token]) -> bool:
        """Whether `^t` stands here, and no `t` is declared."""
        return [token.text for token in behind] == ["t"] and "t" not in self.declared

    def _entrywise(self, token: Token, found: list[Token]) -> Token:
        """Read the bracket of `sin.(x)`, which must belong to an entrywise function."""
        name = found[-1].text if found else ""
        rows = self.vocabulary.find(name) if self.is_function(name) else []
        if not any(row.is_entrywise for row in rows):
            message = "`.(` calls a function of the entries: write `(` for any other"
            raise ParseError(caret(self.text, token.at, message))
        return Token("sign", "(", token.at)

    def _joined(self, token: Token, found: list[Token]) -> bool:
        """Join two functions that a row prints together, `log det`, to its name."""
        if token.kind != "name" or not found or found[-1].kind != "name":
            return False
        if not (self.is_function(token.text) and self.is_function(found[-1].text)):
            return False
        words = (found[-1].text, token.text)
        rows = [self.vocabulary.find(word) for word in words]
        call = self.phrases.pairs.get((rows[0][0].name, rows[1][0].name)) if all(rows) else None
        if call:
            found[-1] = Token("name", call, found[-1].at)
        return bool(call)

    def _power(self, token: Token, tokens: list[Token], place: int) -> list[Token]:
        """Return the tokens of the power in `sin^2(x)`; none where a variable is raised."""
        raised = place < len(tokens) and tokens[place].text == "^"
        if not raised or token.kind != "name" or default_kind(token.text):
            return []
        if not self.is_function(token.text):
            return []
        end = place + 1
        while end < len(tokens) and tokens[end].text != ")" and tokens[place + 1].text == "(":
            end += 1
        power = tokens[place : end + 1]
        number = [t.text for t in power if t.text not in "^()"]
        called = [t.text for t in tokens[end + 1 : end + 2]] == ["("]
        if len(number) != 1 or not number[0].isdigit() or not called:
            name = token.text
            message = (
                f"this power of `{name}` is not clear: write {name}(x)^2 for that of the value"
            )
            raise ParseError(caret(self.text, tokens[place].at, message))
        return power
