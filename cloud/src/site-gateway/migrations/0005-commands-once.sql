-- To whom a command was sent first, and whether it has ended: a row stays until the command is over, so that its request, told
-- again by a log that is read again, does not send it again.
alter table site_gateway.pending_command
  add column sent_journal text,
  add column sent_epoch bigint,
  add column settled boolean not null default false;
