#!/usr/bin/env bash
# Judges captures and native traces in a pipeline, writes the reports, and ends with the exit code of `midcomms replay`.
# action.yml and docs/gitlab.yml call it; everything comes by environment variables:
#
#   MIDCOMMS            the program [midcomms]
#   MIDCOMMS_PATHS      captures, native traces, directories of them, separated by white space
#   MIDCOMMS_REVISION   --revision [any]        MIDCOMMS_PORT       --port [21064]
#   MIDCOMMS_STRICT     true: --strict          MIDCOMMS_TOGETHER   true: --together
#   MIDCOMMS_ARGUMENTS  more arguments
#   MIDCOMMS_HTML, MIDCOMMS_SARIF   names of further reports, where the program writes them
#   MIDCOMMS_REPORTS    directory of the reports [midcomms-report]
#
# GITHUB_STEP_SUMMARY and GITHUB_OUTPUT are written where they are set; annotations where GITHUB_ACTIONS is.
set -euo pipefail

program=${MIDCOMMS:-midcomms}
reports=${MIDCOMMS_REPORTS:-midcomms-report}
mkdir -p "$reports"

stop() {
    echo "error: $*" >&2
    [ -z "${GITHUB_ACTIONS:-}" ] || echo "::error title=midcomms::$*"
    [ -z "${GITHUB_OUTPUT:-}" ] || echo "exit-code=2" >>"$GITHUB_OUTPUT"
    exit 2
}

read -r -d '' -a paths <<<"${MIDCOMMS_PATHS:-}" || true
read -r -d '' -a more <<<"${MIDCOMMS_ARGUMENTS:-}" || true
((${#paths[@]} > 0)) || stop "no paths: name captures, native traces, or directories of them"

for switch in MIDCOMMS_STRICT MIDCOMMS_TOGETHER; do
    case ${!switch:-false} in true | false) ;; *) stop "$switch is \`${!switch}\`: expected true or false" ;; esac
done
arguments=(--revision "${MIDCOMMS_REVISION:-any}" --port "${MIDCOMMS_PORT:-21064}")
[ "${MIDCOMMS_STRICT:-false}" != true ] || arguments+=(--strict)
[ "${MIDCOMMS_TOGETHER:-false}" != true ] || arguments+=(--together)
arguments+=("${more[@]}")

# further OPTION NAME: a report that only some versions write.
help=$("$program" replay --help)
further() {
    [ -n "$2" ] || return 0
    grep -qe "$1\b" <<<"$help" || stop "this version of midcomms replay has no $1: leave $2 out, or take a later version"
    arguments+=("$1" "$reports/$2")
}
further --html "${MIDCOMMS_HTML:-}"
further --sarif "${MIDCOMMS_SARIF:-}"

# For people first: this is what the log of the job shows.
code=0
"$program" replay --color never "${arguments[@]}" -- "${paths[@]}" >"$reports/replay.txt" 2>"$reports/errors.txt" || code=$?
cat "$reports/replay.txt"
cat "$reports/errors.txt" >&2

# Then for machines.
"$program" replay --quiet --format json "${arguments[@]}" -- "${paths[@]}" >"$reports/replay.json" 2>/dev/null || true

case $code in
0) verdict="accepted" ;;
1) verdict="**rejected**, or stalled" ;;
3) verdict="nothing shown: vacuous or inconclusive" ;;
*) verdict="**not judged**: something could not be read" ;;
esac

# Annotations: one for each rejection and stall. Where the program has a format for them, it belongs here instead.
annotate() {
    command -v jq >/dev/null || { echo "no jq: no annotations" >&2; return 0; }
    jq -r '
        def clean: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
        .files[]? | .path as $path | .pairs[]? |
        (.rejection // empty | "::error file=\($path),title=\(.rule)::frame \(.frame), node \(.from) to \(.to): \(.rule_text); expected \(.expected), got \(.got)"),
        (.stalls[]? | "::warning file=\($path),title=stall\(if .hazard then " " + .hazard else "" end)::node \(.to) waits for \(.seq) of node \(.from) since frame \(.frame)")
        | clean' "$reports/replay.json" || echo "::warning title=midcomms::the JSON report could not be read"
}
[ -z "${GITHUB_ACTIONS:-}" ] || annotate

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    {
        echo "### midcomms replay: $verdict"
        echo
        echo '```'
        # A summary holds 1 MiB; the whole report is in the artifact.
        head -c 200000 "$reports/replay.txt"
        head -c 20000 "$reports/errors.txt"
        echo '```'
        echo
        echo "What a rule means: \`midcomms explain RULE\`."
    } >>"$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    {
        echo "exit-code=$code"
        echo "report=$reports/replay.json"
    } >>"$GITHUB_OUTPUT"
fi
exit "$code"
