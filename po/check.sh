#!/bin/sh
# SPDX-License-Identifier: MIT
# Every file with a text for people is listed in POTFILES.in and nothing else is, the texts can
# be extracted, the template is the one that they make, and each translation is sound.
set -eu

cd "$1"
status=0

marked=$(grep -lE '(^|[^[:alnum:]_])(_|N_|ngettext) \("|translatable="yes"' \
  hypha-gtk/*.c hypha-gtk/ui/*.ui; ls data/*.desktop.in data/*.metainfo.xml.in)

for file in $marked; do
  if ! grep -qxF "$file" po/POTFILES.in; then
    echo "$file has texts to translate but is not in po/POTFILES.in" >&2
    status=1
  fi
done

while read -r file; do
  if ! echo "$marked" | grep -qxF "$file"; then
    echo "po/POTFILES.in lists $file, which has no text to translate" >&2
    status=1
  fi
done <<EOF
$(grep -v "^#" po/POTFILES.in)
EOF

made=$(mktemp)
trap 'rm -f "$made"' EXIT
po/update-pot.sh "$made"

strip() { sed -e '/^"POT-Creation-Date:/d' -e '/^#: /d' "$1"; }
if [ "$(strip "$made")" != "$(strip po/hypha-desktop.pot)" ]; then
  echo "po/hypha-desktop.pot is out of date: run po/update-pot.sh" >&2
  status=1
fi

for file in po/*.po; do
  [ -e "$file" ] || continue
  msgfmt -c -o /dev/null "$file" || status=1
done
exit $status
