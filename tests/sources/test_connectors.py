"""What holds for every connector; one that is added is found by itself."""

from __future__ import annotations

import pytest

from cdp.sources.connector import Connector, connectors
from cdp.sources.rejection import Rejected


def test_the_connectors_are_found_by_their_names() -> None:
    assert "segment" in connectors()
    assert all(name == connector.name for name, connector in connectors().items())


@pytest.mark.parametrize("connector", connectors().values(), ids=lambda each: each.name)
def test_a_connector_has_a_name_and_a_version(connector: Connector) -> None:
    assert connector.name.isidentifier()
    assert connector.version >= 1


@pytest.mark.parametrize("connector", connectors().values(), ids=lambda each: each.name)
@pytest.mark.parametrize("item", [{}, {"type": 5}, {"type": "track"}, {"a": {"b": [1, None]}}])
def test_a_connector_refuses_what_it_does_not_know_and_fails_on_nothing(
    connector: Connector, item: dict[str, object]
) -> None:
    with pytest.raises(Rejected):
        connector.read(item, None)
