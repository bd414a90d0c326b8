#!/usr/bin/env bash
# Installs the Keycloak that the integration tests run, into $DOMINO_HEALTH_KEYCLOAK (or the cache that the
# tests look into by themselves), and builds it for them: behind /auth as Domino has it, with a database in
# memory. Built once, it starts in ten seconds in place of forty. Needs Maven, a JDK 17 and unzip.
#
#   install.sh          install what is missing
#   install.sh --where  print the directory, install nothing
set -euo pipefail
version=26.7.3
home=${DOMINO_HEALTH_KEYCLOAK:-${XDG_CACHE_HOME:-$HOME/.cache}/domino-health/keycloak-$version}
if [ "${1:-}" = --where ]; then echo "$home"; exit 0; fi
if [ -e "$home/domino-health-stamp" ] && cmp -s "$home/domino-health-stamp" "${BASH_SOURCE[0]}"; then
  echo "keycloak: up to date in $home"
  exit 0
fi
for program in mvn java unzip; do
  command -v $program >/dev/null || { echo "keycloak: $program is needed to install it" >&2; exit 1; }
done
echo "keycloak: installing $version"
mkdir -p "$(dirname "$home")"
work=$(mktemp -d "$(dirname "$home")/.keycloak.XXXXXX")
trap 'rm -rf "$work"' EXIT
mvn -q -B dependency:copy -Dartifact=org.keycloak:keycloak-quarkus-dist:$version:zip -DoutputDirectory="$work" >&2
unzip -q "$work/keycloak-quarkus-dist-$version.zip" -d "$work"
"$work/keycloak-$version/bin/kc.sh" build --db=dev-mem --http-relative-path=/auth >"$work/build.log" 2>&1 \
  || { cat "$work/build.log" >&2; exit 1; }
cp "${BASH_SOURCE[0]}" "$work/keycloak-$version/domino-health-stamp"
# Renamed only when whole: an interrupted installation leaves nothing half behind.
rm -rf "$home"
mv "$work/keycloak-$version" "$home"
echo "keycloak: $version in $home"
