-- What an operator wants of a station's security, and what the site tells of it; stations that were removed.
alter table station.station
  add column wanted_rejected boolean not null default false,
  add column wanted_min_profile int,
  -- Changes when the proved profile is given up.
  add column wanted_profile_reset text,
  add column wanted_certificate_cn text,
  -- A password on its way to the station, by the id of its rotation.
  add column wanted_next_password_hash text,
  add column rotation_id text,
  -- The newest removal. The row is shown when the station was registered after it, by the API or by the site.
  add column removal text,
  add column wanted_after_removal text,
  -- Told by the site.
  add column registered_after text,
  add column proved_rotation text,
  add column security_profile int;
