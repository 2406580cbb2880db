#!/bin/sh
# Refreshes the vendored front-end files from their npm packages. Running the app needs no Node;
# only this script does. Versions are pinned here and nowhere else.
#
#   sh scripts/vendor_assets.sh
#
# Needs: npm, tar, python3. htmx is not here: it comes as a file of the django-htmx package.
set -eu

TABLER=1.6.1
INTER=5.3.0
LUCIDE=1.62.0

# The icons the screens use, by Lucide's names. `{% icon "name" %}` draws one of these.
ICONS="activity archive arrow-down arrow-left arrow-right arrow-up ban bell book-open boxes
calendar-check calendar-days check check-check chevron-down chevron-left chevron-right
chevrons-up-down circle-alert circle-check circle-dashed circle-question-mark circle-x clock
columns-3 copy download ellipsis external-link eye file-text funnel hand house inbox info keyboard
landmark link-2 list list-checks loader lock log-out maximize-2 menu message-square-quote minus
monitor moon octagon-x package package-check pause percent play plug plus refresh-cw rotate-ccw
search send settings shield shopping-bag split store sun tag triangle-alert truck undo-2 unlink
user-round users-round webhook wifi-off x zap"

here=$(cd "$(dirname "$0")/.." && pwd)
static="$here/mkterp/static"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
for package in "@tabler/core@$TABLER" "@fontsource-variable/inter@$INTER" "lucide-static@$LUCIDE"; do
  archive=$(npm pack --silent "$package")
  mkdir "${archive%.tgz}"
  tar xzf "$archive" -C "${archive%.tgz}" --strip-components=1
done

mkdir -p "$static/vendor/tabler" "$static/vendor/inter" "$static/vendor/lucide"
# Without the source-map line: a manifest of static files would look for the map.
sed '/^\/\*# sourceMappingURL/d' "tabler-core-$TABLER/dist/css/tabler.min.css" \
  > "$static/vendor/tabler/tabler.min.css"
cp "fontsource-variable-inter-$INTER/files/inter-latin-wght-normal.woff2" "$static/vendor/inter/inter.woff2"
cp "fontsource-variable-inter-$INTER/LICENSE" "$static/vendor/inter/LICENSE"
cp "lucide-static-$LUCIDE/LICENSE" "$static/vendor/lucide/LICENSE"

LUCIDE_DIR="lucide-static-$LUCIDE/icons" ICONS="$ICONS" python3 - > "$static/icons.svg" <<'PY'
import os
import pathlib
import re

folder = pathlib.Path(os.environ["LUCIDE_DIR"])
print("<!-- Lucide icons, ISC licence: see vendor/lucide/LICENSE. Made by scripts/vendor_assets.sh. -->")
print('<svg xmlns="http://www.w3.org/2000/svg">')
for name in os.environ["ICONS"].split():
    svg = (folder / f"{name}.svg").read_text()
    inner = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.S).group(1)
    print(f'<symbol id="i-{name}" viewBox="0 0 24 24">{"".join(inner.split(chr(10))).strip()}</symbol>')
print("</svg>")
PY
