# Sourced by gpu_check.sh and gpu_loop.sh: parts that each run on their own within their limit, and packages from wheels.
#
# Wants WORK (a folder for what is written), BUNDLE (folders of wheels) and SITES (where they are installed), and a function
# `keep`, which is called after each part. `summary` has a line a part; `finish` prints it and exits with 1 where one failed.
begun=$(date +%s)
summary=()

say() { echo "== $(($(date +%s) - begun)) s: $*"; }

# Once a machine: wheels of one set into a folder of their own.
site() {
    local folder=$SITES/site-$1
    if [ -e "$folder/.whole" ]; then return 0; fi
    say "installing $1"
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$folder" "$BUNDLE/$1"/*.whl && touch "$folder/.whole"
}

# part NAME SECONDS COMMAND…: runs it within its limit, its output shown and kept, and notes how it ended.
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

# logs LINES FILE…: the ends of logs, for one file that goes home.
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
