-- Firmware images for stations, brought in pieces by an operator and fetched in pieces by sites.

create table site_gateway.firmware (
  file_id text primary key,
  tenant_id text not null,
  vendor text not null,
  model text,
  version text not null,
  bytes bigint not null,
  sha256 text not null,
  -- Of a signed image: base64, and PEM.
  signature text,
  signing_certificate text,
  created_at timestamptz not null,
  here bigint not null default 0,
  complete boolean not null default false
);
create index firmware_of_tenant on site_gateway.firmware (tenant_id, created_at desc, file_id desc);

create table site_gateway.firmware_piece (
  file_id text not null references site_gateway.firmware on delete cascade,
  start bigint not null,
  body bytea not null,
  primary key (file_id, start)
);
alter table site_gateway.firmware_piece alter column body set storage external;
