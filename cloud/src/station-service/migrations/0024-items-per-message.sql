-- Items that a station takes in one message, by action, as an operator knows: JSON as text.
alter table station.station add column wanted_items_per_message text;
