#!/usr/bin/env bash
# From nothing to a page of dialogues: installs mdialog into .venv, renders music, makes a catalogue of it, has 50
# dialogues written about it and shows them. Smaller: MDIALOG_DEMO_TRACKS, MDIALOG_DEMO_DIALOGUES; elsewhere: MDIALOG_DEMO_DIR.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

tracks="${MDIALOG_DEMO_TRACKS:-300}"
dialogues="${MDIALOG_DEMO_DIALOGUES:-50}"
demo="${MDIALOG_DEMO_DIR:-$root/demo}"
mkdir -p "$demo"
demo="$(cd "$demo" && pwd)"
export HF_HUB_OFFLINE=1 # the bundled models need no network, and looking for one takes minutes where there is none

clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

lost=0
step() { # step TEXT COMMAND…: says what it does, then how long it took; 1 means that something was lost on the way
    local text="$1" begun=$SECONDS status=0
    shift
    echo "== $text"
    "$@" || status=$?
    if [ "$status" -gt 1 ]; then
        echo "demo.sh: stopped, because that ended with status $status: $*" >&2
        exit "$status"
    fi
    [ "$status" -eq 0 ] || lost=1
    echo "   $(clock $((SECONDS - begun)))"
}

step "Installing mdialog into .venv (the first time takes a few minutes)" install_into_venv
[ "$lost" -eq 0 ] || exit 1
SECONDS=0
mdialog="$venv/bin/mdialog"
step "Rendering $tracks tracks of labelled music" "$mdialog" synth "$demo/music" -n "$tracks" --seed 0
step "Measuring and hearing them: the catalogue" "$mdialog" ingest "$demo/music" --catalog "$demo/catalog"
step "Planning and writing $dialogues dialogues" "$mdialog" generate --recipe music-discovery -n "$dialogues" \
    --catalog "$demo/catalog" --out "$demo/run"
step "Making the page" "$mdialog" report "$demo/run" --catalog "$demo/catalog"
if [ ! -s "$demo/run/report.html" ]; then
    echo "demo.sh: no page was made; what went wrong is said above" >&2
    exit 1
fi

written="$(wc -l <"$demo/run/dialogues.jsonl" | tr -d ' ')"
echo "Made: $tracks rendered tracks, their catalogue and $written of $dialogues dialogues, in $(clock $SECONDS) after the install."
echo "Page: $demo/run/report.html (open it in a browser)"
echo "Next, with your own music: \"$mdialog\" ingest ~/Music --catalog my.catalog, then generate and report as above."
exit "$lost"
