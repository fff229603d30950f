-- The generation of the log under which the document was published last; it is published again under each.
alter table driver.document add column generation text;
