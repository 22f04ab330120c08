-- Imported files: which file with which mapping for which source, how far it has come, and where each row went.

-- `attempt` counts deliberate repetitions. `rows`, `skipped` and `blank` are known once all of it was read.
create table file_import (
    import_id uuid primary key,
    source_id uuid not null,
    file_digest bytea not null,
    mapping_digest bytea not null,
    mapping text not null,
    attempt integer not null,
    actor text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    rows bigint,
    skipped bigint,
    blank bigint,
    unique (source_id, file_digest, mapping_digest, attempt)
);

-- One row a delivery, committed with it. Item `i` of the delivery was made of `row_counts[i]` rows of the file, the
-- first of which is row `first_rows[i]`. The last three columns are rows by the outcome of their items.
create table file_import_delivery (
    import_id uuid not null references file_import,
    chunk bigint not null,
    delivery_id uuid not null unique,
    first_rows bigint[] not null,
    row_counts integer[] not null,
    accepted bigint not null,
    duplicate bigint not null,
    quarantined bigint not null,
    primary key (import_id, chunk)
);
