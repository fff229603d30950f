-- What became of a station's local list, as its site told last: JSON as text.
alter table station.station add column local_list text;
