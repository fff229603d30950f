-- Sessions that wait for a person, and since when.
create table monitoring.review_waiting (
  session_id text primary key,
  tenant_id text not null,
  since timestamptz not null,
  open boolean not null,
  -- How new what is known of it is.
  revision int not null,
  settlement int not null,
  rank int not null
);
create index review_waiting_open on monitoring.review_waiting (tenant_id, since) where open;
