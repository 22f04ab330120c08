-- Between the decision to destroy something and its destruction it is closing: what it sealed can still be read, and no
-- look-up finds it any more. So nothing new comes under a key that is about to go. An identifier without a look-up and a
-- subject key without a slot are closing; a period key has no successor and is marked.
alter table subject_key
    drop constraint subject_key_check3,
    add constraint subject_key_destroyed_slot check (destroyed_at is null or slot is null);
alter table period_key
    add column closing boolean not null default false;
