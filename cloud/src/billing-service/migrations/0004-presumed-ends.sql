-- Sessions of which an end was presumed: an end that is told follows it, whatever journal it comes by (protocol/src/billing/told-end.ts).
create table billing.presumed_end (
  tenant_id text not null,
  session_id text not null,
  revision int not null,
  -- What is added to told revisions; null: none was told yet.
  shift int,
  primary key (tenant_id, session_id)
);
