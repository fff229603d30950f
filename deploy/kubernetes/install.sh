#!/bin/bash
# Installs an environment, or brings it to what the manifests say now; the same command upgrades:
#
#   deploy/kubernetes/install.sh OVERLAY [--secrets DIR]      OVERLAY: development, staging, production, or a folder of your own
#
# In this order: namespace, settings and servers; the migration, which is waited for; then the services, one by one by the cluster.
# A migration that fails ends it there, and the services of the version before go on.
#
# The Secret `switchyard` is made once: from DIR (deploy/compose/make-secrets.sh DIR; with managed servers write their URLs into its
# database_url and redis_url), or, where Postgres and Redis are in the cluster, from random values that nobody sees. What is there is kept.
# Which cluster, the current context of kubectl says.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SERVERS_WAIT=300s
MIGRATION_WAIT=1800
ROLLOUT_WAIT=600s
SERVICE=app.kubernetes.io/component=service
MIGRATION=app.kubernetes.io/component=migration

usage() { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
say() { printf '%s\n' "$*"; }

overlay="" secrets=""
while [ $# -gt 0 ]; do
  case "$1" in
    --secrets) secrets="${2:-}"; [ -d "$secrets" ] || { say "--secrets: $secrets is no folder" >&2; exit 2; }; shift 2 ;;
    -*) usage ;;
    *) [ -z "$overlay" ] || usage; overlay="$1"; shift ;;
  esac
done
[ -n "$overlay" ] || usage
[ -d "$overlay" ] || overlay="$here/overlays/$overlay"
[ -f "$overlay/kustomization.yaml" ] || { say "$overlay is no overlay; there are $(ls "$here/overlays" | tr '\n' ' ')" >&2; exit 2; }
command -v kubectl >/dev/null || { say "kubectl is needed" >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
kubectl kustomize "$overlay" >"$work/all.yaml"
namespace="$(sed -n 's/^namespace: //p' "$overlay/kustomization.yaml")"
[ -n "$namespace" ] || { say "$overlay/kustomization.yaml names no namespace" >&2; exit 1; }
kube() { kubectl --namespace "$namespace" "$@"; }

say "Namespace $namespace"
kubectl get namespace "$namespace" >/dev/null 2>&1 || kubectl create namespace "$namespace" --save-config >/dev/null

# The broker's certificate comes from outside, unless an overlay of one's own makes it (cert-manager, a sealed Secret): without it Mosquitto would wait in vain.
if grep -qE '^ {4,}name: mqtts-tls$' "$work/all.yaml" && ! grep -qE '^  (name|secretName): mqtts-tls$' "$work/all.yaml" && ! kube get secret mqtts-tls >/dev/null; then
  say "Mosquitto's certificate is missing, and nothing was applied. Make its Secret, and run this again:" >&2
  say "  kubectl --namespace $namespace create secret tls mqtts-tls --cert CERTIFICATE_WITH_CHAIN.pem --key KEY.pem" >&2
  exit 1
fi

if ! kube get secret switchyard >/dev/null 2>&1; then
  if [ -z "$secrets" ]; then
    grep -q '^  name: postgres$' "$work/all.yaml" \
      || { say "There is no Secret switchyard, and Postgres is not in the cluster: --secrets DIR, with its URL in DIR/database_url" >&2; exit 1; }
    secrets="$work/secrets"
    "$here/../compose/make-secrets.sh" "$secrets" >/dev/null
  fi
  files=()
  for file in "$secrets"/*; do
    [ -f "$file" ] || continue
    # Without the line break at the end, which is no part of a password.
    printf '%s' "$(cat "$file")" >"$work/$(basename "$file")"
    files+=("--from-file=$work/$(basename "$file")")
  done
  kube create secret generic switchyard "${files[@]}" >/dev/null
  say "Secret switchyard made"
fi

say "Settings and servers"
kubectl apply -f "$work/all.yaml" --selector 'app.kubernetes.io/component notin (service, migration)' >"$work/applied" || { cat "$work/applied"; exit 1; }
# Assigned first: within `for` a kubectl that fails would be a list without an entry.
sets="$(kube get statefulset,deployment --selector app.kubernetes.io/component=server --output name)"
# An overlay of one's own may have all servers elsewhere.
[ -n "$sets" ] || ! grep -q '^kind: StatefulSet$' "$work/all.yaml" || { say "No server is in $namespace, though the manifests have some" >&2; exit 1; }
for set in $sets; do
  kube rollout status "$set" --timeout="$SERVERS_WAIT" >/dev/null || { say "$set does not come up" >&2; exit 1; }
done

say "Migration"
# A Job cannot be changed; the one before has done its work.
kube delete job --selector "$MIGRATION" --ignore-not-found >/dev/null
kubectl apply -f "$work/all.yaml" --selector "$MIGRATION" >>"$work/applied"
ended() { kube get job migrate --output "jsonpath={.status.conditions[?(@.status=='True')].type}"; }
for _ in $(seq "$MIGRATION_WAIT"); do
  case "$(ended)" in
    *Complete*) break ;;
    *Failed*)
      kube logs job/migrate --tail=30 >&2 || true
      say "The migration failed; the services were left as they are" >&2
      exit 1 ;;
  esac
  sleep 1
done
case "$(ended)" in *Complete*) ;; *) say "The migration has not ended in ${MIGRATION_WAIT} s" >&2; exit 1 ;; esac

say "Services"
kubectl apply -f "$work/all.yaml" --selector "$SERVICE" >>"$work/applied"
failed=""
deployments="$(kube get deployment --selector "$SERVICE" --output name)"
[ -n "$deployments" ] || { say "No service is in $namespace after all were applied" >&2; exit 1; }
for deployment in $deployments; do
  kube rollout status "$deployment" --timeout="$ROLLOUT_WAIT" || failed="$failed ${deployment##*/}"
done
[ -z "$failed" ] || {
  say "Not rolled out:$failed. What ran before still runs; back to it: kubectl -n $namespace rollout undo deployment NAME" >&2
  exit 1
}
say "$namespace is up"
