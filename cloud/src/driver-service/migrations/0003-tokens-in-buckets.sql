-- The tokens document in buckets: what was published last, so that a change moves little, and what has changed since.

-- Bucket of the identifier (protocol/src/site/buckets.ts); null: written before there were buckets, given one at the next start.
alter table driver.token add column bucket smallint;
create index token_bucket on driver.token (tenant_id, bucket);

alter table driver.document add column token_count int;

create table driver.changed_bucket (
  tenant_id text not null,
  bucket smallint not null,
  primary key (tenant_id, bucket)
);

-- An empty text: the bucket is empty since version changed_n.
create table driver.published_bucket (
  tenant_id text not null,
  bucket smallint not null,
  text text not null,
  sha256 text not null,
  changed_n int not null,
  primary key (tenant_id, bucket)
);
create index published_bucket_changed on driver.published_bucket (tenant_id, changed_n);
