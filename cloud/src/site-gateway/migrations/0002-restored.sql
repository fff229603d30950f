-- After a restore of the log or of this schema alone: see station.forget_places.
create function site_gateway.forget_places(p_known bigint[]) returns void
language sql as $$
  update site_gateway.document d
     set position = p_known[log.partition_of(coalesce(nullif(site_key, ''), tenant_id)) + 1]
   where position > p_known[log.partition_of(coalesce(nullif(site_key, ''), tenant_id)) + 1]
$$;
-- The generation of the log in which a site was last greeted: the others are waited for after a restore.
alter table site_gateway.site add column generation text;
