-- What station-service knows: from facts (projection `station`) and from its own API. `position` is the place in the event log
-- of the newest fact that a row shows; with `received_at` it makes a replay harmless.

create table station.site (
  site_id text primary key,
  tenant_id text not null,
  name text not null,
  time_zone text not null,
  created_at timestamptz not null,
  online boolean not null default false,
  -- Since when it is online, or not.
  presence_since timestamptz,
  last_heard_at timestamptz,
  -- The lane in authority, and what of it is here.
  journal_id text,
  ledger_seq bigint not null default 0,
  telemetry_seq bigint not null default 0,
  position bigint not null default 0
);
create index site_by_tenant on station.site (tenant_id, site_id);

create table station.station (
  tenant_id text not null,
  station_id text not null,
  site_id text not null,
  created_at timestamptz not null,
  -- Told by the site.
  ocpp text,
  vendor text,
  model text,
  serial text,
  firmware text,
  approved boolean not null default false,
  connected boolean not null default false,
  connected_since timestamptz,
  booted_at timestamptz,
  ledger_seq bigint not null default 0,
  position bigint not null default 0,
  received_at timestamptz not null default '-infinity',
  -- Wanted by an operator; goes down in the document `stations`. Null: nothing is wanted.
  wanted_approved boolean,
  wanted_password_hash text,
  wanted_baseline boolean,
  wanted_max_power_w int,
  primary key (tenant_id, station_id)
);
create index station_by_site on station.station (site_id);

create table station.connector (
  tenant_id text not null,
  station_id text not null,
  -- evse 0: the station as a whole.
  evse_id int not null,
  connector_id int not null,
  status text not null,
  detail text,
  error_code text,
  since timestamptz not null,
  position bigint not null,
  received_at timestamptz not null,
  primary key (tenant_id, station_id, evse_id, connector_id)
);

create table station.session (
  session_id text primary key,
  tenant_id text not null,
  site_id text not null,
  station_id text not null,
  evse_id int not null,
  connector_id int not null,
  journal_id text not null,
  -- Told by the lane in authority; only then it is what goes on at the connector now.
  current boolean not null,
  transaction_id text not null,
  id_token text,
  id_token_type text,
  "authorization" text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  duration_ms bigint,
  start_register_milli_wh bigint,
  energy_milli_wh bigint,
  power_w int,
  current_ma int[],
  soc_percent int,
  read_at timestamptz,
  reason text,
  presumed boolean not null default false,
  -- 0: running.
  revision int not null default 0,
  review text[] not null default '{}',
  -- Why billing holds it, as of `held_revision`.
  held text[] not null default '{}',
  held_revision int not null default 0,
  cdr_id text,
  cdr_revision int not null default 0,
  cost_amount text,
  cost_currency text,
  cost_details jsonb,
  ledger_seq bigint not null
);
create index session_newest on station.session (tenant_id, started_at desc, session_id desc);
create index session_by_station on station.session (tenant_id, station_id, started_at desc, session_id desc);
create index session_by_site on station.session (site_id, started_at desc, session_id desc);
create index session_running on station.session (tenant_id, station_id) where revision = 0;

create table station.command (
  command_id text primary key,
  tenant_id text not null,
  site_id text not null,
  station_id text not null,
  kind text not null,
  args jsonb not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  issued_by text not null,
  status text not null default 'pending',
  reply jsonb,
  error jsonb,
  finished_at timestamptz
);
create index command_pending on station.command (expires_at) where status = 'pending';

-- Newest version of each document of a site, and what the site says of it.
create table station.document (
  site_id text not null,
  name text not null,
  tenant_id text not null,
  n int not null,
  sha256 text not null,
  published_at timestamptz not null,
  primary key (site_id, name)
);
create table station.document_at_site (
  site_id text not null,
  name text not null,
  tenant_id text not null,
  applied_generation text,
  applied_n int,
  rejected_n int,
  rejected_reason text,
  position bigint not null,
  primary key (site_id, name)
);
