"""The platform's parts, wired once: what every command and every API process starts from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cdp.log.application import Log
from cdp.log.opening import Opener
from cdp.log.reader import LogReader
from cdp.plans.plans import Plans
from cdp.policy.history import History
from cdp.policy.naming import Naming
from cdp.policy.policies import Policies
from cdp.policy.rule_books import RuleBooks
from cdp.policy.stewards import Stewards
from cdp.postgres.databases import Databases, open_databases
from cdp.registry import Registry
from cdp.settings import Settings
from cdp.setup import Sources, Tokens
from cdp.value.pyramids import Pyramids
from cdp.vault.keyring import KeyRing
from cdp.vault.vault import REMEMBERED, Vault


@dataclass(frozen=True)
class Platform:
    """Everything below `projections` and `api`. Safe to share between threads."""

    settings: Settings
    databases: Databases
    vault: Vault
    log: Log
    reader: LogReader
    opener: Opener
    registry: Registry
    sources: Sources
    tokens: Tokens
    plans: Plans
    policies: Policies
    rule_books: RuleBooks
    stewards: Stewards
    decisions: History
    naming: Naming

    @property
    def keyring(self) -> KeyRing:
        """The keys outside the databases."""
        return self.vault.keyring

    @property
    def pyramids(self) -> Pyramids:
        """The definitions of customer value."""
        return Pyramids(self.log)

    @classmethod
    @contextmanager
    def open(cls, settings: Settings, remembered: int = REMEMBERED) -> Iterator[Platform]:
        """Makes the databases and the master key ready, and closes all connections at the end.

        `remembered` bounds what of the vault is kept in memory.
        """
        with open_databases(settings) as databases:
            yield cls.over(settings, databases, remembered)

    @classmethod
    def over(cls, settings: Settings, databases: Databases, remembered: int = REMEMBERED) -> Platform:
        """The platform on databases that are open."""
        settings.home.mkdir(parents=True, exist_ok=True)
        vault = Vault.open(databases.vault, settings.master_key, remembered)
        log = Log(databases.log, vault)
        reader = LogReader(databases.log)
        registry = Registry(reader, log.mapper)
        registry.refresh()
        sources, tokens = Sources(log, registry), Tokens(log, registry)
        policies = Policies(reader, log.mapper)
        return cls(
            settings,
            databases,
            vault,
            log,
            reader,
            Opener(vault),
            registry,
            sources,
            tokens,
            plans=Plans(log, registry, sources),
            policies=policies,
            rule_books=RuleBooks(log, registry),
            stewards=Stewards(log),
            decisions=History(reader, log.mapper, policies),
            naming=Naming(vault, registry, settings.default_region),
        )
