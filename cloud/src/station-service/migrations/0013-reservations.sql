-- Reservations of stations, the newest of each id.
create table station.reservation (
  tenant_id text not null,
  station_id text not null,
  reservation_id int not null,
  site_id text not null,
  -- 0: any.
  evse_id int not null,
  connector_type text,
  id_token text not null,
  id_token_type text not null,
  group_id text,
  made_at timestamptz not null,
  expires_at timestamptz not null,
  -- held, used, cancelled, expired, removed.
  status text not null,
  ended_at timestamptz,
  session_id text,
  position bigint not null,
  received_at timestamptz not null,
  primary key (tenant_id, station_id, reservation_id)
);
