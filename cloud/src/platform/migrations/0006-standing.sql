-- What is judged of a journal and what is appended to it lie a moment apart: an append names by what standing it was judged.

-- Counts what changed how rows of a journal are judged: another conversation, authority given or taken, a fork of it, rows of a fork.
create table log.standing (
  site_id text not null,
  journal_id text not null,
  n bigint not null,
  primary key (site_id, journal_id)
);

-- To be called in the transaction that changes it. An append that was judged before is refused once this is committed; one that
-- comes earlier in the log was judged rightly for its time.
create function log.judge_anew(p_site text, p_journals text[]) returns void
language sql as $$
  insert into log.standing as s (site_id, journal_id, n)
  select p_site, j, 1 from unnest(p_journals) as j order by j
  on conflict (site_id, journal_id) do update set n = s.n + 1
$$;

-- What is held of a journal once every append that is under way in its log partition is over. Nothing is written, so that
-- nobody waits for the disk while the partition is locked.
create function log.held_at_rest(p_partition smallint, p_site text, p_journal text)
returns table (stream text, last bigint, last_id text)
language plpgsql as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  perform 1 from log.head h where h.partition = p_partition for update;
  return query select l.stream, l.last, l.last_id from log.lane l where l.site_id = p_site and l.journal_id = p_journal;
end $$;

-- As in 0001, and refused as well where the standing is another one than the caller saw (null: it did not look).
create function log.append(
  p_partition smallint,
  p_tenant text[], p_site text[], p_journal text[], p_stream text[], p_after bigint[], p_authority boolean[], p_trace text[],
  p_standing bigint[],
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

  select array_agg(coalesce(held.last, 0) = wanted.after
                   and (wanted.standing is null or wanted.standing = coalesce(present.n, 0)) order by wanted.ord) into v_fresh
    from unnest(p_site, p_journal, p_stream, p_after, p_standing) with ordinality
      as wanted(site, journal, stream, after, standing, ord)
    left join log.lane held
      on held.site_id = wanted.site and held.journal_id = wanted.journal and held.stream = wanted.stream
    left join log.standing present on present.site_id = wanted.site and present.journal_id = wanted.journal;

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

-- For gateways of the version before, while they are replaced one by one.
create or replace function log.append(
  p_partition smallint,
  p_tenant text[], p_site text[], p_journal text[], p_stream text[], p_after bigint[], p_authority boolean[], p_trace text[],
  p_lane_no int[], p_seq bigint[], p_row_id text[], p_kind text[], p_station text[], p_session text[], p_poison text[],
  p_offset int[], p_length int[], p_blob bytea
) returns table (lane_no int, appended boolean, last bigint, last_id text)
language sql as $$
  select * from log.append(p_partition, p_tenant, p_site, p_journal, p_stream, p_after, p_authority, p_trace,
                           array_fill(null::bigint, array[cardinality(p_site)]),
                           p_lane_no, p_seq, p_row_id, p_kind, p_station, p_session, p_poison, p_offset, p_length, p_blob)
$$;
