-- An open roll-out is looked at again at `look_at`: the later, the longer nothing has happened in it.
alter table station.rollout add column look_at timestamptz not null default '-infinity';
drop index station.rollout_open;
create index rollout_due on station.rollout (look_at) where open;
