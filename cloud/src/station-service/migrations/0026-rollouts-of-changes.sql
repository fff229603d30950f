-- Roll-outs of commands other than UpdateFirmware, which have arguments in the place of an image and its version.
alter table station.rollout
  add column kind text not null default 'UpdateFirmware',
  add column args jsonb,
  alter column version drop not null;
