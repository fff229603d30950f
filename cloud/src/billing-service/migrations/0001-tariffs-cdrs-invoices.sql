-- Tariffs and where they apply, what was billed, and what is held back.

create table billing.site (
  site_id text primary key,
  tenant_id text not null,
  time_zone text not null
);

-- A tariff is never changed: a new revision follows it, and a session keeps the one it started under.
create table billing.tariff (
  tenant_id text not null,
  tariff_id text not null,
  revision int not null,
  body jsonb not null,
  valid_from timestamptz not null,
  deleted boolean not null default false,
  primary key (tenant_id, tariff_id, revision)
);

-- Where a tariff applies from when on. The newest row of a scope holds; a null tariff ends it.
create table billing.assignment (
  n bigint generated always as identity primary key,
  tenant_id text not null,
  scope text not null check (scope in ('default', 'site', 'station')),
  scope_id text not null,
  -- Where the station stands, for the site's document.
  site_id text,
  tariff_id text,
  valid_from timestamptz not null,
  -- The fact that said so; null: the API.
  source text unique
);
create index assignment_newest on billing.assignment (tenant_id, scope, scope_id, valid_from desc, n desc);

-- The document `tariffs` of each site: what was published last, and whether something has changed since.
create table billing.document (
  site_id text primary key,
  tenant_id text not null,
  n int not null default 0,
  sha256 text,
  dirty boolean not null
);

create table billing.token (
  tenant_id text not null,
  id_token_key text not null,
  type text not null,
  driver_id text,
  position bigint not null,
  primary key (tenant_id, id_token_key, type)
);

create table billing.cdr (
  tenant_id text not null,
  cdr_id text not null,
  session_id text not null,
  revision int not null,
  credit boolean not null,
  credits text,
  credited_by text,
  site_id text not null,
  station_id text not null,
  evse_id int not null,
  connector_id int not null,
  id_token text,
  driver_id text,
  started_at timestamptz not null,
  ended_at timestamptz not null,
  duration_ms bigint not null,
  energy_milli_wh bigint not null,
  currency text not null,
  excl_tax numeric(14, 2) not null,
  incl_tax numeric(14, 2) not null,
  cost_details jsonb not null,
  -- The tariff as it was billed.
  tariff jsonb not null,
  issued_at timestamptz not null,
  primary key (tenant_id, cdr_id),
  foreign key (tenant_id, credits) references billing.cdr (tenant_id, cdr_id),
  check (credit = (credits is not null)),
  -- I12: no billed interval is negative.
  check (ended_at >= started_at and duration_ms >= 0 and energy_milli_wh >= 0)
);
-- I4: a session has at most one payable CDR; a revision is billed once and credited once.
create unique index cdr_payable on billing.cdr (tenant_id, session_id) where not credit and credited_by is null;
create unique index cdr_revision on billing.cdr (tenant_id, session_id, revision, credit);
create index cdr_newest on billing.cdr (tenant_id, issued_at desc, cdr_id desc);
create index cdr_connector on billing.cdr (tenant_id, station_id, evse_id, connector_id, started_at)
  where not credit and credited_by is null;

-- Ended sessions that are not billed, with the reasons; I13: none is forgotten.
create table billing.held (
  tenant_id text not null,
  session_id text not null,
  revision int not null,
  reasons text[] not null,
  site_id text not null,
  station_id text not null,
  -- data of the session.ended fact
  ended jsonb not null,
  held_at timestamptz not null,
  primary key (tenant_id, session_id)
);
create index held_without_tariff on billing.held (held_at) where reasons = '{no-tariff}';

create table billing.invoice (
  tenant_id text not null,
  invoice_id text not null,
  driver_id text,
  period text not null,
  currency text not null,
  status text not null default 'open' check (status in ('open', 'issued')),
  primary key (tenant_id, invoice_id)
);

create table billing.invoice_line (
  tenant_id text not null,
  -- One line for a CDR: its id is the line's.
  cdr_id text not null,
  invoice_id text not null,
  session_id text not null,
  text text not null,
  excl_tax numeric(14, 2) not null,
  incl_tax numeric(14, 2) not null,
  primary key (tenant_id, cdr_id),
  foreign key (tenant_id, invoice_id) references billing.invoice (tenant_id, invoice_id),
  foreign key (tenant_id, cdr_id) references billing.cdr (tenant_id, cdr_id)
);
create index invoice_line_by_invoice on billing.invoice_line (tenant_id, invoice_id);
