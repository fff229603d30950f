-- How the site's stations reach the cloud: through a controller, or (one station) directly.
alter table station.site add column connection text not null default 'controller';

-- The station of each direct site. A station says in its URL who it is and not whose, so its id is its own among all tenants.
create table station.direct (
  station_id text primary key,
  site_id text not null unique references station.site,
  tenant_id text not null
);
