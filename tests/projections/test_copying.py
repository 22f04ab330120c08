"""What is copied is what is stored, whichever way it goes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from projections.columns import Columns
from projections.copying import copy_groups
from projections.tallies import Column, Tally, in_rows

KEYS = {
    "day": "date",
    "hour": "timestamptz",
    "source": "uuid",
    "store": "text",
    "sold": "boolean",
    "pieces": "bigint",
}
TYPES = {**KEYS, "rows": "bigint", "amount": "numeric"}


class Sale(NamedTuple):
    """A row with a column of each type."""

    day: date | None
    hour: datetime | None
    source: UUID | None
    store: str | None
    sold: bool | None
    pieces: int | None
    amount: Decimal | None


texts = st.sampled_from([None, "", "NULL", r"\N", r"\.", 'a"b,c', "two\r\nlines\n", "İzmir 🛒", " padded "]) | st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
)
sales = st.lists(
    st.builds(
        Sale,
        st.none() | st.dates(),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | st.uuids(),
        texts,
        st.sampled_from([None, True, False]),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.decimals("-1E+30", "1E+30", places=12),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sales)
def test_groups_are_stored_as_they_are(databases: Databases, rows: list[Sale]) -> None:
    tally = Tally([Column(*each) for each in KEYS.items()], [Column("amount", "numeric")])
    groups = tally.groups(Columns(rows))
    defined = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    with databases.read.connection() as connection, connection.transaction():
        connection.execute(f"create temporary table copied ({defined}) on commit drop")

        copy_groups(connection, "copied", TYPES, groups)

        stored = connection.execute("select * from copied").fetchall()
    assert {*stored} == {*in_rows(groups)} and len(stored) == len(groups)
