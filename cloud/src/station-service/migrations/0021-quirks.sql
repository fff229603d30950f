-- Which quirks operators say that a station, or all of a model, has or has not: JSON, name -> true or false; null: nothing was said.
alter table station.station add column wanted_quirks text;
alter table station.model_settings add column quirks text;
