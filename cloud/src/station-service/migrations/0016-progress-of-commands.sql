-- What a station says of a firmware update or an upload that a command asked for: by the id of the request where there is one.
alter table station.command
  add column request_id int,
  -- {status, at, history: [{status, at}]}, oldest first.
  add column progress jsonb,
  add column progress_position bigint not null default 0;
-- Kinds of commands that stations tell progress of; ocpp.call may be such a request in OCPP's own words.
create index command_with_progress on station.command (tenant_id, station_id, issued_at desc)
  where kind in ('UpdateFirmware', 'PublishFirmware', 'GetLog', 'GetDiagnostics', 'ocpp.call');

-- As in 0003, with the tables that have places since: what a lost life of the log said must not go before what comes now.
create or replace function station.forget_places(p_known bigint[]) returns void
language plpgsql as $$
begin
  update station.site set position = p_known[log.partition_of(site_id) + 1]
   where position > p_known[log.partition_of(site_id) + 1];
  update station.station set position = p_known[log.partition_of(site_id) + 1]
   where position > p_known[log.partition_of(site_id) + 1];
  update station.connector c set position = p_known[log.partition_of(s.site_id) + 1]
    from station.station s
   where s.tenant_id = c.tenant_id and s.station_id = c.station_id
     and c.position > p_known[log.partition_of(s.site_id) + 1];
  update station.document_at_site set position = p_known[log.partition_of(site_id) + 1]
   where position > p_known[log.partition_of(site_id) + 1];
  update station.settings_told set position = p_known[log.partition_of(site_id) + 1]
   where position > p_known[log.partition_of(site_id) + 1];
  update station.reservation set position = p_known[log.partition_of(site_id) + 1]
   where position > p_known[log.partition_of(site_id) + 1];
  update station.command set progress_position = p_known[log.partition_of(site_id) + 1]
   where progress_position > p_known[log.partition_of(site_id) + 1];
end $$;
