r"""Parse regular expressions of contracts: the common part of all engines' syntax, which each engine reads alike.

What is allowed is listed in docs/contracts.md. All else is refused with a message: what only some engines know (lookaround,
\1, possessive quantifiers), and what they read differently (`[[:alpha:]]`, `\v`, a bare `{`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schema_registry.pattern_tree import ALL, OTHERS, Anchor, Char, Choice, Node, Pattern, Repeat, Sequence, mask_of

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_MATCHED = 2000
"""No pattern is tried on a longer text: such a text does not match, or its rule fails."""

MOST_REPEATS = 1000
DEEPEST = 5


class PatternError(ValueError):
    """The text is not a pattern that contracts may use; the message says why, and what to write instead."""


_DIGITS = mask_of("0123456789")
_WORD = _DIGITS | mask_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_SPACE = mask_of(" \t\n\v\f\r")
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE, "D": ALL ^ _DIGITS, "W": ALL ^ _WORD, "S": ALL ^ _SPACE}
_CONTROL_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ANCHORS = {"A": "^", "z": "$", "b": "b", "B": "b"}
_CATEGORIES = frozenset(
    "L Lu Ll Lt Lm Lo M Mn Mc N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp".split()  # noqa: SIM905
)
_FLAGS = re.compile(r"\?([is]+)([:)])")
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_REFUSED_GROUPS = {
    "?=": "lookahead",
    "?!": "lookahead",
    "?<=": "lookbehind",
    "?<!": "lookbehind",
    "?P": "named groups",
    "?<": "named groups",
    "?>": "atomic groups",
    "?#": "comments",
    "?(": "conditions",
}
_REFUSED_ESCAPES = {
    "Z": r"\Z is not read alike everywhere: write \z or $",
    "v": r"\v is not read alike everywhere: write \x0B",
    "u": r"\u is not read everywhere: write \x{20AC}, say, or the character itself",
    "Q": r"\Q is not read alike everywhere: put a backslash before each sign instead",
    **dict.fromkeys("123456789k", "it must do without references to a group"),
}


def parse(text: str) -> Pattern:
    """Parse a pattern; PatternError says what contracts may not use, and what to write instead."""
    parser = _Parser(text)
    tree = parser.choice(depth=0)
    if parser.at < len(text):
        raise PatternError("a ) closes nothing: write \\)")
    return Pattern(tree, parser.groups)


class _Parser:
    """Recursive descent parser of one pattern, from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.groups = text, 0, 0
        self._any_case, self._dot_all = False, False
        self._by_category = False

    def choice(self, depth: int) -> Node:
        """Parse alternatives up to the end or a closing parenthesis."""
        if depth > DEEPEST:
            raise PatternError(f"its groups are nested more than {DEEPEST} deep")
        before = (self._any_case, self._dot_all)
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        self._any_case, self._dot_all = before
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            item = self._item(depth)
            items.append(self._repeated(item))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _item(self, depth: int) -> Node:
        ways: dict[str, Callable[[], Node]] = {
            "(": lambda: self._group(depth),
            "[": self._class,
            "\\": self._escape,
            ".": lambda: Char(ALL, any=True) if self._dot_all else Char(ALL ^ mask_of("\n")),
            "^": lambda: Anchor("^"),
            "$": lambda: Anchor("$"),
        }
        sign = self._next("")
        if sign in "*+?":
            raise PatternError(f"{sign} has nothing to repeat: write \\{sign} for the sign itself")
        if sign == "{":
            raise PatternError("a { that repeats nothing is not read everywhere: write \\{")
        return ways[sign]() if sign in ways else self._char(sign)

    def _char(self, sign: str) -> Char:
        cases = {sign, *(each for each in (sign.lower(), sign.upper()) if len(each) == 1)}
        return Char(mask_of(cases if self._any_case else sign) | (OTHERS if self._any_case and sign in "kKsS" else 0))

    def _repeated(self, item: Node) -> Node:
        found = self._quantifier()
        if found is None:
            return item
        if isinstance(item, Anchor) or item == Sequence(()):
            raise PatternError("an anchor or nothing at all cannot be repeated")
        self._take("?")
        if self.text[self.at : self.at + 1] == "+":
            raise PatternError("it must do without possessive quantifiers such as ++: write + alone")
        if self._quantifier() is not None:
            raise PatternError("a repetition is repeated: put the inner one in ( )")
        return Repeat(item, *found)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        match = _COUNT.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if max(low, high or 0) > MOST_REPEATS or (high is not None and high < low):
            raise PatternError(f"{match[0]} must be {{low,high}} with low ≤ high ≤ {MOST_REPEATS}")
        return low, high

    def _group(self, depth: int) -> Node:
        flags = _FLAGS.match(self.text, self.at)
        if flags is not None:
            return self._flagged(flags, depth)
        if not self._take("?:"):
            for form, name in _REFUSED_GROUPS.items():
                if self.text.startswith(form, self.at):
                    raise PatternError(f"it must do without {name}: write ( ) or (?: )")
            if self._take("?"):
                raise PatternError("after (? only :, i and s are allowed")
            self.groups += 1
        return self._closed(depth)

    def _flagged(self, flags: re.Match[str], depth: int) -> Node:
        before = (self._any_case, self._dot_all)
        if flags[2] == ")" and self.at != 1:
            raise PatternError(f"(?{flags[1]}) must come first in the pattern, or be (?{flags[1]}: )")
        self.at = flags.end()
        self._any_case, self._dot_all = before[0] or "i" in flags[1], before[1] or "s" in flags[1]
        if flags[2] == ")":
            return Sequence(())
        inside = self._closed(depth)
        self._any_case, self._dot_all = before
        return inside

    def _closed(self, depth: int) -> Node:
        inside = self.choice(depth + 1)
        if not self._take(")"):
            raise PatternError("a ( is not closed: write \\( for the sign itself")
        return inside

    def _escape(self) -> Node:
        sign = self._next("a backslash at the end stands for nothing: write \\\\")
        if sign in _ANCHORS:
            return Anchor(_ANCHORS[sign])
        return Char(self._escaped(sign)[0])

    def _escaped(self, sign: str) -> tuple[int, str | None]:
        """Return the mask of an escape, and its character if it stands for a single one."""
        if sign in _CLASSES:
            return _CLASSES[sign], None
        if sign in "pP":
            return self._category(), None
        if sign == "x":
            one = self._by_number()
        elif sign in _CONTROL_ESCAPES:
            one = _CONTROL_ESCAPES[sign]
        elif sign.isascii() and not sign.isalnum() and sign != "_":
            one = sign
        else:
            raise PatternError(_REFUSED_ESCAPES.get(sign, f"\\{sign} is not one of the escapes that contracts may use"))
        return self._char(one).mask, one

    def _category(self) -> int:
        match = re.compile(r"\{(\w+)\}|([LMNPSZ])").match(self.text, self.at)
        if match is None or (match[1] or match[2]) not in _CATEGORIES:
            raise PatternError(r"\p must name a general category, as in \p{L} or \p{Lu}")
        self.at, self._by_category = match.end(), True
        return ALL

    def _by_number(self) -> str:
        match = re.compile(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})").match(self.text, self.at)
        if match is None or int(match[1] or match[2], 16) > 0x10FFFF:
            raise PatternError(r"\x must be followed by a character's number, as in \x0B or \x{20AC}")
        self.at = match.end()
        return chr(int(match[1] or match[2], 16))

    def _class(self) -> Node:
        is_negated = self._take("^")
        if self.text[self.at : self.at + 1] == "]":
            raise PatternError("a ] comes first in [ ]: write \\]")
        mask, self._by_category = 0, False
        while not self._take("]"):
            mask |= self._member()
        if self._by_category:
            return Char(ALL)
        return Char(ALL ^ (mask & ~OTHERS) if is_negated else mask)

    def _member(self) -> int:
        mask, first = self._single()
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return mask
        self.at += 1
        _, last = self._single()
        if first is None or last is None or first == "-" or last < first:
            raise PatternError("a - in [ ] must stand between two characters, the lower first: write \\- for itself")
        ends = mask_of(map(chr, range(ord(first), min(ord(last), 128) + 1)))
        letters = [chr(code) for code in range(128) if ends >> code & 1]
        folded = mask_of(other for each in letters for other in (each.lower(), each.upper())) | OTHERS
        return ends | folded if self._any_case else ends

    def _single(self) -> tuple[int, str | None]:
        sign = self._next("a [ is not closed: write \\[ for the sign itself")
        if sign == "[":
            raise PatternError("a [ inside [ ] is not read alike everywhere: write \\[")
        if sign == "&" and self.text[self.at : self.at + 1] == "&":
            raise PatternError("&& inside [ ] is not read alike everywhere: write \\&")
        if sign == "\\":
            return self._escaped(self._next("a [ is not closed: write \\[ for the sign itself"))
        return self._char(sign).mask, sign

    def _take(self, sign: str) -> bool:
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def _next(self, refusal: str) -> str:
        if self.at >= len(self.text):
            raise PatternError(refusal)
        self.at += 1
        return self.text[self.at - 1]
