-- What consumers have passed without taking it: rows that could not be read then and can be now, and kinds that a consumer
-- has learnt since.

-- A fact made in the cloud can be set aside too; it has no place in a journal.
alter table log.poison alter column site_id drop not null, alter column journal_id drop not null,
  alter column stream drop not null, alter column seq drop not null,
  add column set_aside_at timestamptz not null default now();
create index poison_of_site on log.poison (tenant_id, site_id);

-- The kinds that a consumer takes, as its newest version said at its start.
create table log.consumer_kind (
  consumer text not null,
  kind text not null,
  primary key (consumer, kind)
);

-- Entries of one kind that a consumer still has to take although its cursor is past them: those after `position`, up to
-- `up_to`, or (null) up to the cursor until the time `until` is over.
create table log.backfill (
  consumer text not null,
  partition smallint not null,
  kind text not null,
  from_position bigint not null,
  position bigint not null,
  received_at timestamptz not null default 'epoch',
  up_to bigint,
  until timestamptz,
  primary key (consumer, partition, kind, from_position)
);
