#!/usr/bin/env bash
# The steps of action.yml, for GitHub and for this project's own CI. As on GitHub, RUNNER_TEMP is a folder for what is
# made on the way, and GITHUB_OUTPUT and GITHUB_STEP_SUMMARY are files that are appended to.
#
#   action.sh install    builds echospec, by the profile $ECHOSPEC_PROFILE or for release, and puts it into $RUNNER_TEMP/echospec
#   action.sh judge      starts the target, judges it, and writes the reports into $RUNNER_TEMP/echospec-reports
#
# What `judge` is to do stands in the variables that are the inputs of action.yml, in capitals. It ends with 0 whatever it
# finds; what echospec ended with is the output `exit-code`.
set -euo pipefail

install() {
    cargo install --quiet --locked --profile "${ECHOSPEC_PROFILE:-release}" --path "$(dirname "$0")" --root "$RUNNER_TEMP/echospec"
}

# Arguments of `echospec check`, from the inputs.
arguments() {
    local line
    [ -z "${TARGET:-}" ] || printf '%s\n' "$TARGET"
    while IFS= read -r line; do [ -z "$line" ] || printf '%s\n' --framing "$line"; done <<< "${FRAMING:-}"
    while IFS= read -r line; do [ -z "$line" ] || printf '%s\n' "$line"; done <<< "${ARGS:-}"
    [ -z "${SNAPSHOT:-}" ] || printf '%s\n' --snapshot "$SNAPSHOT"
    [ -z "${EXPECT:-}" ] || printf '%s\n' --expect "$EXPECT"
}

# Ends a process group, and returns when it is gone: its port is free then. What does not heed for 5 seconds is killed.
end() {
    local signal
    for signal in TERM KILL; do
        kill "-$signal" -- "-$1" 2> /dev/null || return 0
        for _ in $(seq 50); do
            kill -0 -- "-$1" 2> /dev/null || return 0
            sleep 0.1
        done
    done
}

# In a session of its own, so that its children are ended with it.
start() {
    setsid bash -c "$START" > "$reports/target.log" 2>&1 &
    trap "end $!" EXIT
    local port="${TARGET##*:}" host="${TARGET%:*}"
    [ "$host" != "$TARGET" ] || host=127.0.0.1
    for _ in $(seq "$((${WAIT:-30} * 10))"); do
        (exec 3<> "/dev/tcp/$host/$port") 2> /dev/null && return
        sleep 0.1
    done
    echo "::warning::nothing listens at $TARGET after ${WAIT:-30} seconds"
}

judge() {
    local echospec="${ECHOSPEC:-$RUNNER_TEMP/echospec/bin/echospec}" code=0
    reports="$RUNNER_TEMP/echospec-reports"
    rm -rf "$reports"
    mkdir -p "$reports"
    mapfile -t arguments < <(arguments)
    [ -z "${START:-}" ] || start
    # The report quotes what the server sends, and GitHub obeys lines that look like its commands, but for this time.
    local token
    token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '::stop-commands::%s\n' "$token"
    "$echospec" check "${arguments[@]}" --report text \
        --report "json=$reports/report.json" --report "html=$reports/report.html" \
        --report "junit=$reports/report.xml" --report "markdown=$reports/report.md" || code=$?
    printf '\n::%s::\n' "$token"
    [ ! -e "${SNAPSHOT:-}.new" ] || cp "$SNAPSHOT.new" "$reports/"
    if [ -e "$reports/report.json" ]; then
        "$echospec" report "$reports/report.json" --report github
        head -c 1000000 "$reports/report.md" >> "$GITHUB_STEP_SUMMARY" # GitHub takes 1 MiB
    fi
    printf '%s\n' "exit-code=$code" "reports=$reports" >> "$GITHUB_OUTPUT"
}

"$1"
