-- The queue of sessions that a person must look at, and what persons decided.

-- Versions are (revision of the end, decision, rank): a decision is followed by a hold, a hold by a bill.
create table station.review (
  session_id text primary key,
  tenant_id text not null,
  site_id text not null,
  station_id text not null,
  status text not null check (status in ('open', 'settled')),
  revision int not null,
  reasons text[] not null,
  -- data of the session.ended fact, as billing holds it
  ended jsonb not null,
  -- where in which journal that stands; null: not told
  origin jsonb,
  opened_at timestamptz not null,
  settled_at timestamptz,
  settlement int not null,
  rank int not null
);
create index review_open on station.review (tenant_id, opened_at, session_id) where status = 'open';
create index review_by_status on station.review (tenant_id, status, opened_at, session_id);

-- The audit trail: every decision, by whom, what it was before and after.
create table station.settlement (
  session_id text not null,
  settlement int not null,
  tenant_id text not null,
  revision int not null,
  action text not null check (action in ('accept', 'correct', 'waive')),
  by_actor text not null,
  by_name text not null,
  note text,
  override boolean not null,
  before jsonb not null,
  after jsonb,
  settled_at timestamptz not null,
  primary key (session_id, settlement)
);

alter table station.session
  -- The version of what is known of its bill, as in station.review.
  add column bill_revision int not null default 0,
  add column bill_settlement int not null default 0,
  add column bill_rank int not null default 0,
  add column waived boolean not null default false;
update station.session set
  bill_revision = greatest(held_revision, cdr_revision),
  bill_rank = case when cdr_revision >= held_revision then 2 else 1 end
where greatest(held_revision, cdr_revision) > 0;

alter table station.site add column unidentified_energy text not null default 'review'
  check (unidentified_energy in ('review', 'bill'));
