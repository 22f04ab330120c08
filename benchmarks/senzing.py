"""`python -m benchmarks.senzing`: identity held to a truth that somebody else wrote down.

The Senzing truth set has records of three sources and says which are one person's. They come in through the platform's
own door as identify calls, identity projects them under two sets of rules, and every pair of records in one profile is
compared with the truth. Needs the folder of real data in CDP_TEST_DATA.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console

from benchmarks.report import ROOT, Report
from cdp.identity.explanation import Explanation, explained
from cdp.identity.identifier import Identifier
from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import Split
from cdp.platform import Platform
from cdp.policy.form import FORMS
from cdp.policy.rule_book import IDENTITY
from cdp.settings import Settings
from projections.contract import Surroundings
from projections.engine import Engine
from projections.identity.projection import PROJECTION
from projections.identity.reading import component_of
from projections.reading import snapshot

DOCUMENTS = {
    "PASSPORT_NUMBER": "passport",
    "SSN_NUMBER": "ssn",
    "NATIONAL_ID_NUMBER": "national_id",
    "DRIVERS_LICENSE_NUMBER": "drivers_license",
    "TAX_ID_NUMBER": "tax_id",
    "LEI_NUMBER": "lei",
}
RULES = {
    "document numbers alone": ROOT / "docs" / "rules" / "documents.toml",
    "with e-mail and phone": ROOT / "docs" / "rules" / "documents_and_contacts.toml",
}
FILES = ("customers", "reference", "watchlist")
DOCUMENT = "docs/identity-evaluation.md"
TRUTH = "actual_truthset_key.csv"
ACTOR = "benchmark"
_SEPARATORS = re.compile(r"[^0-9A-Za-z]")


class Record(NamedTuple):
    """A record of the truth set: its source and id, the identifiers it holds, and the entity that it truly is."""

    source: str
    id: str
    identifiers: tuple[tuple[str, str], ...]
    entity: str


class Pair(NamedTuple):
    """Two records, the one with the smaller source and id first."""

    a: Record
    b: Record


@dataclass(frozen=True)
class Evaluation:
    """The pairs of records that share a profile, those of them that are one person's, and all that should."""

    found: Sequence[Pair]
    true: int
    expected: int

    @property
    def false(self) -> list[Pair]:
        """The pairs that share a profile and should not."""
        return [pair for pair in self.found if pair.a.entity != pair.b.entity]

    @property
    def precision(self) -> float:
        """True pairs found / pairs found."""
        return self.true / len(self.found)

    @property
    def recall(self) -> float:
        """True pairs found / true pairs."""
        return self.true / self.expected


def read_records(folder: Path) -> list[Record]:
    """The records of a truth set, in the order of its files."""
    with (folder / TRUTH).open(newline="") as file:
        truth = {(row["DATA_SOURCE"], row["RECORD_ID"]): row["CLUSTER_ID"] for row in csv.DictReader(file)}
    return [record for name in FILES for record in _records(folder / f"{name}.jsonl", truth)]


def _records(file: Path, truth: Mapping[tuple[str, str], str]) -> Iterator[Record]:
    for line in file.read_text(encoding="utf-8").splitlines():
        tree = json.loads(line)
        place = (tree["DATA_SOURCE"], tree["RECORD_ID"])
        yield Record(place[0].lower(), place[1], tuple(_identifiers(tree["FEATURES"])), truth[place])


def _identifiers(features: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Documents without their separators, e-mail addresses, and telephone numbers as of the country of the records."""
    for feature in features:
        for name, value in feature.items():
            if name in DOCUMENTS:
                yield DOCUMENTS[name], _SEPARATORS.sub("", value).upper()
            elif name == "EMAIL_ADDRESS":
                yield "email", value
            elif name == "PHONE_NUMBER":
                yield "phone", value if value.startswith("+") else f"+1 {value}"


def send(platform: Platform, records: Sequence[Record]) -> None:
    """Takes the records in, each file as a source that shares the namespaces of documents with the others."""
    intake = Intake(
        platform.settings, platform.vault, platform.keyring, platform.log.touchpoints, platform.registry.plan
    )
    shared = dict.fromkeys(DOCUMENTS.values(), "documents")
    by_source: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_source[record.source].append(record)
    for source, own in by_source.items():
        key = platform.sources.add(source, channel="crm", namespaces=shared, trust="server", actor=ACTOR)
        credential = platform.registry.credential(key)
        if credential is None:
            raise LookupError(f"the key of the source {source} is not valid")
        split = Split([msgspec.json.encode(_call(record)) for record in own], {}, None)
        delivery = Delivery(new_delivery_id(), credential, datetime.now(UTC), b"", None, split)
        (receipt,) = intake.take([delivery])
        refused = [item for item in receipt.items if item.outcome != "accepted"]
        if refused:
            raise ValueError(f"{len(refused)} records of {source} were not accepted, the first with {refused[0]}")


def _call(record: Record) -> dict[str, Any]:
    external = [{"type": kind, "id": value} for kind, value in record.identifiers]
    message = f"{record.source}-{record.id}"
    return {"type": "identify", "messageId": message, "userId": record.id, "context": {"externalIds": external}}


def activate(platform: Platform, rules: Path) -> None:
    """Puts rules in force."""
    drafted = platform.rule_books.draft(IDENTITY, FORMS[IDENTITY].read(rules.read_text("utf-8")), actor=ACTOR)
    platform.rule_books.activate(IDENTITY, drafted.number, actor=ACTOR)


def project(platform: Platform) -> None:
    """Brings identity to the head of the log."""
    surroundings = Surroundings(ZoneInfo(platform.settings.timezone), platform.vault.values, platform.policies)
    with platform.databases.read.connection() as connection:
        engine = Engine(connection, platform.reader, platform.opener, [PROJECTION], surroundings)
        while engine.step():
            pass


def evaluate(platform: Platform, records: Sequence[Record]) -> Evaluation:
    """Compares the profiles with the truth."""
    profiles: defaultdict[str, list[Record]] = defaultdict(list)
    numbers = platform.vault.numbers(map(identifier_of, records))
    with platform.databases.read.connection() as connection:
        query = "select number, profile from identity.identifiers where number = any(%s)"
        profile_of: dict[int, str] = dict(connection.execute(query, [list(numbers.values())]).fetchall())
    for record in records:
        profiles[profile_of[numbers[identifier_of(record)]]].append(record)
    found = [Pair(a, b) for group in profiles.values() for a, b in combinations(sorted(group), 2)]
    entities = Counter(record.entity for record in records)
    true = sum(pair.a.entity == pair.b.entity for pair in found)
    return Evaluation(found, true, sum(n * (n - 1) // 2 for n in entities.values()))


def identifier_of(record: Record) -> Identifier:
    """By which identifier a record is found."""
    return Identifier("user_id", record.source, record.id)


def explained_pairs(platform: Platform, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Explanation]]:
    """Why the records of each pair share a profile: what `cdp identity explain` is made of."""
    policy = platform.policies.at(platform.reader.head().position)
    numbers = platform.vault.numbers(identifier_of(record) for pair in pairs for record in pair)
    with snapshot(platform.databases.read) as connection:
        found = component_of(connection, set(numbers.values()), policy, platform.vault.values)
    graph = found.graph
    for pair in pairs:
        yield pair, explained(numbers[identifier_of(pair.a)], numbers[identifier_of(pair.b)], graph)


def joining(platform: Platform, pairs: Sequence[Pair]) -> list[tuple[Identifier, int]]:
    """The contacts and documents that stand in the explanations of these pairs, and in how many each does."""
    counts = Counter[int]()
    for _, explanation in explained_pairs(platform, pairs):
        counts.update({number for link in explanation.chain for number in (link.a, link.b)})
    values = platform.vault.values(counts)
    named = [(value, count) for number, count in counts.items() if (value := values[number]) is not None]
    return sorted(((value, n) for value, n in named if value.type != "user_id"), key=lambda each: (-each[1], each[0]))


def main() -> None:
    """Prints precision and recall under each set of rules; with `--write` puts them into the documentation."""
    parser = argparse.ArgumentParser(prog="benchmarks.senzing", description=__doc__)
    parser.add_argument("--write", action="store_true", help="update docs/identity-evaluation.md")
    options = parser.parse_args()
    folder = os.environ.get("CDP_TEST_DATA")
    if not folder:
        raise SystemExit("CDP_TEST_DATA does not name the folder of real data")
    records = read_records(Path(folder) / "identity" / "senzing")
    report = Report(DOCUMENT, ("rules", "pairs found", "true", "precision", "recall"))
    with tempfile.TemporaryDirectory(prefix="cdp-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        with Platform.open(Settings.from_environment({"CDP_HOME": home})) as platform:
            send(platform, records)
            for name, rules in RULES.items():
                activate(platform, rules)
                found = _measured(platform, records, name, report)
            joined = joining(platform, found.false)
            worst, _ = joined[0]
            number = platform.vault.numbers([worst])[worst]
            platform.stewards.block(number, actor=ACTOR, reason="a mailbox that many people share")
            _measured(platform, records, f"with e-mail and phone, {worst.value} blocked by a steward", report)
    shown = Report(DOCUMENT, ("in the explanation of false pairs", "false pairs"), "explained")
    for identifier, count in joined:
        shown.add(f"{identifier.type} {identifier.value}", str(count))
    for each in (report, shown):
        Console().print(each.table())
        if options.write:
            each.write()


def _measured(platform: Platform, records: Sequence[Record], name: str, report: Report) -> Evaluation:
    project(platform)
    found = evaluate(platform, records)
    figures = (f"{len(found.found):,}", f"{found.true:,}", f"{found.precision:.3f}", f"{found.recall:.3f}")
    report.add(name, *figures)
    return found


if __name__ == "__main__":
    main()
