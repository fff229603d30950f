-- Certificates of a station: those that are not taken any more, and the newest that its site has signed.
alter table station.station
  add column wanted_revoked_certificates text[],
  add column certificate_serial text,
  add column certificate_not_after timestamptz;
