-- The command that a session was started by.
alter table station.session add column command_id text;
