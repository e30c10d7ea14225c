"""The functions that contracts may call, and which of their arguments must be literals, so that no row can make a call fail.

Functions are allowed by name: one that is not listed here is refused. An argument that decides if a call can fail, or how
long it takes (a pattern, a format, what is searched for), must be a literal, and is checked.
"""

from __future__ import annotations

import re

from schema_registry.pattern_cost import is_quick
from schema_registry.patterns import LONGEST_MATCHED, PatternError, parse


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _words(
    """
    coalesce nvl nvl2 ifnull nullif if isnull isnotnull greatest least
    lower lcase upper ucase initcap trim ltrim rtrim btrim length char_length character_length len octet_length
    concat concat_ws substring substr substring_index left right replace translate reverse overlay
    startswith endswith contains instr locate position ascii soundex
    like ilike rlike regexp regexp_like regexp_extract regexp_replace regexp_count regexp_instr regexp_substr
    md5 sha sha1 sha2 crc32 hash xxhash64 base64 hex unhex url_encode try_url_decode
    abs sign signum round bround ceil ceiling floor
    try_add try_subtract try_multiply try_divide try_mod
    try_cast try_to_number try_to_timestamp try_to_date
    year quarter month day dayofmonth dayofweek dayofyear weekday weekofyear hour minute second extract date_part
    date_trunc trunc date_add date_sub datediff date_diff months_between last_day date_format
    unix_seconds unix_millis unix_micros
    """
)
_REFUSED = {
    "depends on the clock": "now current_timestamp current_date current_time curdate localtimestamp localtime "
    "unix_timestamp current_timezone",
    "is not deterministic": "rand randn random randstr uniform uuid shuffle monotonically_increasing_id "
    "spark_partition_id input_file_name input_file_block_start input_file_block_length",
    "depends on the session": "current_user session_user user current_catalog current_database current_schema version",
    "runs code outside the contract": "java_method reflect try_reflect ai_query",
    "can fail a batch": "raise_error assert_true lpad rpad repeat add_months timestamp_seconds timestamp_millis "
    "timestamp_micros interval",
    "can fail a batch: use try_cast(x AS type)": "cast int integer bigint boolean date timestamp double float string",
    "can fail a batch: use try_divide or try_mod": "mod pmod div",
    "can fail a batch: use try_to_date, try_to_timestamp or try_to_number": "to_date to_timestamp to_number",
    "looks at more than one row": "sum count avg mean min max first last any_value collect_list collect_set "
    "row_number rank dense_rank lag lead ntile",
    "takes time by the square of a text's length": "levenshtein",
}
REASON = {name: reason for reason, names in _REFUSED.items() for name in names.split()}
WITHOUT_PARENTHESES = _words(
    "current_timestamp current_date current_time localtimestamp localtime current_user session_user "
    "current_catalog current_schema current_database"
)

#: For each function the arguments, by position, that must be literals, and their kind. A "text" is any text in quotes.
_LITERALS: tuple[tuple[str, dict[int, str]], ...] = (
    ("rlike regexp regexp_like regexp_count regexp_substr", {1: "pattern"}),
    ("regexp_extract regexp_instr", {1: "pattern", 2: "group"}),
    ("regexp_replace", {1: "pattern", 2: "replacement", 3: "place"}),
    ("like ilike", {1: "like", 2: "escape"}),
    ("replace translate", {1: "text", 2: "text"}),
    ("contains instr substring_index btrim try_to_number", {1: "text"}),
    ("locate", {0: "text"}),
    ("date_format", {1: "output_format"}),
    ("try_to_timestamp try_to_date", {1: "input_format"}),
    ("trunc", {1: "unit"}),
    ("date_trunc date_part", {0: "unit"}),
    ("sha2", {1: "bits"}),
    ("round bround ceil ceiling floor", {1: "digits"}),
)
LITERALS = {name: kinds for names, kinds in _LITERALS for name in names.split()}
MATCHING = frozenset(name for name, kinds in LITERALS.items() if kinds.get(1) in ("pattern", "like"))
"""Functions that match a pattern against their first argument."""

UNITS = _words(
    "year years yyyy yy quarter quarters qtr month months mon mm week weeks day days dd d dayofweek dow dayofweek_iso dow_iso doy "
    "yearofweek hour hours hrs minute minutes min second seconds sec s"
)
_INPUT_LETTERS = _words("yyyy yy MM M MMM MMMM dd d HH H mm m ss s S SS SSS SSSS SSSSS SSSSSS Z XXX")
_OUTPUT_LETTERS = (_INPUT_LETTERS - {"Z", "XXX"}) | _words("hh h a E EE EEE EEEE")
_PARTS = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z'#{}\[\]]")


def pattern_problem(text: str, *, whole: bool, length: int = LONGEST_MATCHED) -> str | None:
    """Return why contracts may not use a pattern; None if they may. ``whole``: it must match all of a text."""
    try:
        pattern = parse(text)
    except PatternError as failure:
        return str(failure)
    return None if is_quick(pattern, length, whole=whole) else slow_pattern_message(whole=whole, length=length)


def slow_pattern_message(*, whole: bool, length: int = LONGEST_MATCHED) -> str:
    """Return the message for a pattern that may take too long."""
    anchor = "" if whole else "start it with ^, or "
    return (
        f"it may try more than 100 million ways on a text of {length:,} characters: {anchor}let repetitions "
        f"that follow or hold each other share no character{', or give the field a smaller max_length' if whole else ''}"
    )


def groups_in(text: str | None) -> int:
    """Return how many groups a pattern captures; it must have been checked before."""
    return parse(text or "").groups


def replacement_problem(text: str, groups: int) -> str | None:
    """Return why a replacement is refused, for a pattern of so many groups; None if it is allowed.

    $1 is a group; a plain \\ or $ needs a backslash before it.
    """
    rest = re.sub(r"\\.", "", text, flags=re.DOTALL)
    if rest.endswith("\\"):
        return "a replacement cannot end in a backslash: write \\\\ twice over"
    for match in re.finditer(r"\$(.?)", rest, flags=re.DOTALL):
        if not ("0" <= match[1] <= "9") or int(match[1]) > groups:
            return f"a replacement's ${match[1]} must be a group from $0 to ${groups}: write \\\\$ for the sign itself"
    return None


def like_problem(text: str, escape: str) -> str | None:
    """Return why a pattern of LIKE is refused; None if it is allowed. ``escape`` is its escape character, "" for none."""
    rest = re.sub(re.escape(escape) + r"[%_" + re.escape(escape) + "]", "x", text) if escape else text
    if escape and escape in rest:
        return f"a pattern of LIKE may have a {escape} only before %, _ or itself: write it twice"
    ways = re.sub("[^%_]", "x", rest)
    found = parse("(?s)" + ways.replace("_", ".").replace("x", ".").replace("%", ".*"))
    return None if is_quick(found, whole=True) else slow_pattern_message(whole=True)


def is_plain_like(text: str) -> bool:
    """True if LIKE only searches for a text, which is quick at any length: %x, x%, %x% or x."""
    return "_" not in text and "%" not in text.removeprefix("%").removesuffix("%")


def format_problem(text: str, kind: str) -> str | None:
    """Return why a format of dates and times is refused; None if it is allowed.

    ``kind``: ``output_format`` for date_format, ``input_format`` for parsing.
    """
    allowed = _OUTPUT_LETTERS if kind == "output_format" else _INPUT_LETTERS
    at = 0
    while at < len(text):
        match = _PARTS.match(text, at)
        if match is None or (match[1] and match[0] not in allowed):
            got = text[at] if match is None else match[0]
            return f"a format is made of {' '.join(sorted(allowed))}, signs and 'words in quotes', and {got!r} is none"
        at = match.end()
    return None
