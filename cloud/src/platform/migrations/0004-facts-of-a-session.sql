-- What is told of a session, for who reviews it. Readings are left out: they are most of the log, and are found by their journal.
create index entry_session on log.entry (session_id)
  where session_id is not null and stream is distinct from 'telemetry';
