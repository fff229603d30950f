-- Monitors of variables that are wanted for good, of a station or of its model, and what its site told last of them. JSON as text.
alter table station.station add column wanted_monitors text;
alter table station.model_settings add column monitors text;
alter table station.settings_told
  add column monitors_told text,
  add column monitors_told_at timestamptz;
