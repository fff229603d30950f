-- After a restore of the log or of this schema alone: see station.forget_places.
create function monitoring.forget_places(p_known bigint[]) returns void
language sql as $$
  update monitoring.site set position = p_known[log.partition_of(site_id) + 1]
   where position > p_known[log.partition_of(site_id) + 1]
$$;
