-- What a service told the log stays with it for a while (table `told` of its schema): a log that was restored to an earlier point
-- is told again what it lacks, under the same numbers. Documents are not kept, for a new generation publishes them anyway.

create or replace function log.relay(p_schema text, p_producer text, p_limit int) returns table (partition smallint, taken bigint)
language plpgsql as $$
declare
  v_rows log.outbound[];
  v_partition smallint;
  v_position bigint;
  v_received_at timestamptz;
  v_count bigint;
  -- Not there while its service is of an earlier version.
  v_keeps boolean := to_regclass(format('%I.told', p_schema)) is not null;
begin
  perform pg_advisory_xact_lock(hashtext('switchyard.relay'), hashtext(p_schema));
  execute format(
    'with taken as (
       delete from %1$I.outbox where n in (select n from %1$I.outbox order by n limit $1) returning *
     ) ' || case when v_keeps then ', kept as (
       insert into %1$I.told (n, tenant_id, site_id, kind, station_id, session_id, trace, text)
       select n, tenant_id, site_id, kind, station_id, session_id, trace, text from taken where kind <> ''document.published''
       on conflict do nothing
     ) ' else '' end || 'select array_agg(row(n, log.partition_of(coalesce(site_id, tenant_id)), tenant_id, site_id, kind, station_id,
                            session_id, trace, convert_to(text, ''UTF8''))::log.outbound order by n) from taken',
    p_schema) into v_rows using p_limit;
  if v_rows is null then
    return;
  end if;

  -- Ascending, so that two relays cannot wait for each other.
  for v_partition in select distinct r.partition from unnest(v_rows) r order by 1 loop
    select h.position, greatest(h.received_at, clock_timestamp()) into strict v_position, v_received_at
      from log.head h where h.partition = v_partition for update;
    with first_time as (
      insert into log.produced (producer, n, appended_at)
      select p_producer, r.n, v_received_at from unnest(v_rows) r where r.partition = v_partition
      on conflict do nothing returning n
    )
    insert into log.entry (partition, position, received_at, tenant_id, site_id, kind, station_id, session_id,
                           producer, producer_n, trace, body)
    select v_partition, v_position + row_number() over (order by r.n), v_received_at, r.tenant_id, r.site_id, r.kind,
           r.station_id, r.session_id, p_producer, r.n, r.trace, r.body
      from unnest(v_rows) r join first_time f on f.n = r.n;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      update log.head h set position = v_position + v_count, received_at = v_received_at where h.partition = v_partition;
    end if;
    partition := v_partition;
    select count(*) into taken from unnest(v_rows) r where r.partition = v_partition;
    return next;
  end loop;
end $$;

-- Puts back into the outbox what a log of an earlier point lacks; gives how much. At a start, under the migrations' lock.
-- p_span: numbers are taken in order and committed nearly so; the log's newest tells where to begin to look.
create function log.tell_again(p_schema text, p_producer text, p_span bigint) returns bigint
language plpgsql as $$
declare
  v_newest bigint;
  v_count bigint;
begin
  perform pg_advisory_xact_lock(hashtext('switchyard.relay'), hashtext(p_schema));
  select coalesce(max(p.n), 0) into v_newest from log.produced p where p.producer = p_producer;
  execute format(
    'insert into %1$I.outbox (n, tenant_id, site_id, kind, station_id, session_id, trace, text) overriding system value
     select t.n, t.tenant_id, t.site_id, t.kind, t.station_id, t.session_id, t.trace, t.text from %1$I.told t
      where t.n > $2 - $3 and not exists (select 1 from log.produced p where p.producer = $1 and p.n = t.n)
     on conflict do nothing', p_schema) using p_producer, v_newest, p_span;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Forgets what was relayed long ago. What was told goes first, or it would be taken for what the log lacks.
create or replace function log.forget_produced() returns bigint
language plpgsql as $$
declare
  v_schema text;
  v_count bigint;
begin
  for v_schema in select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.relname = 'told' and c.relkind = 'r' loop
    execute format('delete from %I.told where at < clock_timestamp() - interval ''29 days''', v_schema);
  end loop;
  delete from log.produced where appended_at < clock_timestamp() - interval '30 days';
  get diagnostics v_count = row_count;
  return v_count;
end $$;
