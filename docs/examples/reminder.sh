#!/bin/sh
# Adds an appointment, and waits until the person has confirmed or cancelled it:
#   TOKEN=... API=http://127.0.0.1:8081/api/v1 reminder.sh dental p17 +447700900117 Ann '2036-12-03 10:00'
set -eu
campaign=$1 key=$2 to=$3 name=$4 appointment=$5
url="$API/campaigns/$campaign/contacts/$key"
ask() { curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$@"; }

ask -X PUT "$url" -d "{\"to\": \"$to\", \"name\": \"$name\", \"appointment\": \"$appointment\"}" >/dev/null
while :; do
	contact=$(ask "$url")
	case $contact in
	*'"result":"'*) break ;;         # a key was pressed
	*'"state":"done"'*) break ;;     # nobody calls any more
	esac
	sleep 2
done
echo "$contact" | sed 's/.*"result":\("[^"]*"\|null\).*/\1/' | tr -d '"'
