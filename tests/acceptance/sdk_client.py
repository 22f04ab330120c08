"""One official SDK, unmodified, delivering calls of every kind; run as a program of its own.

    python sdk_client.py PACKAGE URL WRITE_KEY PREFIX ROUNDS GZIP

Each round is one call of each of the six kinds. It prints what the SDK did as JSON: its version, the calls it queued,
the requests it made (by its own log), and the errors it reported.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any


class Requests(logging.Handler):
    """Counts the requests that an SDK says it makes."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """One line of the SDK's log."""
        self.count += record.getMessage().startswith("making request")


def main(package: str, url: str, write_key: str, prefix: str, rounds: int, gzip: bool) -> dict[str, Any]:
    """Delivers, waits until the SDK has sent all, and says what it did."""
    errors: list[str] = []
    requests = Requests()
    logger = logging.getLogger(package.partition(".")[0])
    logger.addHandler(requests)
    client = importlib.import_module(f"{package}.client").Client(
        write_key,
        host=url,
        debug=True,
        gzip=gzip,
        on_error=lambda error, items: errors.append(f"{error}: {len(items)} items"),
        max_retries=3,
    )
    for number in range(rounds):
        call_each(client, f"{prefix}-{number}", number)
    client.flush()
    client.join()
    version = importlib.import_module(f"{package}.version").VERSION
    return {"version": version, "queued": 6 * rounds, "requests": requests.count, "errors": errors}


def call_each(client: Any, person: str, number: int) -> None:
    """One call of each kind about one person."""
    when = datetime(2026, 1, 31, 12, 0, number % 60, tzinfo=UTC)
    traits = {"email": f"{person}@example.com", "first_name": "Ayşe", "points": number}
    context = {"userAgent": "Test/1.0", "externalIds": [{"type": "loyalty_card", "id": f"card-{person}"}]}
    client.identify(person, traits=traits, context=context, timestamp=when)
    client.track(person, event="Order Completed", properties={"order_id": person, "total": "12.50"}, timestamp=when)
    client.page(person, category="shop", name="Home", properties={"url": "https://shop.example/"}, timestamp=when)
    client.screen(person, category="app", name="Start", properties={}, timestamp=when)
    client.group(person, group_id=f"account-{number % 3}", traits={"plan": "gold"}, timestamp=when)
    client.alias(f"before-{person}", person, timestamp=when)


if __name__ == "__main__":
    package, url, write_key, prefix, rounds, gzip = sys.argv[1:]
    print(json.dumps(main(package, url, write_key, prefix, int(rounds), gzip == "gzip")))
