-- The lives of this log. A new one begins when the database turns out to be a restored one, or when an operator says so.

-- What the database looked like when it was last seen: see log.identity(). Null: never looked at, or not to be seen.
alter table log.generation add column identity text;

-- Every life that this copy of the log knows of. The first had no beginning to tell of.
create table log.generation_begun (
  n int primary key,
  id text not null unique,
  begun_at timestamptz not null,
  reason text not null,
  -- Where each partition ended when it began (index 1 is partition 0): what lies after these places is not the history before it.
  base bigint[] not null,
  -- When the newest entry before it was received: what came later is lost, or comes again.
  since timestamptz not null,
  -- When what the restore had disturbed was in order again.
  over_at timestamptz
);
insert into log.generation_begun (n, id, begun_at, reason, base, since)
select 1, g.id, g.created_at, 'the first', array_fill(0::bigint, array[8]), '-infinity' from log.generation g;

-- A consumer's cursor stands in the schema of its service too (table cursor there). false: not yet, this row is from before that.
alter table log.cursor add column in_schema boolean not null default false;

-- What tells this database from every copy and every restored one: the server (a dump has another), its timeline (recovery to a
-- point in time, or promotion, begins one), the database and the table (a dump restored within the server has others).
-- Null where the server does not say.
create function log.identity() returns text
language plpgsql as $$
begin
  return format('%s:%s:%s:%s', (select system_identifier from pg_control_system()),
                left(pg_walfile_name(pg_current_wal_lsn()), 8),
                (select oid from pg_database where datname = current_database()), 'log.generation'::regclass::oid);
exception when insufficient_privilege or feature_not_supported or object_not_in_prerequisite_state or undefined_function then
  return null;
end $$;

-- Begins a new life of the log and tells every tenant so. The locks keep appends and consumers away.
create function log.begin_generation(p_reason text) returns text
language plpgsql as $$
declare
  v_id text := replace(gen_random_uuid()::text, '-', '');
  v_before text;
  v_n int;
  v_since timestamptz;
  v_tenant text;
  v_partition smallint;
begin
  perform 1 from log.head order by partition for update;
  perform 1 from log.cursor order by consumer, partition for update;
  select id into strict v_before from log.generation for update;
  select max(g.n) + 1 into v_n from log.generation_begun g;
  select max(h.received_at) into v_since from log.head h;
  insert into log.generation_begun (n, id, begun_at, reason, base, since)
  select v_n, v_id, clock_timestamp(), p_reason, array_agg(h.position order by h.partition), v_since from log.head h;
  update log.generation set id = v_id, created_at = clock_timestamp(), identity = log.identity();
  update log.cursor c set generation = v_id, position = least(c.position, h.position)
    from log.head h where h.partition = c.partition;

  for v_tenant in select 'default' union select distinct l.tenant_id from log.lane l order by 1 loop
    v_partition := log.partition_of(v_tenant);
    update log.head h set position = h.position + 1, received_at = greatest(h.received_at, clock_timestamp())
     where h.partition = v_partition;
    insert into log.entry (partition, position, received_at, tenant_id, kind, producer, producer_n, body)
    select h.partition, h.position, h.received_at, v_tenant, 'log.generation-begun', 'log', v_n,
           convert_to(json_build_object(
             'kind', 'log.generation-begun',
             'at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
             'data', json_build_object('generation', v_id, 'before', v_before, 'reason', p_reason,
               'since', to_char(v_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))::text, 'UTF8')
      from log.head h where h.partition = v_partition;
  end loop;
  return v_id;
end $$;

-- How far a place of an earlier life is still one of this one: to the nearest beginning that came after that life. A life that is
-- not known here (this copy is older than it) says nothing: 0.
create function log.place_now(p_generation text, p_partition smallint, p_position bigint) returns bigint
language sql stable as $$
  select case when known.n is null then 0
              else least(p_position, (select min(later.base[p_partition + 1]) from log.generation_begun later
                                       where later.n > known.n)) end
    from (select (select g.n from log.generation_begun g where g.id = p_generation) as n) known
$$;

-- Why this database is not the one that the log's present life was lived in; null when it is. Two signs: it looks different
-- (log.identity), or a service has read further than the log goes.
create function log.restored() returns text
language plpgsql as $$
declare
  v_id text;
  v_before text;
  v_now text := log.identity();
  v_schema text;
  v_place text;
begin
  select g.id, g.identity into strict v_id, v_before from log.generation g;
  if v_before <> v_now then
    return format('the database is another one: %s was %s', v_now, v_before);
  end if;
  for v_schema in select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.relname = 'cursor' and c.relkind = 'r' order by 1 loop
    execute format(
      'select format(''%%s has read to %%s/%%s, where the log ends at %%s'', o.consumer, o.partition, o.position, h.position)
         from %I.cursor o join log.head h on h.partition = o.partition and h.position < o.position
        where o.generation = $1 limit 1', v_schema) into v_place using v_id;
    if v_place is not null then
      return v_place;
    end if;
  end loop;
  return null;
end $$;

-- Before a consumer begins: its cursor stands in the log and in its own schema, written by the same transactions. Where they
-- differ, one of the two was restored, and the consumer goes on from the earlier place: projections take a fact twice, and never
-- pass one over. What it knows of a lost life is forgotten as a place (forget_places of its schema), not as a state.
create function log.place_consumer(p_schema text, p_consumer text) returns table (in_partition smallint, was bigint, goes_on bigint)
language plpgsql as $$
declare
  v_generation text;
  v_known bigint[];
  v_of_another_life boolean;
begin
  insert into log.cursor (consumer, partition, generation)
  select p_consumer, h.partition, g.id from log.head h, log.generation g on conflict do nothing;
  perform 1 from log.cursor c where c.consumer = p_consumer order by c.partition for update;
  select g.id into strict v_generation from log.generation g for share;
  -- A schema that had a cursor and has none any more was made anew: it knows nothing.
  execute format(
    'insert into %I.cursor (consumer, partition, generation, position)
     select c.consumer, c.partition, c.generation, case when c.in_schema then 0 else c.position end
       from log.cursor c where c.consumer = $1 on conflict do nothing', p_schema) using p_consumer;
  execute format(
    'select array_agg(log.place_now(o.generation, o.partition, o.position) order by o.partition), bool_or(o.generation <> $2)
       from %I.cursor o where o.consumer = $1', p_schema) into v_known, v_of_another_life using p_consumer, v_generation;
  if v_of_another_life and to_regprocedure(format('%I.forget_places(bigint[])', p_schema)) is not null then
    execute format('select %I.forget_places($1)', p_schema) using v_known;
  end if;
  return query execute format(
    'with placed as (
       select c.partition, c.position as was, least(c.position, ($3)[c.partition + 1]) as goes_on
         from log.cursor c where c.consumer = $1
     ), own as (
       update %I.cursor o set generation = $2, position = p.goes_on
         from placed p where o.consumer = $1 and o.partition = p.partition
     ), parked as (
       update log.parked k set position = p.goes_on + 1, received_at = ''epoch''
         from placed p where k.consumer = $1 and k.partition = p.partition and k.position > p.goes_on + 1 and p.goes_on < p.was
     )
     update log.cursor c set generation = $2, in_schema = true, position = p.goes_on,
            received_at = case when p.goes_on = p.was then c.received_at else coalesce(
              (select e.received_at from log.entry e where e.partition = p.partition and e.position = p.goes_on), ''epoch'') end
       from placed p where c.consumer = $1 and c.partition = p.partition
     returning c.partition, p.was, p.goes_on', p_schema) using p_consumer, v_generation, v_known;
end $$;
