"""What a contract can say, Spark can do, and quickly: all else is refused when it is loaded, in one sentence with the way out.

Covers: schema_registry.pattern*, spark_jobs.transforms.runnable_contract, spark_jobs.transforms.null_on_error.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from schema_registry import parsing, pattern_cost, registry, yaml_file
from schema_registry.errors import ContractError, Where
from schema_registry.expressions import spark_sql
from schema_registry.fingerprint import fingerprint
from schema_registry.patterns import parse
from schema_registry.sql_functions import FUNCTIONS
from schema_registry.sql_text import LONGEST
from spark_jobs.errors import RuleError
from spark_jobs.transforms.null_on_error import null_on_error
from spark_jobs.transforms.runnable_contract import require_runnable

CASES = Path(__file__).parents[1] / "cases" / "contracts"

FIELDS = {
    "thing_id": "string", "seen_at": "timestamp", "note": "string", "why": "string", "whole": "int", "large": "bigint",
    "money": "decimal(18,2)", "wide": "decimal(38,10)", "day": "date", "late": "boolean",
}  # fmt: skip


def contract(**more: Any) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {name: {"type": type_} for name, type_ in FIELDS.items()}
    for name in ("thing_id", "seen_at"):
        fields[name]["required"] = True
    told = {"subject": "things", "version": 1, "kind": "events", "key": ["thing_id"], "event_time": "seen_at"}
    return {**told, "fields": fields, **more}


def written(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "things" / f"v{content['version']}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def with_rule(check: str) -> dict[str, Any]:
    return contract(rules=[{"name": "hostile", "check": check}])


def with_pattern(pattern: str, **more: Any) -> dict[str, Any]:
    content = contract()
    content["fields"]["note"] |= {"pattern": pattern, **more}
    return content


RULES = {
    # hidden behind what one parser passes over and another runs
    "a comment that hides a call": ("/* /*+ */ OR reflect('java.lang.System', 'exit', 1) -- */ true", "comments are not allowed"),
    "a comment at the end": ("whole > 1 -- OR rand() > 0", "comments are not allowed"),
    "a hint": ("whole > 1 /*+ BROADCAST(things) */", "comments are not allowed"),
    "a bracketed comment in between": ("whole /* x */ > 1", "comments are not allowed"),
    "a second statement": ("whole > 1; DROP TABLE things", "without ';'"),
    "a call in backticks": ("`reflect`('java.lang.System', 'exit', 1) = ''", "runs code outside the contract"),
    "a call by its full name": ("system.builtin.reflect('a', 'b') = ''", "is not allowed in a contract"),
    "a subquery": ("whole IN (SELECT 1)", "subqueries are not allowed"),
    "a subquery in a call": ("coalesce((SELECT 1), whole) > 1", "subqueries are not allowed"),
    "a lambda": ("exists(note, x -> reflect('a', x) = '')", "'exists' is not one that contracts may use"),
    "a lambda in a call that is allowed": ("coalesce(whole, x -> 1) > 1", "lambda in 'x -> 1' is not allowed"),
    "a named argument": ("coalesce(whole => 1) > 1", "is not allowed in a contract"),
    "a window": ("max(whole) OVER () > 1", "looks at more than one row"),
    "a parameter": ("whole > :limit", "is not allowed in a contract"),
    # what would fail or mislead by what a row holds
    "a replacement from a field": ("regexp_replace(note, 'x', why) = ''", "a replacement must be a text in quotes"),
    "a replacement by a group that is none": ("regexp_replace(note, '(x)', '$2') = ''", "must be a group from $0 to $1"),
    "a replacement that ends in a backslash": (r"regexp_replace(note, 'x', 'y\\') = ''", "cannot end in a backslash"),
    "a group that the pattern has not": ("regexp_extract(note, 'x') = ''", "asks for group 1 of a pattern that has 0"),
    "a format from a field": ("date_format(seen_at, note) = ''", "a format must be a text in quotes"),
    "a format of week years": ("date_format(seen_at, 'YYYY-MM') = ''", "and 'YYYY' is none"),
    "a format that is not closed": ("try_to_date(note, \"yyyy 'x\") = day", "a format is made of"),
    "a pattern from a field": ("note RLIKE why", "a pattern must be a text in quotes"),
    "a pattern that is none": ("note RLIKE '('", "a ( is not closed: write \\( for the sign itself"),
    "a LIKE with a stray backslash": (r"note LIKE 'a\\b'", "only before %, _ or itself"),
    "a part of a time from a field": ("date_trunc(note, seen_at) = seen_at", "a part of a time must be a text in quotes"),
    "a backspace for a word's end": (r"note RLIKE '\bfee\b'", r"a backslash before b is not read alike everywhere: write \\b"),
    "a cast that throws": ("note::int > 1", "use try_cast(x AS type)"),
    "a type that rounds": ("try_cast(note AS double) > 1", "type 'double' is none of a contract's"),
    "a number beyond 38 digits": ("whole > " + "9" * 39, "of at most 38 digits"),
    "a date that is none": ("day > DATE '2026-02-30'", "DATE must be followed by one, as in '2026-01-05'"),
    # time and memory
    "the distance of two texts": ("levenshtein(note, why) > 3", "takes time by the square of a text's length"),
    "a search for a field's text": ("contains(note, why)", "can grow by the square"),
    "a text in another's place": ("replace(note, 'x', why) = ''", "can grow by the square"),
    "a text that grows": (f"replace(note, 'x', '{'y' * 200}') = ''", "more than 100 times as long"),
    "a text that grows step by step": ("hex(hex(hex(note))) = ''", "more than 100 times as long"),
    "a pattern in exponential time": (r"note RLIKE '^(\\w+\\s?)*$'", "more than 100 million ways on a text of 2,000 characters"),
    "a pattern by the cube": ("note RLIKE '[^@]+@[^@]+[.][^@]+'", "start it with ^"),
    "a LIKE by the cube": ("note LIKE '%a%b%c%d%'", "more than 100 million ways"),
    "too deep": ("(" * 200 + "whole > 1" + ")" * 200, "expression"),
    "too long": ("whole > 1" + " " * LONGEST + "AND true", f"at most {LONGEST} are allowed"),
}  # fmt: skip

PATTERNS = {
    "a brace that repeats nothing": (
        "^{[0-9A-Fa-f-]{36}}$",
        "a { that repeats nothing is not read everywhere: write \\{",
    ),
    "lookahead": ("(?=x).*", "it must do without lookahead"),
    "lookbehind": ("(?<=x).*", "it must do without lookbehind"),
    "a reference to a group": (r"(.)\1", "it must do without references to a group"),
    "a possessive quantifier": ("x++", "it must do without possessive quantifiers"),
    "an atomic group": ("(?>x)", "it must do without atomic groups"),
    "a named group": ("(?<n>x)", "it must do without named groups"),
    "a condition": ("(x)(?(1)y)", "it must do without conditions"),
    "a class of another dialect": ("[[:alpha:]]+", "a [ inside [ ] is not read alike everywhere: write \\["),
    "an intersection": ("[a-z&&[^x]]", "&& inside [ ] is not read alike everywhere"),
    "horizontal space": (r"\h", "is not one of the escapes"),
    "a quotation": (r"\Qx\E", "put a backslash before each sign"),
    "the last line's end": (r"x\Z", r"write \z or $"),
    "too many repeats": ("(x{1000}){1001}", "≤ 1000"),
    "exponential by nesting": ("(a+)+", "more than 100 million ways"),
    "exponential by choice": ("(a|a)*", "more than 100 million ways"),
    "exponential by options": ("(a?){50}a{50}", "more than 100 million ways"),
    "by the eleventh power": ("(.*?,){11}P", "more than 100 million ways"),
}


@pytest.mark.parametrize(("check", "told"), RULES.values(), ids=RULES.keys())
def test_a_hostile_expression_is_refused_by_its_rule_with_the_way_out(tmp_path: Path, check: str, told: str) -> None:
    file = written(tmp_path, with_rule(check))
    with pytest.raises(ContractError) as refused:
        registry.load(tmp_path)
    assert str(refused.value).startswith(f"{file}: rule 'hostile': expression ")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("pattern", "told"), PATTERNS.values(), ids=PATTERNS.keys())
def test_a_hostile_pattern_is_refused_by_its_field_with_the_way_out(tmp_path: Path, pattern: str, told: str) -> None:
    file = written(tmp_path, with_pattern(pattern))
    with pytest.raises(ContractError) as refused:
        registry.load(tmp_path)
    assert str(refused.value).startswith(f"{file}: field 'note': pattern must be a regular expression, got ")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^@\s]+@[^@\s]+\.[^@\s]+", "^[A-Z]{2}$", r"^[a-z0-9]+(?:-[a-z0-9]+)*$", r"^(?:[a-z0-9-]+\.)+[a-z]{2,}$",
        r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$", r"https?://[^\s/$.?#].[^\s]*",
        r"^\{[0-9A-Fa-f-]{36}\}$", r"\+?[0-9 ()-]{7,20}", r"(?i)abc|def", r"[\p{L} '-]+", r"\x{20AC}?\d{1,3}(,\d{3})*",
        "(?s).*x.*", "a{,3}".replace("{,", "{0,"), r"[\w.-]+", "(?i:x)y", r"\/\-\ \#",
    ],
)  # fmt: skip
def test_patterns_that_people_write_are_taken_and_mean_the_same_to_a_linear_engine(
    tmp_path: Path, pattern: str
) -> None:
    written(tmp_path, with_pattern(pattern))
    registry.load(tmp_path)
    assert pattern_cost.is_quick(parse(pattern), whole=True)
    assert pc.match_substring_regex(pa.array(["x"]), pattern) is not None, "RE2 compiles it"


def test_a_slow_pattern_is_allowed_where_max_length_bounds_it(tmp_path: Path) -> None:
    slow = r".+ .+ .+ .+"
    written(tmp_path, with_pattern(slow))
    with pytest.raises(ContractError, match="or give the field a smaller max_length"):
        registry.load(tmp_path)
    written(tmp_path, with_pattern(slow, max_length=80))
    registry.load(tmp_path)


def test_a_published_version_that_says_what_is_refused_today_is_superseded_by_a_new_one(tmp_path: Path) -> None:
    file = written(tmp_path, with_rule("levenshtein(note, why) < 3"))
    contract_of = parsing.parse(yaml_file.read(Where(file)), Where(file))
    (file.parent / "fingerprints.lock").write_text(f"v1 {fingerprint(contract_of)}\n", encoding="utf-8")
    with pytest.raises(ContractError, match="levenshtein"):
        registry.load(tmp_path)
    written(tmp_path, contract(version=2))
    assert registry.load(tmp_path).subject("things").latest.rules == ()


def test_texts_reach_spark_as_they_are_and_bring_in_no_setting_or_secret() -> None:
    assert spark_sql(r"'a\d\\d\'\n'") == r"'a\u005cd\u005cd\u0027\u000a'"
    assert spark_sql(r"r'a\d'") == r"'a\u005cd'"
    assert spark_sql("'it''s'") == r"'it\u0027s'"
    assert spark_sql("'${env:DATABASE_URL}'") == r"'\u0024{env:DATABASE_URL}'"
    assert spark_sql("NOT whole=1 OR note  LIKE 'a%'") == "((NOT (`whole` = 1)) OR (`note` LIKE 'a%'))"


def test_long_lists_and_chains_are_no_growth_and_not_too_deep(tmp_path: Path) -> None:
    checks = [
        f"whole IN ({', '.join(map(str, range(1500)))})",
        " OR ".join(f"note = '{at}'" for at in range(400)),
        "CASE note " + " ".join(f"WHEN '{at}' THEN note" for at in range(150)) + " ELSE why END = ''",
        "replace(replace(note, 'a', 'bb'), 'c', 'dd') = ''",
    ]
    written(tmp_path, contract(rules=[{"name": f"long_{at}", "check": check} for at, check in enumerate(checks)]))
    registry.load(tmp_path)


def test_a_guid_in_braces_is_refused_before_anything_is_published(tmp_path: Path) -> None:
    shutil.copytree(CASES / "pattern_guid_in_braces" / "contracts", tmp_path / "contracts")
    with pytest.raises(ContractError, match=r"v1.yaml: field 'device': pattern .* write \\\{"):
        registry.load(tmp_path / "contracts")


def test_what_only_spark_can_tell_is_told_before_publishing(spark: SparkSession, tmp_path: Path) -> None:
    for check, told in {"startswith(note)": "startswith", "year(late) > 1": "year"}.items():
        written(tmp_path, with_rule(check))
        subject = registry.load(tmp_path).subject("things")
        with pytest.raises(RuleError, match=rf"things v1: rule 'hostile': Spark refuses the contract's .*{told}"):
            require_runnable(spark, subject)
    for name in registry.load().subjects:
        require_runnable(spark, registry.load().subject(name))


THROWS = {"abs(wide) >= 0", "floor(wide, -38)"}
VALUES: dict[str, list[Any]] = {
    "string": [
        None, "", " ", "a", "x(", "1e999", "-", "NaN", "\x00", "%\\_", "9" * 50, "2026-02-30", "İßﬁ😀", "ü" * 5000, "a.b,c$1",
        "%zz",
    ],
    "int": [None, 0, 1, -1, 2**31 - 1, -(2**31)],
    "bigint": [None, 0, 5, 2**63 - 1, -(2**63), 2**53 + 1],
    "decimal(18,2)": [None, "0", "0.01", "9999999999999999.99", "-9999999999999999.99"],
    "decimal(38,10)": [None, "0", "0.0000000001", "9" * 28 + "." + "9" * 10, "-" + "9" * 28 + "." + "9" * 10],
    "date": [None, "0001-01-01", "9999-12-31", "2024-02-29"],
    "timestamp": [None, "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59.000001"],
    "boolean": [None, "true", "false"],
}  # fmt: skip


def hostile(spark: SparkSession, count: int = 96) -> DataFrame:
    """Every value of every type, in several pairings."""
    cells = {}
    for seat, (name, type_) in enumerate(FIELDS.items()):
        values = [VALUES[type_][(at * (1 + seat // 2) + seat) % len(VALUES[type_])] for at in range(count)]
        cells[name] = pa.array([None if value is None else str(value) for value in values], pa.string())
    rows = spark.createDataFrame(pa.table(cells))
    return rows.select(*[F.col(name).try_cast(type_).alias(name) for name, type_ in FIELDS.items()])


def test_every_function_meets_hostile_values_and_spark_runs_what_was_written(spark: SparkSession) -> None:
    expressions = (CASES / "expressions.txt").read_text(encoding="utf-8").splitlines()
    assert {name for name in FUNCTIONS if not any(f"{name}(" in each.lower() for each in expressions)} == set()
    as_written = {each: "NULL" if each in THROWS else each for each in expressions}
    columns = [
        F.expr(f"({plain})").eqNullSafe(null_on_error(F.expr(spark_sql(each)))).alias(f"c{at}")
        for at, (each, plain) in enumerate(as_written.items())
    ]
    found = hostile(spark).select(*columns).toArrow()
    differ = {each for at, each in enumerate(as_written) if not all(found.column(f"c{at}").to_pylist())}
    # Of a text too long for a pattern a match is no longer asked; of what throws the rows that do not throw have a value.
    matching = {
        each for each in expressions if "RLIKE" in each or each.startswith(("rlike", "reg", "ilike(note, 'A%b')"))
    }
    assert differ <= THROWS | matching | {"note NOT LIKE '%e!%' ESCAPE '!'"}
