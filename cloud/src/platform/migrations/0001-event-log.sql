-- The event log: append-only, a fixed number of log partitions, positions gapless and commit-ordered within each.

create table log.generation (
  only_one boolean primary key default true check (only_one),
  id text not null,
  created_at timestamptz not null default now()
);
insert into log.generation (id) values (replace(gen_random_uuid()::text, '-', ''));

-- One row per log partition; its lock makes positions gapless and received_at never decreasing.
create table log.head (
  partition smallint primary key,
  position bigint not null default 0,
  received_at timestamptz not null default 'epoch'
);
insert into log.head (partition) select generate_series(0, 7);

-- What is held of each stream of each journal of a site.
create table log.lane (
  site_id text not null,
  journal_id text not null,
  stream text not null,
  tenant_id text not null,
  last bigint not null,
  last_id text not null,
  primary key (site_id, journal_id, stream)
);

create table log.entry (
  partition smallint not null,
  position bigint not null,
  received_at timestamptz not null,
  tenant_id text not null,
  site_id text,
  kind text not null,
  station_id text,
  session_id text,
  journal_id text,
  stream text,
  seq bigint,
  row_id text,
  authority boolean,
  producer text,
  producer_n bigint,
  trace text,
  -- Exact bytes: text columns refuse what a station may well send.
  body bytea not null,
  primary key (partition, position, received_at)
) partition by range (received_at);
create table log.entry_default partition of log.entry default;
create index entry_lane on log.entry (site_id, journal_id, stream, seq) where journal_id is not null;

-- Rows whose integrity holds and whose content cannot be read: in the log, seen by no projection.
create table log.poison (
  partition smallint not null,
  position bigint not null,
  received_at timestamptz not null,
  tenant_id text not null,
  site_id text not null,
  journal_id text not null,
  stream text not null,
  seq bigint not null,
  reason text not null,
  primary key (partition, position)
);

create table log.cursor (
  consumer text not null,
  partition smallint not null,
  generation text not null,
  position bigint not null default 0,
  received_at timestamptz not null default 'epoch',
  primary key (consumer, partition)
);

-- Sites that a consumer does not go on with until they are replayed. park_key: the site, or the tenant of a fact without one.
create table log.parked (
  consumer text not null,
  park_key text not null,
  partition smallint not null,
  position bigint not null,
  received_at timestamptz not null,
  tenant_id text not null,
  site_id text,
  reason text not null,
  parked_at timestamptz not null default now(),
  primary key (consumer, park_key)
);

-- What the relay has appended already, by producer and its number.
create table log.produced (
  producer text not null,
  n bigint not null,
  appended_at timestamptz not null,
  primary key (producer, n)
);

-- Appends new rows of one or more lanes of one log partition. One call, one statement, one commit.
-- A lane whose last seq is not what the caller saw (p_after) is left alone and comes back as not appended.
-- Row arrays run in parallel; lane_no counts from 1 in the lane arrays. Bodies lie end to end in p_blob.
create function log.append(
  p_partition smallint,
  p_tenant text[], p_site text[], p_journal text[], p_stream text[], p_after bigint[], p_authority boolean[], p_trace text[],
  p_lane_no int[], p_seq bigint[], p_row_id text[], p_kind text[], p_station text[], p_session text[], p_poison text[],
  p_offset int[], p_length int[], p_blob bytea
) returns table (lane_no int, appended boolean, last bigint, last_id text)
language plpgsql as $$
declare
  v_position bigint;
  v_received_at timestamptz;
  v_fresh boolean[];
  v_count bigint;
begin
  select h.position, greatest(h.received_at, clock_timestamp()) into strict v_position, v_received_at
    from log.head h where h.partition = p_partition for update;

  select array_agg(coalesce(held.last, 0) = wanted.after order by wanted.ord) into v_fresh
    from unnest(p_site, p_journal, p_stream, p_after) with ordinality as wanted(site, journal, stream, after, ord)
    left join log.lane held
      on held.site_id = wanted.site and held.journal_id = wanted.journal and held.stream = wanted.stream;

  with fresh as (
    select r.*, v_position + row_number() over (order by r.ord) as position
      from unnest(p_lane_no, p_seq, p_row_id, p_kind, p_station, p_session, p_poison, p_offset, p_length) with ordinality
        as r(lane, seq, row_id, kind, station, session, poison, start, length, ord)
     where v_fresh[r.lane]
  ), written as (
    insert into log.entry (partition, position, received_at, tenant_id, site_id, kind, station_id, session_id,
                           journal_id, stream, seq, row_id, authority, trace, body)
    select p_partition, f.position, v_received_at, p_tenant[f.lane], p_site[f.lane], f.kind, f.station, f.session,
           p_journal[f.lane], p_stream[f.lane], f.seq, f.row_id, p_authority[f.lane], p_trace[f.lane],
           substring(p_blob from f.start + 1 for f.length)
      from fresh f
  ), poisoned as (
    insert into log.poison (partition, position, received_at, tenant_id, site_id, journal_id, stream, seq, reason)
    select p_partition, f.position, v_received_at, p_tenant[f.lane], p_site[f.lane], p_journal[f.lane], p_stream[f.lane],
           f.seq, f.poison
      from fresh f where f.poison is not null
  ), moved as (
    insert into log.lane as l (site_id, journal_id, stream, tenant_id, last, last_id)
    select distinct on (f.lane) p_site[f.lane], p_journal[f.lane], p_stream[f.lane], p_tenant[f.lane], f.seq, f.row_id
      from fresh f order by f.lane, f.seq desc
    on conflict (site_id, journal_id, stream) do update set last = excluded.last, last_id = excluded.last_id
  )
  select count(*) into v_count from fresh;

  if v_count > 0 then
    update log.head h set position = v_position + v_count, received_at = v_received_at where h.partition = p_partition;
  end if;

  return query
    select wanted.ord::int, v_fresh[wanted.ord], coalesce(held.last, 0), coalesce(held.last_id, '')
      from unnest(p_site, p_journal, p_stream) with ordinality as wanted(site, journal, stream, ord)
      left join log.lane held
        on held.site_id = wanted.site and held.journal_id = wanted.journal and held.stream = wanted.stream
     order by wanted.ord;
end $$;

-- FNV-1a over the bytes of a site's (or tenant's) id, modulo the number of log partitions. Never to be changed.
create function log.partition_of(p_key text) returns smallint
language plpgsql immutable strict parallel safe as $$
declare
  v_hash bigint := 2166136261;
  v_bytes bytea := convert_to(p_key, 'UTF8');
begin
  for i in 0 .. length(v_bytes) - 1 loop
    v_hash := ((v_hash # get_byte(v_bytes, i)) * 16777619) & 4294967295;
  end loop;
  return (v_hash % 8)::smallint;
end $$;

-- A row of an outbox on its way to the log.
create type log.outbound as (
  n bigint, partition smallint, tenant_id text, site_id text, kind text, station_id text, session_id text, trace text, body bytea
);

-- Moves what stands in a schema's outbox to the log, oldest first, at most p_limit; gives the log partitions touched and
-- how many rows were taken. One relay at a time per schema (advisory lock); appending and deleting are one transaction.
create function log.relay(p_schema text, p_producer text, p_limit int) returns table (partition smallint, taken bigint)
language plpgsql as $$
declare
  v_rows log.outbound[];
  v_partition smallint;
  v_position bigint;
  v_received_at timestamptz;
  v_count bigint;
begin
  perform pg_advisory_xact_lock(hashtext('switchyard.relay'), hashtext(p_schema));
  execute format(
    'with taken as (
       delete from %I.outbox where n in (select n from %I.outbox order by n limit $1) returning *
     ) select array_agg(row(n, log.partition_of(coalesce(site_id, tenant_id)), tenant_id, site_id, kind, station_id,
                            session_id, trace, convert_to(text, ''UTF8''))::log.outbound order by n) from taken',
    p_schema, p_schema) into v_rows using p_limit;
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

-- Makes the daily partitions from today to p_days ahead. Rows beyond them lie in the default partition.
create function log.make_partitions(p_days int) returns int
language plpgsql as $$
declare
  v_day date := (clock_timestamp() at time zone 'UTC')::date;
  v_made int := 0;
  v_name text;
begin
  perform pg_advisory_xact_lock(hashtext('switchyard.make_partitions'));
  for i in 0 .. p_days loop
    v_name := 'entry_' || to_char(v_day + i, 'YYYYMMDD');
    if to_regclass('log.' || v_name) is null
       and not exists (select 1 from log.entry_default e
                        where e.received_at >= (v_day + i)::timestamp at time zone 'UTC'
                          and e.received_at < (v_day + i + 1)::timestamp at time zone 'UTC') then
      execute format('create table log.%I partition of log.entry for values from (%L) to (%L)', v_name,
                     (v_day + i)::timestamp at time zone 'UTC', (v_day + i + 1)::timestamp at time zone 'UTC');
      v_made := v_made + 1;
    end if;
  end loop;
  return v_made;
end $$;

-- Forgets what was relayed long ago; an outbox row is deleted in the transaction that appends it, so days are plenty.
create function log.forget_produced() returns bigint
language sql as $$
  with gone as (delete from log.produced where appended_at < clock_timestamp() - interval '30 days' returning 1)
  select count(*) from gone
$$;
