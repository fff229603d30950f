-- Sites as their gateway knows them: who speaks for a site, what it was told, what it has still to be told.

create table site_gateway.site (
  site_id text primary key,
  tenant_id text not null,
  -- The lane in authority; null until the first hello.
  journal_id text,
  -- Highest epoch that either side has seen.
  epoch bigint not null default 0,
  last_heard_at timestamptz,
  online boolean not null default false
);
create index site_online on site_gateway.site (last_heard_at) where online;

-- A journal of a site. Its epoch is the last one granted to it; a hello with the same nonce is the same conversation.
create table site_gateway.lane (
  site_id text not null,
  journal_id text not null,
  epoch bigint not null,
  nonce text not null,
  fenced boolean not null,
  controller_version text not null,
  hello_at timestamptz not null,
  primary key (site_id, journal_id)
);

-- Secret of a site at the broker, only as a hash; it is random with more entropy than the hash, so no salt or stretching.
create table site_gateway.credential (
  site_id text primary key,
  tenant_id text not null,
  sha256 bytea not null,
  created_at timestamptz not null
);

-- Commands without an outcome yet. sent_at: last time that it was handed to the broker.
create table site_gateway.pending_command (
  command_id text primary key,
  tenant_id text not null,
  site_id text not null,
  expires_at timestamptz not null,
  command text not null,
  sent_at timestamptz
);
create index pending_command_of_site on site_gateway.pending_command (site_id);
create index pending_command_expiry on site_gateway.pending_command (expires_at);

-- Newest version of each document; site_key is a site, or empty for every site of the tenant.
create table site_gateway.document (
  tenant_id text not null,
  site_key text not null,
  name text not null,
  generation text not null,
  n bigint not null,
  sha256 text not null,
  body text not null,
  -- Place in the log of the fact that published it; a replay does not go back behind it.
  position bigint not null,
  primary key (tenant_id, site_key, name)
);

-- What a site has of each document, as it says itself, and what was sent to it last.
create table site_gateway.site_document (
  site_id text not null,
  name text not null,
  held_generation text,
  held_n bigint,
  sent_generation text,
  sent_n bigint,
  sent_at timestamptz,
  rejected_generation text,
  rejected_n bigint,
  primary key (site_id, name)
);
