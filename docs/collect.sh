#!/bin/sh
# Collects what a node of a DLM cluster can tell about a hang, for `midcomms diagnose`. Run as root on every node:
#
#   sh collect.sh [-o DIR] [-n SNAPSHOTS] [-w SECONDS] [-i NODEID]
#
# Reads debugfs, configfs, ss, the kernel's log and, if they are switched on already, the DLM's tracepoints. It changes
# nothing but the directory that it makes (dlm-nodeN here, unless -o names another). What it cannot read it leaves out
# and says so. Needs sh, cat, grep, and for all of it ss and dmesg or journalctl.
set -u
LC_ALL=C
export LC_ALL

out='' count=2 wait=10 id=''
while getopts o:n:w:i: option; do
    case $option in
    o) out=$OPTARG ;;
    n) count=$OPTARG ;;
    w) wait=$OPTARG ;;
    i) id=$OPTARG ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
    esac
done

root=${MIDCOMMS_ROOT:-}
debug=$root/sys/kernel/debug
config=$root/sys/kernel/config/dlm/cluster/comms
tracing=$root/sys/kernel/tracing

say() { echo "collect: $*" >&2; }

# number OPTION VALUE: refuses what is no whole number.
number() {
    case $2 in
    '' | *[!0-9]*) say "$1 $2: expected a whole number"; exit 2 ;;
    esac
}
number -n "$count"
number -w "$wait"
[ -z "$id" ] || number -i "$id"
[ "$count" -gt 0 ] || { say "-n 0: at least one snapshot"; exit 2; }

# The node id: the entry of configfs that is local.
if [ -z "$id" ]; then
    for entry in "$config"/*; do
        if [ "$(cat "$entry/local" 2>/dev/null)" = 1 ]; then id=$(cat "$entry/nodeid" 2>/dev/null); fi
    done
fi
if [ -z "$id" ]; then
    say "the node id is not in $config: give it with -i"
    exit 2
fi
[ -n "$out" ] || out=dlm-node$id
if [ -e "$out" ]; then
    say "$out is there already: name another directory with -o"
    exit 2
fi
umask 077
mkdir -p "$out" || exit 2

{
    echo "nodeid $id"
    echo "kernel $(uname -r)"
    echo "time $(date +%s)"
    echo "uptime $(cut -d ' ' -f 1 /proc/uptime)"
} >"$out/node.txt"

log() { dmesg 2>/dev/null || journalctl --dmesg --output short-monotonic --no-pager 2>/dev/null; }

records() {
    [ -d "$debug/dlm/comms" ] || { say "no $debug/dlm/comms: is debugfs mounted, and the DLM in use?"; return; }
    for record in "$debug"/dlm/comms/*; do
        if [ ! -e "$record/state" ]; then
            echo "/sys/kernel/debug/dlm/comms/* state= flags= sendq= version="
            continue
        fi
        echo "/sys/kernel/debug/dlm/comms/${record##*/} state=$(cat "$record/state") flags=$(cat "$record/flags")" \
            "sendq=$(cat "$record/send_queue_count") version=$(cat "$record/version")"
    done
}

moment=1
while [ "$moment" -le "$count" ]; do
    [ "$moment" -eq 1 ] || sleep "$wait"
    at=$out/$moment
    mkdir "$at" || exit 2
    { echo "--- $(date +%s) node$id snapshot $moment"; records; } >"$at/comms.txt"
    if command -v ss >/dev/null; then
        { ss -tni '( dport = 21064 or sport = 21064 )'; ss -Sni '( dport = 21064 or sport = 21064 )' 2>/dev/null; } >"$at/ss.txt"
    else
        say "no ss (package iproute2): connections are not known"
    fi
    log | grep dlm >"$at/dmesg.txt" || { rm -f "$at/dmesg.txt"; say "no line of the DLM in the kernel's log"; }
    if grep -q 1 "$tracing/events/dlm/enable" 2>/dev/null; then
        grep dlm_ "$tracing/trace" >"$at/trace.txt"
    fi
    moment=$((moment + 1))
done
echo "$out: $count snapshots of node $id. Put the directories of all nodes beside each other and run: midcomms diagnose DIR..."
