# Switchyard's images, one target each:
#
#   docker build --target cloud            -t switchyard/cloud .            all seven services (default)
#   docker build --target edge-controller  -t switchyard/edge-controller .  the program on the box at the site
#   docker build --target simulator        -t switchyard/simulator .        simulated stations, and the setup of their site
#
# No mounts and no syntax line: it builds with BuildKit and without, on amd64 and arm64. Which base is used is an argument;
# both must be Debian 12 or newer (glibc), NODE_IMAGE with node, npm and npx in /usr/local. Pin them by digest where you build
# for production (--build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:...).
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

# --- what the lockfile names: manifests first, so that a change of sources installs nothing again
FROM ${NODE_IMAGE} AS workspace
ENV CI=true
WORKDIR /app
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY patches patches
COPY deploy/image deploy/image
COPY protocol/package.json protocol/
COPY tracing/package.json tracing/
COPY edge-controller/package.json edge-controller/
COPY cloud/package.json cloud/
COPY cloud/dashboard/package.json cloud/dashboard/
COPY simulators/package.json simulators/
COPY launcher/package.json launcher/
COPY end-to-end/package.json end-to-end/
COPY deploy/kubernetes/package.json deploy/kubernetes/
# The launcher's packages are an embedded Postgres, which no image needs.
RUN npm install --global --no-audit --no-fund "$(node -p "require('./package.json').packageManager")" \
 && pnpm install --frozen-lockfile --reporter=append-only --filter '!@switchyard/launcher' --filter '!@switchyard/end-to-end' --filter '!@switchyard/kubernetes'

FROM workspace AS build
COPY . .
RUN node launcher/build.mjs ocpp cloud edge-controller simulators site-setup dashboard \
 && node launcher/sbom.mjs --out /sbom

# --- packages that run: only what a program imports, out of the same lockfile
FROM workspace AS packages
RUN sh deploy/image/packages.sh cloud edge-controller simulators

# --- what every image stands on: Debian, tini, Node, one user without a name to sign in with
FROM ${BASE_IMAGE} AS runtime
RUN command -v tini >/dev/null \
 || { apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; }
RUN groupadd --system --gid 10001 switchyard \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin switchyard \
 && mkdir -p /data && chown 10001:10001 /data && chmod 0750 /data
COPY --from=workspace /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY LICENSE deploy/image/health.sh ./
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
ARG BUILD_ID=development
ENV BUILD_ID=${BUILD_ID}
USER 10001:10001
STOPSIGNAL SIGTERM

FROM runtime AS simulator
COPY --from=packages /packages/simulators ./
COPY --from=build /app/simulators/dist/*.js simulators/dist/
COPY --from=build /app/launcher/dist/site-setup launcher/dist/site-setup
COPY --from=build /app/launcher/package.json launcher/
COPY --from=build /sbom/simulators.cdx.json sbom.cdx.json
VOLUME /data
ENTRYPOINT ["tini", "--", "node"]
CMD ["simulators/dist/main.js", "--help"]

FROM runtime AS edge-controller
COPY --from=packages /packages/edge-controller ./
COPY --from=build /app/edge-controller/dist edge-controller/dist
COPY --from=build /sbom/edge-controller.cdx.json sbom.cdx.json
ENV JOURNAL_FILE=/data/journal.db OCPP_BIND_ADDRESS=0.0.0.0 PANEL_BIND_ADDRESS=0.0.0.0 \
    HEALTH_URL=http://127.0.0.1:8080/health
VOLUME /data
EXPOSE 9000 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["./health.sh"]
ENTRYPOINT ["tini", "--", "node", "edge-controller/dist/main.js"]

FROM runtime AS cloud
COPY --from=packages /packages/cloud ./
COPY --from=build /app/cloud/dist cloud/dist
COPY --from=build /app/cloud/dashboard/dist dashboard
COPY --from=build /sbom/cloud.cdx.json sbom.cdx.json
ENV BIND_ADDRESS=0.0.0.0 DASHBOARD_DIR=/app/dashboard HEALTH_URL=http://127.0.0.1:3000/health
EXPOSE 3000 3001 3002 3003 3004 4000 4001
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["./health.sh"]
ENTRYPOINT ["tini", "--", "node", "cloud/dist/main.js"]
CMD ["--target=all"]
