-- Direct sites and their one station, as the log tells of them.
create table ocpp_gateway.site (
  site_id text primary key,
  tenant_id text not null
);
create table ocpp_gateway.station (
  station_id text primary key,
  site_id text not null unique references ocpp_gateway.site,
  tenant_id text not null,
  -- Its entry in the document `stations`, and which version of it that was.
  entry text not null,
  generation text not null,
  n bigint not null,
  position bigint not null
);

-- Who runs the controller of a site. A higher epoch fences whoever had it before: every commit checks it.
create table ocpp_gateway.lease (
  site_id text primary key,
  holder text not null,
  epoch bigint not null,
  expires_at timestamptz not null
);
create index lease_by_expiry on ocpp_gateway.lease (expires_at);

-- Journals of hosted controllers. Seqs count from `base`: what lies at or below it belonged to the journal before a fork.
create table ocpp_gateway.journal (
  site_id text primary key,
  tenant_id text not null,
  journal_id text not null
);
create table ocpp_gateway.stream (
  site_id text not null references ocpp_gateway.journal,
  stream text not null,
  base bigint not null default 0,
  head bigint not null default 0,
  head_id text not null default '',
  acked bigint not null default 0,
  pruned bigint not null default 0,
  pruned_id text not null default '',
  primary key (site_id, stream)
);
create table ocpp_gateway.row (
  site_id text not null,
  stream text not null,
  place bigint not null,
  id text not null,
  fact text not null,
  primary key (site_id, stream, place)
);
create table ocpp_gateway.entity (
  site_id text not null,
  kind text not null,
  id text not null,
  json text not null,
  primary key (site_id, kind, id)
);

-- Rows come and go within hours, entities change with every message.
alter table ocpp_gateway.row set (autovacuum_vacuum_scale_factor = 0.05);
alter table ocpp_gateway.entity set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
alter table ocpp_gateway.stream set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Locks the lease until the transaction ends, so that nobody takes it over in the middle. SWFEN: it is another's by now.
create function ocpp_gateway.hold(p_site text, p_epoch bigint) returns void language plpgsql as $$
begin
  perform 1 from ocpp_gateway.lease where site_id = p_site and epoch = p_epoch for update;
  if not found then
    raise exception 'the lease of site % is held under another epoch than %', p_site, p_epoch using errcode = 'SWFEN';
  end if;
end $$;

-- A group of changes: rows in their order, then what each entity is in the end, then acknowledgements (the maximum).
create function ocpp_gateway.write(
  p_site text, p_epoch bigint, p_streams text[], p_ids text[], p_facts text[],
  p_put_kinds text[], p_put_ids text[], p_puts text[], p_delete_kinds text[], p_delete_ids text[],
  p_acked_ledger bigint, p_acked_telemetry bigint
) returns setof ocpp_gateway.stream language plpgsql as $$
begin
  perform ocpp_gateway.hold(p_site, p_epoch);
  insert into ocpp_gateway.row (site_id, stream, place, id, fact)
  select p_site, g.stream, s.base + s.head + row_number() over (partition by g.stream order by g.n), g.id, g.fact
    from unnest(p_streams, p_ids, p_facts) with ordinality as g(stream, id, fact, n)
    join ocpp_gateway.stream s on s.site_id = p_site and s.stream = g.stream;
  update ocpp_gateway.stream s
     set head = s.head + g.rows, head_id = g.last_id
    from (select u.stream, count(*) as rows, (array_agg(u.id order by u.n desc))[1] as last_id
            from unnest(p_streams, p_ids) with ordinality as u(stream, id, n) group by u.stream) g
   where s.site_id = p_site and s.stream = g.stream;
  insert into ocpp_gateway.entity (site_id, kind, id, json)
  select p_site, * from unnest(p_put_kinds, p_put_ids, p_puts)
  on conflict (site_id, kind, id) do update set json = excluded.json;
  delete from ocpp_gateway.entity e using unnest(p_delete_kinds, p_delete_ids) as d(kind, id)
   where e.site_id = p_site and e.kind = d.kind and e.id = d.id;
  update ocpp_gateway.stream s set acked = a.upto
    from (values ('ledger', p_acked_ledger), ('telemetry', p_acked_telemetry)) as a(stream, upto)
   where s.site_id = p_site and s.stream = a.stream and s.acked < a.upto;
  return query select * from ocpp_gateway.stream where site_id = p_site;
end $$;

-- Goes on as another journal: rows after the shared ones are its first. False: it is that journal already.
create function ocpp_gateway.fork(
  p_site text, p_epoch bigint, p_journal text, p_ledger bigint, p_telemetry bigint
) returns boolean language plpgsql as $$
begin
  perform ocpp_gateway.hold(p_site, p_epoch);
  update ocpp_gateway.journal set journal_id = p_journal where site_id = p_site and journal_id <> p_journal;
  if not found then return false; end if;
  if exists (select 1 from ocpp_gateway.stream s
              join (values ('ledger', p_ledger), ('telemetry', p_telemetry)) as f(stream, shared) on f.stream = s.stream
             where s.site_id = p_site and f.shared not between s.pruned and s.head) then
    raise exception 'a fork after rows that are not here' using errcode = '22023';
  end if;
  update ocpp_gateway.stream s
     set base = s.base + f.shared, head = s.head - f.shared,
         head_id = case when s.head = f.shared then '' else s.head_id end, acked = 0, pruned = 0, pruned_id = ''
    from (values ('ledger', p_ledger), ('telemetry', p_telemetry)) as f(stream, shared)
   where s.site_id = p_site and s.stream = f.stream;
  return true;
end $$;

-- Removes at most p_max rows: those of journals before a fork first, then acknowledged ones up to p_upto. Gives how many.
create function ocpp_gateway.prune(
  p_site text, p_epoch bigint, p_stream text, p_upto bigint, p_max int
) returns int language plpgsql as $$
declare
  s ocpp_gateway.stream;
  last record;
  removed int;
begin
  perform ocpp_gateway.hold(p_site, p_epoch);
  select * into s from ocpp_gateway.stream where site_id = p_site and stream = p_stream;
  delete from ocpp_gateway.row r where r.site_id = p_site and r.stream = p_stream and r.place <= s.base
    and r.place in (select o.place from ocpp_gateway.row o where o.site_id = p_site and o.stream = p_stream
                     order by o.place limit p_max);
  get diagnostics removed = row_count;
  if removed > 0 then return removed; end if;
  select o.place, o.id into last from (
    select r.place, r.id from ocpp_gateway.row r
     where r.site_id = p_site and r.stream = p_stream and r.place > s.base
       and r.place <= s.base + least(p_upto, s.acked)
     order by r.place limit p_max) o order by o.place desc limit 1;
  if not found then return 0; end if;
  update ocpp_gateway.stream set pruned = last.place - s.base, pruned_id = last.id
   where site_id = p_site and stream = p_stream;
  delete from ocpp_gateway.row where site_id = p_site and stream = p_stream and place <= last.place;
  get diagnostics removed = row_count;
  return removed;
end $$;
