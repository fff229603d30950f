-- Files that stations uploaded at their sites, on their way from there in pieces, and kept for a while.

create table site_gateway.upload (
  file_id text primary key,
  tenant_id text not null,
  site_id text not null,
  station_id text not null,
  command_id text not null,
  kind text not null,
  name text,
  bytes bigint not null,
  sha256 text not null,
  -- When the station had uploaded it, by the site's clock.
  received_at timestamptz not null,
  -- When the site offered it, by ours: retention goes by it.
  offered_at timestamptz not null,
  -- Bytes that are here; the pieces cover 0 to here without a gap.
  here bigint not null default 0,
  complete boolean not null default false
);
create index upload_of_station on site_gateway.upload (tenant_id, station_id, received_at desc, file_id desc);
create index upload_of_site on site_gateway.upload (site_id, offered_at);
create index upload_age on site_gateway.upload (offered_at);

create table site_gateway.upload_piece (
  file_id text not null references site_gateway.upload on delete cascade,
  start bigint not null,
  body bytea not null,
  primary key (file_id, start)
);
-- Logs are compressed already, or small.
alter table site_gateway.upload_piece alter column body set storage external;
