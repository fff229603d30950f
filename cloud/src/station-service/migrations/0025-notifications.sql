-- What OCPP 2.1 stations notify of batteries, payments, energy resources and event streams, as it stands: one row for each
-- swap, payment, alarm, control and stream. `data` is JSON as text: a station's words may hold what jsonb cannot.
create table station.notification (
  tenant_id text not null,
  station_id text not null,
  kind text not null,
  key text not null,
  site_id text not null,
  session_id text,
  -- When something was told of it last; lists go by it.
  at timestamptz not null,
  data text not null,
  position bigint not null,
  received_at timestamptz not null,
  primary key (tenant_id, station_id, kind, key)
);
create index notification_newest on station.notification (tenant_id, station_id, kind, at desc, key desc);
-- Whether a session charges with priority, and what its station says that it costs; null: nothing was told.
alter table station.session
  add column priority_charging boolean,
  add column station_cost text;
