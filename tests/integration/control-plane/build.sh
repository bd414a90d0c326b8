#!/usr/bin/env bash
# Builds the control plane that the integration tests run, into $KUBEBUILDER_ASSETS (or the cache
# that the tests look into by themselves). Does nothing when that directory is up to date or was
# filled by somebody else (setup-envtest, say). Needs Go, and ten minutes on two cores the first time.
#
#   build.sh          build what is missing
#   build.sh --where  print the directory, build nothing
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
assets=${KUBEBUILDER_ASSETS:-${XDG_CACHE_HOME:-$HOME/.cache}/domino-health/control-plane}
if [ "${1:-}" = --where ]; then echo "$assets"; exit 0; fi

programs="etcd kube-apiserver kube-scheduler kube-controller-manager kwok"
stamp=$(cat "$here"/*/go.mod "$here"/*/go.sum "$here/build.sh" | cksum)
complete=yes
for program in $programs; do [ -x "$assets/$program" ] || complete=no; done
[ -s "$assets/kwok-stages.yaml" ] || complete=no
if [ "$complete" = yes ] && { [ ! -e "$assets/stamp" ] || [ "$(cat "$assets/stamp")" = "$stamp" ]; }; then
  echo "control plane: up to date in $assets"
  exit 0
fi
command -v go >/dev/null || {
  echo "control plane: Go is needed to build it (https://go.dev/dl, the version in $here/kubernetes/go.mod)" >&2
  exit 1
}

mkdir -p "$assets"
build() { # build MODULE PROGRAM PACKAGE [LDFLAGS]
  echo "control plane: building $2"
  # Renamed only when whole: an interrupted build leaves no half program behind.
  (cd "$here/$1" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w ${4:-}" -o "$assets/.$2.new" "$3")
  mv "$assets/.$2.new" "$assets/$2"
}
version=$(cd "$here/kubernetes" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
# Without the version the API server calls itself v0.0.0-master and refuses version-gated features.
numbers=${version#v}
kubernetes_flags="-X k8s.io/component-base/version.gitVersion=$version"
kubernetes_flags+=" -X k8s.io/component-base/version.gitMajor=${numbers%%.*}"
kubernetes_flags+=" -X k8s.io/component-base/version.gitMinor=$(echo "$numbers" | cut -d. -f2)"
build kwok kwok sigs.k8s.io/kwok/cmd/kwok
build kubernetes etcd go.etcd.io/etcd/server/v3
build kubernetes kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler "$kubernetes_flags"
build kubernetes kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager "$kubernetes_flags"
build kubernetes kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "$kubernetes_flags"

# KWOK does nothing without stages (what a node and a pod become, and when); its own stand in its module.
stages=$(cd "$here/kwok" && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
for file in "$stages"/{node/fast,node/heartbeat-with-lease,pod/fast}/*.yaml; do
  case $file in */kustomization.yaml) continue ;; esac
  printf -- '---\n'; cat "$file"; printf '\n'
done > "$assets/.kwok-stages.yaml.new"
mv "$assets/.kwok-stages.yaml.new" "$assets/kwok-stages.yaml"
printf '%s' "$stamp" > "$assets/stamp"
echo "control plane: Kubernetes $version in $assets"
