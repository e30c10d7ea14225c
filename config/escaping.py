"""Escape text that came from outside, so that a terminal, a log or a page takes all of it for text and nothing for a command."""

from __future__ import annotations

import json
import re

#: In lists, a text is shown up to this many characters; where a single row is shown, it is shown whole.
LONGEST_LISTED = 200

#: Controls (C0, DEL, C1), line and paragraph separators, what turns the direction of writing, and what is invisible. The
#: joiners U+200C and U+200D stay, as scripts and emoji are written with them.
_INVISIBLE = (
    "\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\ud800-\udfff"
)
_ESCAPED = re.compile(f"[\\x00-\\x1f{_INVISIBLE}]")
_IN_JSON = re.compile(f"[{_INVISIBLE}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    """Return the text on one line, with each control or invisible character written as ``\\x1b``, ``\\n`` or ``\\u202e``."""
    return _ESCAPED.sub(_escape, text)


def escape_json(document: str) -> str:
    """Return an equal JSON document in which the invisible characters that JSON leaves as they are are escaped too."""
    return _IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1], document)


def shorten(text: str, most: int = LONGEST_LISTED) -> str:
    """Return the text, or its first characters and its full length where it has more than ``most``."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if 0xDC80 <= point <= 0xDCFF:  # a byte that is no UTF-8, as Python reads one in the name of a file
        point -= 0xDC00
    if match[0] in _SHORT:
        return _SHORT[match[0]]
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
