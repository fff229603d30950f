#!/bin/sh
# Called by rsyslog when the file of logs is as long as it may be: the four before it are kept.
set -eu
cd /logs
for n in 3 2 1; do
  [ ! -e "switchyard.jsonl.$n" ] || mv "switchyard.jsonl.$n" "switchyard.jsonl.$((n + 1))"
done
mv switchyard.jsonl switchyard.jsonl.1
