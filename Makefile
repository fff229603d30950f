# Thin names, for hands that type `make`; everything is an npm script, a script of deploy/ or compose itself. ENV=staging, IMAGE=...
ENV ?= development
COMPOSE ?= docker compose --env-file .env.$(ENV)

.PHONY: test test-long check ci images up simulation down config predeploy upgrade test-deploy test-deploy-long

test:             ; npm test
test-long:        ; npm run test:long
check:            ; npm run check
ci:               ; .ci/run
images:           ; $(COMPOSE) --profile simulation build --build-arg BUILD_ID=$$(git rev-parse --short=12 HEAD)
up:               ; deploy/compose/make-secrets.sh && $(COMPOSE) up -d
simulation:       ; $(COMPOSE) --profile simulation up -d
down:             ; $(COMPOSE) --profile simulation down
config:           ; npm run config:check -- --env $(ENV)
predeploy:        ; npm run predeploy -- --env $(ENV)
upgrade:          ; deploy/compose/upgrade.sh --env-file .env.$(ENV) $(IMAGE)
test-deploy:      ; npm run test:deploy
test-deploy-long: ; npm run test:deploy:long
