-- Lanes that are rivals: which box spoke with a journal last, who was asked whether it is still there, and what was told of it.

alter table site_gateway.lane
  -- Boot of the box that spoke with it last; null: greeted by a version that did not keep it.
  add column boot_id text,
  add column first_hello_at timestamptz,
  -- The journal that it began as a fork of.
  add column forked_from text,
  -- Another box said hello with this journal: the token of the recall that asks the one before, and when.
  add column recall_token text,
  add column recalled_at timestamptz,
  -- When a fenced lane was last asked for a new hello, because the one in authority is silent.
  add column asked_at timestamptz,
  -- Whether it was told that this lane is fenced, and that the journal it came from is still heard.
  add column fence_told boolean not null default false,
  add column clone_told boolean not null default false;
update site_gateway.lane set first_hello_at = hello_at, fence_told = fenced;
alter table site_gateway.lane alter column first_hello_at set not null;
create index lane_fenced on site_gateway.lane (site_id) where fenced;
