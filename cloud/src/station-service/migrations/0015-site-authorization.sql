-- How a site decides who may charge beyond its tokens, JSON as in the site document; null: nobody has said.
alter table station.site add column wanted_authorization text;
