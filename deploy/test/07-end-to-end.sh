#!/bin/bash
# The main job without containers: a session from a charger's socket to an invoice line, in OCPP 1.6 and 2.0.1, by all services and a site controller.
. "$(dirname "$0")/lib.sh"

begin end-to-end
product_test end-to-end/src/main-job.test.ts
finish
