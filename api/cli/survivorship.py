"""`cdp survivorship`: which of many claims a profile shows, as rules in versions."""

from __future__ import annotations

from api.cli.rules import rules_app
from cdp.policy.rule_book import SURVIVORSHIP

app = rules_app(SURVIVORSHIP, "The survivorship rules: versions, and which is in force.")
