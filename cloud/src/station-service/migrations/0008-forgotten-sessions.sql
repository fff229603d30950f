-- Sessions that their site has forgotten get an end of the cloud's making (forgotten.ts).
alter table station.session
  -- When a fact of it came last.
  add column heard_at timestamptz not null default now(),
  add column forgotten_at timestamptz,
  -- When its end was made, which is on its way through the log.
  add column given_up_at timestamptz;
create index session_open on station.session (site_id) where revision = 0;
