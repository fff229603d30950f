-- Sites whose station connects to ocpp-gateway: what goes down to them goes over the bus, not over the broker.
alter table site_gateway.site add column direct boolean not null default false;
