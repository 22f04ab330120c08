"""JSON Schemas as plans use them: draft 2020-12 unless `$schema` names another."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

Tree = dict[str, Any]


class InvalidSchema(ValueError):
    """What was given is no JSON Schema that can be used; the message says where and what can."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"no JSON Schema that can be used: at {where}: {reason}. References must stay within the schema, formats "
            f"be known, patterns do without look-around"
        )


def compile_schema(schema: Tree) -> jsonschema_rs.Validator:
    """A validator. Nothing is ever fetched, formats count, and patterns run in linear time. Raises `InvalidSchema`.

    Numbers may be `Decimal`: they are compared exactly.
    """
    try:
        return jsonschema_rs.validator_for(
            schema,
            offline=True,
            validate_formats=True,
            ignore_unknown_formats=False,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except jsonschema_rs.ValidationError as error:
        where = "/".join(str(each) for each in error.instance_path) or "(top)"
        raise InvalidSchema(where, error.message) from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise InvalidSchema("(somewhere)", str(error)) from None
