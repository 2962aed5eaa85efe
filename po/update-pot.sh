#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the template that translations start from: po/hypha-desktop.pot, or the file given.
set -eu

out=${1:-po/hypha-desktop.pot}
case $out in
  /*) ;;
  *) out=$PWD/$out ;;
esac
cd "$(dirname "$0")/.."
xgettext --from-code=UTF-8 --add-comments --add-location=file --files-from=po/POTFILES.in --output="$out" \
  --keyword=_ --keyword=N_ --keyword=C_:1c,2 --keyword=ngettext:1,2 \
  --package-name=hypha-desktop --copyright-holder='The Hypha desktop contributors'
# The date would differ each time, and make every branch disagree with every other.
sed -i '/^"POT-Creation-Date:/d' "$out"
sed -i '1i # SPDX-License-Identifier: MIT' "$out"
