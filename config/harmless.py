"""Text that came from outside, as it may be shown: a terminal, a log or a page takes nothing of it for more than text."""

from __future__ import annotations

import json
import re

#: In lists, a text is shown up to this many characters; whole where one row is shown.
LISTED = 200

#: Controls (C0, DEL, C1), line and paragraph separators, what turns the direction of writing, and what is not seen at all. The
#: joiners U+200C and U+200D stay, as scripts and emoji are written with them.
_INVISIBLE = (
    "\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\ud800-\udfff"
)
_HARMFUL = re.compile(f"[\\x00-\\x1f{_INVISIBLE}]")
_IN_JSON = re.compile(f"[{_INVISIBLE}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def harmless(text: str) -> str:
    """The text on one line, with each character that does more than be seen written as ``\\x1b``, ``\\n`` or ``\\u202e``."""
    return _HARMFUL.sub(_written, text)


def harmless_json(document: str) -> str:
    """A JSON document that says exactly the same, with those characters that JSON leaves as they are escaped too."""
    return _IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1], document)


def shortened(text: str, most: int = LISTED) -> str:
    """The text up to so many characters, and how many there are where that is not all."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _written(match: re.Match[str]) -> str:
    point = ord(match[0])
    if 0xDC80 <= point <= 0xDCFF:  # a byte that is no UTF-8, as Python reads one in the name of a file
        point -= 0xDC00
    if match[0] in _SHORT:
        return _SHORT[match[0]]
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
