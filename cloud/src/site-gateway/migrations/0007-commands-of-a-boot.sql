-- The boot of the controller that a command was sent to: another one may be another box with a copy of the card.
alter table site_gateway.pending_command add column sent_boot text;
