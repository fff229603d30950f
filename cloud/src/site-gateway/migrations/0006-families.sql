-- Families of journals: a fork may hold rows that the journal has which it came from.

alter table site_gateway.lane
  -- The journal that its line of forks began with, and rows of that one before its own first; null: it is no fork, or did not tell.
  add column root_id text,
  add column root_ledger bigint not null default 0,
  add column root_telemetry bigint not null default 0,
  -- There is another journal of its family.
  add column kin boolean not null default false;
