-- An end that is told follows every presumed one, whatever journal it comes by (protocol/src/billing/told-end.ts).
alter table station.session
  add column presumed_revision int not null default 0,
  add column told_shift int;
update station.session set presumed_revision = revision where presumed and revision > 0;
