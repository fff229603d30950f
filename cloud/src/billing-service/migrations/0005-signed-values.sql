-- Signed meter values of sessions, byte for byte: JSON as text, which holds what jsonb cannot.
create table billing.signed_value (
  tenant_id text not null,
  session_id text not null,
  -- The fact that told them: log partition and position.
  source text not null,
  measured_at timestamptz not null,
  told text not null,
  primary key (tenant_id, session_id, source)
);
