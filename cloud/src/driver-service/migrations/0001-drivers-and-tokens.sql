-- Who may charge, and whose a token is.

create table driver.driver (
  driver_id text primary key,
  tenant_id text not null,
  name text not null,
  email text,
  created_at timestamptz not null
);
create index driver_by_tenant on driver.driver (tenant_id, driver_id);

create table driver.token (
  tenant_id text not null,
  id_token text not null,
  -- Identifiers are compared without regard to case (OCPP 1.6 CiString, 2.x identifierString).
  id_token_key text not null generated always as (upper(id_token)) stored,
  type text not null,
  status text not null,
  expires_at timestamptz,
  group_id text,
  driver_id text references driver.driver,
  changed_at timestamptz not null,
  primary key (tenant_id, id_token_key, type)
);

-- The authorization document of a tenant: what was published last, and whether something has changed since.
create table driver.document (
  tenant_id text primary key,
  n int not null default 0,
  sha256 text,
  dirty boolean not null
);
