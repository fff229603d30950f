-- What 2.x stations are told of a token beside its status.
alter table driver.token
  add column charging_priority smallint,
  add column language text,
  add column personal_message text;
