-- After a restore of the log or of this schema alone: places of a lost life of the log say nothing about what comes now. p_known:
-- how far each log partition is known here (index 1 is partition 0). States stay; they change with the next fact.
create function station.forget_places(p_known bigint[]) returns void
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
end $$;
-- The generation under which it was published last, and what: it is published again under each.
alter table station.document add column generation text, add column body text;
