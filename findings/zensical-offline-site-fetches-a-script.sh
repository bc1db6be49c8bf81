#!/usr/bin/env bash
# zensical 0.0.73, Python 3.11.
#
# A site that is built with the plugin `offline`, which is there so that it can be read from a disk without a network, still
# names a script of unpkg.com on every page: the one by which the search works without a server. Where nothing can be
# fetched the search does not come up. It goes if a script of that name is among `extra.polyfills`, as a copy of one's own.
# Links of the page 404.html begin with / either way, so that from a disk they lead nowhere.
#
# Seen:
#   with offline: https://unpkg.com/iframe-worker/shim
#   with offline and a copy of one's own: nothing from elsewhere
#   links of 404.html that begin with /: yes
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet zensical==0.0.73
for kind in plain own; do
  mkdir -p $kind/docs/assets
  echo '# A page' > $kind/docs/index.md
  echo '/* a copy */' > $kind/docs/assets/iframe-worker.js
  cat > $kind/mkdocs.yml <<'YAML'
site_name: site
use_directory_urls: false
theme: {font: false}
plugins: [search, offline]
YAML
done
cat >> own/mkdocs.yml <<'YAML'
extra:
  polyfills:
    - {path: assets/iframe-worker.js, type: text/javascript, async: false, defer: false}
YAML
for kind in plain own; do (cd $kind && ../env/bin/zensical build --config-file mkdocs.yml > ../$kind.log 2>&1) || { cat $kind.log; exit 1; }; done
fetched() {
  { grep -oE '(src|href)="?https?://[^" >]*' "$1/site/index.html" | grep -v 'zensical.org' | sed -E 's/.*="?//' || true; } | sort -u
}
{
  echo "with offline: $(fetched plain)"
  echo "with offline and a copy of one's own: $( [ -z "$(fetched own)" ] && echo nothing from elsewhere || fetched own )"
  echo "links of 404.html that begin with /: $(grep -qE '(src|href)="?/[^/]' plain/site/404.html && echo yes || echo no)"
} > out.txt
cat out.txt
diff - out.txt <<'SEEN'
with offline: https://unpkg.com/iframe-worker/shim
with offline and a copy of one's own: nothing from elsewhere
links of 404.html that begin with /: yes
SEEN
