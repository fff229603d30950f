-- Whether the outcome is the site's word, or what the cloud made of silence.
alter table station.command add column said_by_site boolean not null default false;
update station.command set said_by_site = true where status in ('accepted', 'rejected', 'failed') or error is not null;
