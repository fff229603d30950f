-- After a restore of the log or of this schema alone: see station.forget_places.
create function billing.forget_places(p_known bigint[]) returns void
language sql as $$
  update billing.token set position = p_known[log.partition_of(tenant_id) + 1]
   where position > p_known[log.partition_of(tenant_id) + 1];
  -- A place that is lost may come to name another fact.
  update billing.assignment set source = 'lost.' || n
   where source ~ '^\d+\.\d+$' and split_part(source, '.', 2)::bigint > p_known[split_part(source, '.', 1)::int + 1]
$$;
-- The generation under which the site's document was published last; published again under each.
alter table billing.document add column generation text;
