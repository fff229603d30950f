# PgBouncer of Debian, without root; there is no official image.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends pgbouncer \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001
EXPOSE 6432
STOPSIGNAL SIGINT
CMD ["pgbouncer", "/switchyard/pgbouncer.ini"]
