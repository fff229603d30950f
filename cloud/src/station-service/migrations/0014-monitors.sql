-- Monitors of variables (OCPP 2.x), as stations have told them. -1: at no EVSE, of no connector.
create table station.reported_monitor (
  tenant_id text not null,
  station_id text not null,
  monitor_id int not null,
  name text not null,
  evse_id int not null,
  connector_id int not null,
  type text not null,
  -- Decimal text, as told; null: the answer to the command that set it tells none.
  value text,
  severity int,
  -- Whether it holds during transactions only; null: not told.
  transaction boolean,
  reported_at timestamptz not null,
  primary key (tenant_id, station_id, monitor_id)
);
