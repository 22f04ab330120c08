"""Why an item cannot be accepted: a typed reason for the quarantine, and a sentence for whoever sent it."""

from __future__ import annotations

from enum import Enum


class Stage(Enum):
    """How far an item came."""

    SPLIT = "split"
    PARSE = "parse"
    PLAN = "plan"
    APPEND = "append"


class Reason(Enum):
    """What is wrong with it."""

    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_MANY_ITEMS = "too_many_items"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    INVALID_TEXT = "invalid_text"
    INVALID_NUMBER = "invalid_number"
    TOO_MANY_IDENTIFIERS = "too_many_identifiers"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_EVENT = "missing_event"
    UNKNOWN_FORMAT = "unknown_format"
    INVALID_ENVELOPE = "invalid_envelope"
    MISSING_IDENTIFIER = "missing_identifier"
    INVALID_MESSAGE_ID = "invalid_message_id"
    INVALID_TIME = "invalid_time"
    TIME_WITHOUT_ZONE = "time_without_zone"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    PLAN_VIOLATION = "plan_violation"
    UNPLANNED_EVENT = "unplanned_event"
    WRONG_COLUMNS = "wrong_columns"
    INVALID_VALUE = "invalid_value"
    MISSING_VALUE = "missing_value"
    ROWS_DISAGREE = "rows_disagree"
    CONFLICT = "conflict"
    INTERNAL_ERROR = "internal_error"


class Rejected(Exception):
    """The item goes to quarantine. The detail names the field, what was expected and the remedy, never a value of
    the item: it is shown to the sender and kept encrypted. `plan` is the version of the plan that refuses it."""

    def __init__(self, reason: Reason, detail: str, stage: Stage = Stage.PARSE, plan: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.stage = stage
        self.plan = plan
