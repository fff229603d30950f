#!/bin/bash
# The manifests of deploy/kubernetes on a real API server and its controllers: every overlay is accepted, planted mistakes are refused,
# install.sh installs and upgrades with no service below its replicas, a failed migration leaves the version before, a bad one is undone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cluster.sh"

NAMESPACE=switchyard-staging
SERVICES=app.kubernetes.io/component=service
kube() { kubectl --namespace "$NAMESPACE" "$@"; }

begin kubernetes
started="$(date +%s%3N)"
cluster
measured "api_ms=$(($(date +%s%3N) - started))"
# It began by building itself where nothing was in the cache; that is told apart.
say "API server $(kubectl version -o json 2>/dev/null | json 'it.serverVersion.gitVersion' 2>/dev/null)"

say "every overlay, and every component that a plain cluster knows"
for overlay in development staging production; do
  folder="$ROOT/deploy/kubernetes/overlays/$overlay"
  kubectl create namespace "$(sed -n 's/^namespace: //p' "$folder/kustomization.yaml")" --save-config >/dev/null
  kubectl kustomize "$folder" >"$WORK/$overlay.yaml"
  kubectl apply --dry-run=server -f "$WORK/$overlay.yaml" >"$WORK/$overlay.log" 2>&1 || fail "$overlay is refused: $(grep -v 'dry run' "$WORK/$overlay.log")"
  [ "$(grep -c 'server dry run' "$WORK/$overlay.log")" = "$(grep -c '^kind:' "$WORK/$overlay.yaml")" ] || fail "$overlay: not all was looked at"
  measured "$overlay=$(grep -c 'server dry run' "$WORK/$overlay.log")"
done

# own VERSION [YAML]: an overlay of one's own on staging, as docs/deployment.md has it.
own() {
  mkdir -p "$WORK/own"
  cat >"$WORK/own/kustomization.yaml" <<OVERLAY
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $NAMESPACE
resources: [$(realpath --relative-to "$WORK/own" "$ROOT/deploy/kubernetes/overlays/staging")]
images: [{ name: switchyard/cloud, newTag: "$1" }]
${2:-}
OVERLAY
}
install() { "$ROOT/deploy/kubernetes/install.sh" "$WORK/own" >"$WORK/install.log" 2>&1; }

own 0.1.0 "components: [$(realpath --relative-to "$WORK/own" "$ROOT/deploy/kubernetes/components/lag")]"
kubectl kustomize "$WORK/own" >"$WORK/lag.yaml"
kubectl apply --dry-run=server -f "$WORK/lag.yaml" >"$WORK/lag.log" 2>&1 || fail "lag is refused: $(grep -v 'dry run' "$WORK/lag.log")"
measured "external_metrics=$(grep -c 'type: External' "$WORK/lag.yaml")"

say "installed"
pods
own 0.1.0
install && fail "installed without the broker's certificate"
grep -q 'create secret tls mqtts-tls' "$WORK/install.log" || fail "install.sh says $(tail -3 "$WORK/install.log")"
[ -z "$(kube get statefulset,deployment --output name)" ] || fail "something was applied without the broker's certificate"
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=mqtt.staging.example -keyout "$WORK/tls.key" -out "$WORK/tls.crt" 2>/dev/null
kube create secret tls mqtts-tls --cert "$WORK/tls.crt" --key "$WORK/tls.key" >/dev/null
started="$(date +%s)"
install || fail "install.sh: $(tail -5 "$WORK/install.log") $(tail -5 "$PODS_LOG")"
measured "install_s=$(($(date +%s) - started))"
# replicas: NAME WANTED AVAILABLE of each service.
replicas() { kube get deployment --selector "$SERVICES" -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.replicas} {.status.availableReplicas}{"\n"}{end}'; }
# Without figures of CPU and memory an autoscaler still lifts to its smallest number.
until_true 90 "two of each service" eval '[ "$(replicas | awk "\$2 == \$3 && \$3 >= 2" | wc -l)" = 7 ]'
order="$(grep -oE '"pod":"(postgres|migrate|api|station|billing)' "$PODS_LOG" | sed 's/.*"//' | uniq | head -2 | paste -sd' ')"
[ "$order" = "postgres migrate" ] || fail "not servers, then the migration, then services: $order"
measured "services=7" "pods=$(kube get pods --field-selector status.phase=Running --no-headers | wc -l)"

say "planted mistakes"
refused=0
# mistake KIND/NAME SAYS JSON_PATCH: the server must refuse the change, and say why.
mistake() {
  local told
  told="$(kube patch "$1" --dry-run=server --type=json -p "$3" 2>&1)" && fail "accepted: $1 with $3"
  grep -qiE "$2" <<<"$told" || fail "$1 with $3 was refused for another reason: $told"
  refused=$((refused + 1))
}
container=/spec/template/spec/containers/0
kube patch deployment/billing-service --dry-run=server --type=json -p "[{\"op\":\"replace\",\"path\":\"$container/resources/limits/memory\",\"value\":\"600Mi\"}]" >/dev/null || fail "a right change is refused, so that this test shows nothing"
mistake deployment/billing-service 'immutable' '[{"op":"add","path":"/spec/selector/matchLabels/tier","value":"x"},{"op":"add","path":"/spec/template/metadata/labels/tier","value":"x"}]'
mistake deployment/billing-service 'selector.*does not match' '[{"op":"replace","path":"/spec/template/metadata/labels","value":{"app.kubernetes.io/name":"other"}}]'
mistake deployment/billing-service 'less than or equal to memory limit' "[{\"op\":\"replace\",\"path\":\"$container/resources/limits/memory\",\"value\":\"100Mi\"}]"
mistake deployment/billing-service 'quantities must match' "[{\"op\":\"replace\",\"path\":\"$container/resources/limits/memory\",\"value\":\"half a gigabyte\"}]"
mistake deployment/billing-service 'volumeMounts.*not found' "[{\"op\":\"add\",\"path\":\"$container/volumeMounts/-\",\"value\":{\"name\":\"nowhere\",\"mountPath\":\"/x\"}}]"
mistake deployment/billing-service 'must be unique' "[{\"op\":\"add\",\"path\":\"$container/volumeMounts/-\",\"value\":{\"name\":\"tmp\",\"mountPath\":\"/tmp\"}}]"
mistake deployment/billing-service 'maxUnavailable.*may not be 0' '[{"op":"replace","path":"/spec/strategy/rollingUpdate","value":{"maxSurge":0,"maxUnavailable":0}}]'
mistake deployment/billing-service 'httpGet.port' "[{\"op\":\"replace\",\"path\":\"$container/readinessProbe/httpGet/port\",\"value\":\"no_port!\"}]"
mistake deployment/billing-service 'defaultMode' '[{"op":"replace","path":"/spec/template/spec/volumes/1/secret/defaultMode","value":4096}]'
mistake deployment/billing-service 'may not be specified when|valueFrom' "[{\"op\":\"add\",\"path\":\"$container/env/0/valueFrom\",\"value\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}]"
mistake service/billing-service 'between 1 and 65535' '[{"op":"replace","path":"/spec/ports/0/port","value":70000}]'
mistake ingress/api-gateway 'absolute path' '[{"op":"replace","path":"/spec/rules/0/http/paths/0/path","value":"api"}]'
mistake networkpolicy/site-gateway 'cidr' '[{"op":"replace","path":"/spec/egress/1/to/0/ipBlock/cidr","value":"0.0.0.0/33"}]'
mistake hpa/billing-service 'minReplicas|maxReplicas' '[{"op":"replace","path":"/spec/maxReplicas","value":1}]'
mistake pdb/billing-service 'cannot be both set' '[{"op":"add","path":"/spec/minAvailable","value":1}]'
mistake statefulset/postgres 'forbidden' '[{"op":"replace","path":"/spec/volumeClaimTemplates/0/spec/resources/requests/storage","value":"20Gi"}]'
measured "mistakes_refused=$refused"

say "upgraded, with a setting changed"
watched() { kube get deployment --selector "$SERVICES" --watch -o 'jsonpath={.metadata.name} {.spec.replicas} {.status.availableReplicas}{"\n"}'; }
watched >"$WORK/watched" 2>/dev/null &
watcher=$!
kube scale deployment/station-service --replicas=3 >/dev/null
until_true 60 "three of station-service" eval '[ "$(replicas | awk "\$1 == \"station-service\" {print \$3}")" = 3 ]'
: >"$WORK/watched"
own 0.1.1 'configMapGenerator: [{ name: switchyard-settings, behavior: merge, literals: [LOG_LEVEL=warn] }]'
started="$(date +%s)"
install || fail "upgrade: $(tail -5 "$WORK/install.log") $(tail -5 "$PODS_LOG") $(tail -3 "$WORK/cluster/pods.log")"
measured "upgrade_s=$(($(date +%s) - started))"
kill "$watcher" 2>/dev/null
# A first look tells nothing of a status that is not there yet.
less="$(awk '{ least = $1 == "station-service" ? 3 : 2 } $3 != "" && $3 < least' "$WORK/watched")"
[ -s "$WORK/watched" ] || fail "nothing was watched"
[ -z "$less" ] || fail "fewer than before were available: $less"
measured "changes_watched=$(wc -l <"$WORK/watched")" "below_replicas=0"
images() { kube get pods --selector "$SERVICES" -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort | uniq -c | sort -rn; }
until_true 60 "old pods to be gone" eval '[ "$(images | wc -l)" = 1 ]'
images | grep 'switchyard/cloud:0.1.1' >/dev/null || fail "what runs is $(images)"
kube get pods --selector app.kubernetes.io/name=station-service --no-headers | wc -l | grep -x 3 >/dev/null || fail "the number of replicas, which is the autoscaler's, was changed"
map="$(kube get deployment/api-gateway -o "jsonpath={.spec.template.spec.containers[0].envFrom[0].configMapRef.name}")"
[ "$(kube get configmap "$map" -o 'jsonpath={.data.LOG_LEVEL}')" = warn ] || fail "$map has not the setting"

say "the same once more"
before="$(kube get deployment,statefulset -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.generation}{"\n"}{end}')"
install || fail "again: $(tail -5 "$WORK/install.log")"
[ "$(kube get deployment,statefulset -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.generation}{"\n"}{end}')" = "$before" ] || fail "installing twice changed something"

say "a migration that fails"
own bad 'patches:
  - target: { kind: Job }
    patch: |-
      - { op: replace, path: /spec/backoffLimit, value: 0 }'
install && fail "install.sh went on after a failed migration"
grep -q 'migration failed' "$WORK/install.log" || fail "install.sh says $(tail -3 "$WORK/install.log")"
images | grep 'bad' >/dev/null && fail "a version whose migration failed was rolled out"

say "a version that does not start"
kube set image deployment/billing-service billing-service=switchyard/cloud:bad >/dev/null
kube rollout status deployment/billing-service --timeout=12s >/dev/null 2>&1 && fail "a bad version counts as rolled out"
[ "$(replicas | awk '$1 == "billing-service" {print $3}')" = 2 ] || fail "a bad version took away what ran: $(replicas)"
started="$(date +%s%3N)"
kube rollout undo deployment/billing-service >/dev/null
kube rollout status deployment/billing-service --timeout=60s >/dev/null || fail "the roll-back does not end"
until_true 60 "the bad pod to be gone" eval '[ "$(images | wc -l)" = 1 ]'
measured "undo_ms=$(($(date +%s%3N) - started))"
finish
