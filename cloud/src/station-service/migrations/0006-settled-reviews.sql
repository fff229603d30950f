-- What was settled is listed by when that was, newest first.
create index review_settled on station.review (tenant_id, settled_at desc, session_id desc) where status = 'settled';
