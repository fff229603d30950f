-- Whether the stations of a site are told what their sessions cost; null: nobody has said so, and they are not.
alter table station.site add column wanted_running_cost boolean;
