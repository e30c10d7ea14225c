"""Keys, tracked fields, event times and derived days at the edges of their types, through the real queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from support.duckdb_audit import discrepancies
from support.lakes import Workspace, new_workspace

from spark_jobs.batch.point_in_time.as_of import as_of, register_as_of
from spark_jobs.batch.point_in_time.key_states import state_at
from spark_jobs.batch.point_in_time.parsing import parse_key, parse_moment

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

WALLETS = """
subject: wallets
version: 1
kind: changes
doc: Wallets of a MySQL table with a BIGINT UNSIGNED key.
key: [wallet_id]
event_time: event_ts
sequence_by: seq
entity: wallet
tracked: [balance]
fields:
  wallet_id: {type: "decimal(20,0)", required: true, min: 1}
  balance:   {type: "decimal(18,2)", required: true}
"""
PRICES = """
subject: prices
version: 1
kind: changes
doc: A key of every type, valid from whatever day, and days derived from it.
key: [name, amount, day, at, flag]
event_time: effective
sequence_by: seq
entity: price
tracked: [day_off, note]
fields:
  name:      {type: string, required: true}
  amount:    {type: "decimal(38,10)", required: true}
  day:       {type: date, required: true}
  at:        {type: timestamp, required: true}
  flag:      {type: boolean, required: true}
  effective: {type: timestamp, required: true}
  day_off:   {type: int}
  note:      {type: string}
derive:
  due:       {type: date, expr: "date_add(day, day_off)"}
  due_at:    {type: timestamp, expr: "try_cast(note AS timestamp)"}
"""
HEADER = "change_id,op,event_ts,seq"
NINES = "9" * 28 + "." + "9" * 10
FIRST, OPEN, LAST = "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "9999-12-31T23:59:59.999999Z"
LONG = "k" * 10_000
KEYS = [
    f"a,{NINES},9999-12-31,{LAST},true",
    f"a,-{NINES},0001-01-01,{FIRST},false",
    f"a|0.0000000000,0,0001-01-01,{FIRST},false",
    f"a,0.0000000001,0001-01-01,{FIRST},false",
    f"{LONG},0,0001-01-01,{FIRST},false",
    f"{LONG}k,0,0001-01-01,{FIRST},false",
]


PRICE_HEADER = f"{HEADER},name,amount,day,at,flag,effective,day_off,note\n"
#: Each key, from the first moment on, on the last day without a change that counts, and at the last moment.
OF_EACH = [
    (50 * at + n, key, effective, f"-{1 + at // 2},{note}" if n == 0 else f"1,{note}")
    for n, key in enumerate(KEYS)
    for at, (effective, note) in enumerate([(FIRST, "x"), (OPEN, "x"), (LAST, "y")])
]
#: Days that come out after the year 9999 and before the year 1.
BEYOND = [(190, KEYS[0], OPEN, "1,x"), (191, KEYS[0], OPEN, "0,+12345-06-07 08:09:10"), (192, KEYS[1], OPEN, "-1,x")]


def home_of(root: Path) -> Workspace:
    for name, text in (("wallets", WALLETS), ("prices", PRICES)):
        (root / "contracts" / name).mkdir(parents=True)
        (root / "contracts" / name / "v1.yaml").write_text(text, encoding="utf-8")
    return new_workspace(root, root / "contracts")


def price(seq: int, key: str, effective: str, more: str = "1,x") -> str:
    return f"p-{seq},u,2026-02-01T10:00:00Z,{seq},{key},{effective},{more}\n"


def test_keys_and_times_at_the_edges_of_their_types_go_all_the_way(spark: SparkSession, tmp_path: Path) -> None:
    workspace = home_of(tmp_path)
    workspace.drop(
        "1.csv",
        f"{HEADER},wallet_id,balance\n"
        "w-1,c,2026-02-01T10:00:00Z,1,18446744073709551615,10.00\n"
        "w-2,c,2026-02-01T10:00:00Z,2,9007199254740992,20.00\n"
        "w-3,c,2026-02-01T10:00:00Z,3,9007199254740993,30.00\n"
        "w-4,c,2026-02-01T10:00:00Z,4,184467440737095516150,40.00\n",
        "wallets",
    )
    workspace.drop("1.csv", PRICE_HEADER + "".join(price(*one) for one in (*OF_EACH, *BEYOND)), "prices")
    books = {line.subject: line for line in workspace.drain(spark, "wallets", "prices")}
    assert books["wallets"].effects["inserted"] == 3
    assert books["wallets"].reasons == {"bad_type:wallet_id": 1}
    assert books["prices"].reasons == {"out_of_range:due": 2, "out_of_range:due_at": 1}
    assert (books["prices"].accepted, books["prices"].dead_letter) == (len(OF_EACH), len(BEYOND))
    again(workspace, spark)
    see_wallets(workspace, spark)
    see_prices(workspace, spark)
    for subject in ("wallets", "prices"):
        assert discrepancies(workspace.lake.root, subject) == []
        found = workspace.audit(spark, subject)
        assert found.balanced, found.findings


def again(workspace: Workspace, spark: SparkSession) -> None:
    """A second batch, which finds what the first has left."""
    workspace.drop(
        "2.csv",
        f"{HEADER},wallet_id,balance\n"
        "w-5,u,2026-02-02T10:00:00Z,5,18446744073709551615,11.00\n"
        "w-6,d,2026-02-02T10:00:00Z,6,9007199254740992,\n"
        "w-7,u,2026-02-02T10:00:00Z,7,9007199254740993,30.00\n",
        "wallets",
    )
    workspace.drop("2.csv", PRICE_HEADER + price(199, KEYS[1], LAST, "3,z") + price(50, KEYS[1], OPEN), "prices")
    books = {line.subject: line for line in workspace.drain(spark, "wallets", "prices")}
    assert books["wallets"].effects == {"inserted": 0, "updated": 1, "deleted": 1, "superseded": 0, "unchanged": 1}
    assert (books["prices"].effects["updated"], books["prices"].duplicate) == (1, 1)


def see_wallets(workspace: Workspace, spark: SparkSession) -> None:
    subject = workspace.subject("wallets")
    rows = {int(row["wallet_id"]): row for row in workspace.rows(workspace.lake.current(subject))}
    shown = {key: (str(row["balance"]), row["_deleted"]) for key, row in rows.items()}
    assert shown == {
        18446744073709551615: ("11.00", False),
        9007199254740992: ("None", True),
        9007199254740993: ("30.00", False),
    }
    history = [int(row["wallet_id"]) for row in workspace.rows(workspace.lake.history(subject))]
    assert {key: history.count(key) for key in shown} == {
        18446744073709551615: 2,
        9007199254740992: 1,
        9007199254740993: 1,
    }
    answer = state_at(
        workspace.lake, subject, parse_key("18446744073709551615", subject.latest), parse_moment("2026-11-30")
    )
    assert answer.found is not None
    assert answer.found.row["balance"] == Decimal("11.00")
    current = spark.read.format("delta").load(workspace.lake.current(subject).path)
    for key in shown:
        assert current.where(F.col("wallet_id") == F.lit(Decimal(key))).count() == 1


def see_prices(workspace: Workspace, spark: SparkSession) -> None:
    subject = workspace.subject("prices")
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    rows = workspace.rows(workspace.lake.current(subject))
    assert (
        len({(row["name"], row["amount"], row["day"], row["at"], row["flag"]) for row in rows})
        == len(rows)
        == len(KEYS)
    )
    assert {(row["day"], row["due"]) for row in rows if row["note"] == "z"} == {(date.min, date(1, 1, 4))}
    current = spark.read.format("delta").load(workspace.lake.current(subject).path)
    assert sorted(row.day for row in current.select("day").collect()) == sorted(row["day"] for row in rows)
    register_as_of(spark, workspace.lake, workspace.registry)
    opens = datetime(9999, 12, 31, tzinfo=UTC)
    for moment, notes in (
        (first, "xxxxxx"),
        (opens, "xxxxxx"),
        (last - timedelta(microseconds=1), "xxxxxx"),
        (last, "yyyyyz"),
    ):
        asked = spark.sql(f"SELECT * FROM prices_as_of(TIMESTAMP '{moment}')")
        for found in (as_of(spark, workspace.lake, subject, moment), asked):
            assert "".join(sorted(row.note for row in found.select("note").collect())) == notes, moment
