-- Whether sites are heard from, as their gateway tells, and the alerts that follow.

create table monitoring.site (
  site_id text primary key,
  tenant_id text not null,
  online boolean not null,
  -- Since when it is online or not.
  since timestamptz not null,
  last_heard_at timestamptz,
  -- Log position of the newest fact that this shows.
  position bigint not null
);
create index site_offline on monitoring.site (since) where not online;

create table monitoring.alert (
  alert_id text primary key,
  tenant_id text not null,
  rule text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  site_id text,
  station_id text,
  text text not null,
  raised_at timestamptz not null,
  cleared_at timestamptz
);
create index alert_list on monitoring.alert (tenant_id, raised_at desc, alert_id desc);
create index alert_open on monitoring.alert (tenant_id, rule, site_id) where cleared_at is null;
