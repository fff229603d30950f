-- OCPP 2.x tells the state of charging with the transaction and not with the connector.

alter table station.session add column charging_state text;
