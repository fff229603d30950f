-- Who may use the API. Keys and cookies are random and long: a plain SHA-256 of them is kept, never themselves.

create table gateway.api_key (
  api_key_id uuid primary key,
  tenant_id text not null,
  name text not null,
  key_hash bytea not null unique,
  created_at timestamptz not null,
  revoked_at timestamptz
);
create index api_key_tenant on gateway.api_key (tenant_id, created_at, api_key_id);

create table gateway.operator (
  operator_id uuid primary key,
  tenant_id text not null,
  email text not null,
  -- argon2id, in PHC form.
  password_hash text not null,
  created_at timestamptz not null
);
create unique index operator_email on gateway.operator (lower(email));

create table gateway.sign_in (
  token_hash bytea primary key,
  operator_id uuid not null references gateway.operator on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index sign_in_expiry on gateway.sign_in (expires_at);

-- One row per Idempotency-Key; status null while the request is being carried out.
create table gateway.idempotency (
  tenant_id text not null,
  key text not null,
  request_hash bytea not null,
  begun_at timestamptz not null,
  status int,
  content_type text,
  body bytea,
  primary key (tenant_id, key)
);
create index idempotency_age on gateway.idempotency (begun_at);
