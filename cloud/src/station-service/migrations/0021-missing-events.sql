-- Events of a session's transaction that have not come: JSON as text; null: none that is known.
alter table station.session add column missing_events text;
