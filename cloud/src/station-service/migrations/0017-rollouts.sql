-- Staged roll-outs of firmware. Whoever takes a step locks the row of the roll-out, and writes the commands of the step with it.
create table station.rollout (
  rollout_id text primary key,
  tenant_id text not null,
  name text,
  firmware_id text,
  location text,
  version text not null,
  signature text,
  signing_certificate text,
  policy jsonb not null,
  -- running, paused, halted, cancelled, completed.
  status text not null,
  reason text,
  created_at timestamptz not null,
  created_by text not null,
  status_since timestamptz not null,
  wave int not null default 0,
  -- How often it was halted, and how many failed stations an operator has put up with.
  halts int not null default 0,
  forgiven int not null default 0,
  -- Something may change without an operator: it is looked at, last at `looked_at`.
  open boolean not null default true,
  looked_at timestamptz not null default '-infinity'
);
create index rollout_newest on station.rollout (tenant_id, created_at desc, rollout_id desc);
create index rollout_open on station.rollout (looked_at) where open;

create table station.rollout_station (
  rollout_id text not null references station.rollout on delete cascade,
  station_id text not null,
  tenant_id text not null,
  site_id text not null,
  -- waiting, updating, done, failed, skipped, cancelled.
  state text not null,
  held_by text,
  reason text,
  canary boolean not null default false,
  wave int,
  -- The newest: a station at which a session began before it came is told again.
  command_id text,
  told_at timestamptz,
  deadline_at timestamptz,
  again_at timestamptz,
  finished_at timestamptz,
  primary key (rollout_id, station_id)
);
-- A station is in one roll-out at a time.
create unique index rollout_station_once on station.rollout_station (tenant_id, station_id)
  where state in ('waiting', 'updating');
