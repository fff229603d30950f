-- Documents of which the content lies with the service that owns them: null body, and in which form it is there.
alter table site_gateway.document alter column body drop not null,
  add column form int not null default 0,
  add column owner text;

-- Newest form in which the site can take the document, and whether what was sent last is the whole in that form, which takes a while.
alter table site_gateway.site_document
  add column form int not null default 0,
  add column sent_whole boolean not null default false;
