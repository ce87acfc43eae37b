# Sourced by demo.sh and test.sh: makes .venv at the root of the checkout and installs mdialog into it, once for
# each state of pyproject.toml. Sets root and venv; needs: install_into_venv [EXTRA].

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
needed_gb=9 # while it installs; 7 stay. Most of it is CUDA, which torch from PyPI brings along

find_python() {
    local candidate
    for candidate in python3.11 python3 python3.12 python3.13 python; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "mdialog needs Python 3.11 or newer, and none is on the PATH; install it, then run this again." >&2
    return 1
}

check_disk() {
    local free_kb
    free_kb="$(df -Pk "$root" | awk 'NR == 2 {print $4}')"
    if [ "$free_kb" -lt $((needed_gb * 1000 * 1000)) ]; then
        echo "Installing takes $needed_gb GB of disk, and $((free_kb / 1000 / 1000)) GB are free in $root;" \
            "free some, then run this again." >&2
        return 1
    fi
}

install_into_venv() {
    local extra="${1:-}" python stamp
    if [ ! -x "$venv/bin/python" ]; then
        python="$(find_python)"
        check_disk || return 1
        if ! "$python" -m venv "$venv" >&2; then
            echo "$python cannot make a virtual environment; on Debian and Ubuntu install python3-venv." >&2
            return 1
        fi
    fi
    # An editable install points at this folder: the stamp names both what is installed and where.
    stamp="$("$venv/bin/python" - "$root" <<'PY'
import hashlib, pathlib, sys
root = sys.argv[1]
print(hashlib.sha256(root.encode() + pathlib.Path(root, "pyproject.toml").read_bytes()).hexdigest()[:16])
PY
)"
    if [ -e "$venv/installed-$stamp-$extra" ]; then
        return
    fi
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root${extra:+[$extra]}" >&2
    : >"$venv/installed-$stamp-$extra"
    : >"$venv/installed-$stamp-" # an extra brings the core with it
}
