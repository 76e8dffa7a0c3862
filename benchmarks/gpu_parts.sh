# Sourced by gpu_check.sh, gpu_loop.sh and gpu_tutorial.sh: runs parts with time limits and installs packages from wheels.
#
# Needs WORK (the output folder), BUNDLE (folders of wheels), SITES (the installation folder) and a function `keep`, which
# is called after each part. `summary` has one line per part; `finish` prints it and exits with 1 if a part failed.
started=$(date +%s)
summary=()

say() { echo "== $(($(date +%s) - started)) s: $*"; }

# Installs one set of wheels into its own folder, once per machine.
site() {
    local folder=$SITES/site-$1
    if [ -e "$folder/.whole" ]; then return 0; fi
    say "installing $1"
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$folder" "$BUNDLE/$1"/*.whl && touch "$folder/.whole"
}

# part NAME SECONDS COMMAND…: runs the command with a time limit, copies its output to a file, and records the result.
part() {
    local name=$1 limit=$2 from
    shift 2
    from=$(date +%s)
    say "$name, at most $limit s"
    timeout -k 20 "$limit" "$@" 2>&1 | tee "$WORK/$name.out"
    local code=${PIPESTATUS[0]}
    summary+=("$name: $([ "$code" = 0 ] && echo ok || echo "FAILED ($code)"), $(($(date +%s) - from)) s; $(tail -n 1 "$WORK/$name.out" | cut -c1-900)")
    keep
}

# logs LINES FILE…: prints the last lines of each log.
logs() {
    local lines=$1 log
    shift
    for log in "$@"; do
        if [ -e "$log" ]; then echo "##### $log"; tail -n "$lines" "$log" | cut -c1-500; fi
    done
}

finish() {
    keep
    say "done"
    printf '%s\n' "${summary[@]}"
    case "${summary[*]}" in *FAILED* | *"no such part"*) exit 1 ;; esac
}
