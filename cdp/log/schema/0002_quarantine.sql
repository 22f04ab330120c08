-- Quarantine that can be mended: what became of each held item, step by step, and what its batch said for all.

-- `stage` and `reason` say why it is held now; `first_stage` and `first_reason` why at first, where that has changed.
-- `position` is where it was accepted, or where the first of its kind is. `step` counts what was done to it.
-- `whole` is a body that could not be split. `parent` is the whole that an item was cut from once that was mended.
-- `message` is the keyed hash of (source, message id), where one could be read. `size` is that of the bytes as received.
-- `sealed` is gone once it was erased or expired; `mended` holds the bytes that take its place when it is replayed.
alter table quarantine
    alter column sealed drop not null,
    add column state text not null default 'held'
        check (state in ('held', 'accepted', 'duplicate', 'split', 'discarded', 'expired')),
    add column step integer not null default 0,
    add column first_stage text,
    add column first_reason text,
    add column position bigint,
    add column plan integer,
    add column whole boolean not null default false,
    add column parent uuid,
    add column message bytea,
    add column size integer,
    add column mended bytea;
update quarantine set whole = true where stage = 'split';

create index quarantine_order on quarantine (received_at, delivery_id, item, quarantine_id);
create index quarantine_held on quarantine (source_id, reason, received_at, delivery_id, item, quarantine_id)
    where state = 'held';
create index quarantine_delivery on quarantine (delivery_id, item);
create index quarantine_message on quarantine (message) where message is not null;

-- What was done to a held item, by which decision (the id of its stream in the log), and why it is held since.
create table quarantine_step (
    quarantine_id uuid not null,
    step integer not null,
    at timestamptz not null,
    what text not null
        check (what in ('fixed', 'held', 'accepted', 'duplicate', 'split', 'discarded', 'expired')),
    stage text,
    reason text,
    plan integer,
    decision uuid not null,
    sealed bytea,
    primary key (quarantine_id, step)
);

-- What a delivery with held items says for all of them; `size` is that of the plain bytes.
create table quarantine_common (
    delivery_id uuid primary key,
    key_id bigint not null,
    size integer not null,
    sealed bytea not null
);
