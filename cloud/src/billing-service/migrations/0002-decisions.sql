-- What persons decide of sessions in review.

-- Whether energy that nobody identified for is billed (a free site) or put before a person.
alter table billing.site add column bills_unidentified boolean not null default false;

-- The newest decision on a session.
create table billing.decision (
  tenant_id text not null,
  session_id text not null,
  revision int not null,
  settlement int not null,
  action text not null check (action in ('accept', 'correct', 'waive')),
  primary key (tenant_id, session_id)
);

-- The newest decision that was heard of when it was held. `released`: by that one it is billed, as soon as there is a tariff.
alter table billing.held
  add column settlement int not null default 0,
  add column released boolean not null default false;

-- The decision that released it; 0: nobody had to.
alter table billing.cdr add column settlement int not null default 0;
drop index billing.cdr_revision;
create unique index cdr_revision on billing.cdr (tenant_id, session_id, revision, settlement, credit);
