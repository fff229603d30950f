-- What operators want of the settings of stations, and what the stations tell of them. Lists are JSON as text: a value may hold
-- what jsonb cannot.
alter table station.station
  add column wanted_failsafe boolean,
  add column wanted_settings text;
alter table station.site
  add column wanted_baseline boolean,
  add column wanted_failsafe boolean;
create table station.model_settings (
  tenant_id text not null,
  vendor text not null,
  model text not null,
  settings text not null,
  changed_at timestamptz not null,
  primary key (tenant_id, vendor, model)
);
-- What came of what is wanted, and whether the station waits for a reboot.
create table station.settings_told (
  tenant_id text not null,
  station_id text not null,
  site_id text not null,
  told text,
  told_at timestamptz,
  reboot_required boolean not null,
  position bigint not null,
  received_at timestamptz not null,
  primary key (tenant_id, station_id)
);
-- Settings as a station has told them. -1: at no EVSE, of no connector.
create table station.reported_setting (
  tenant_id text not null,
  station_id text not null,
  name text not null,
  evse_id int not null,
  connector_id int not null,
  attribute_type text not null,
  value text,
  mutability text,
  reported_at timestamptz not null,
  primary key (tenant_id, station_id, name, evse_id, connector_id, attribute_type)
);
