-- Passwords of earlier rotations that a station may hold, and the rotation that its site has given up.
alter table station.station
  add column wanted_earlier_password_hashes text[],
  -- Told by the site.
  add column given_up_rotation text;
