# Stands between the control plane and one container, so that its exit code is known even when the
# control plane was not there to see it. Arguments: directory, working directory, command...
# Whoever creates `run` owns the container: a second shim for the same container goes away, so a
# control plane killed between starting and recording cannot start a container twice.
dir=$1; shift
mkdir "$dir/run" 2>/dev/null || exit 0
trap : HUP INT TERM
cd "$1" || { echo 126 >"$dir/exit.new"; mv "$dir/exit.new" "$dir/exit"; exit; }
shift
"$@" &
child=$!
# Field 22 of /proc/PID/stat (starttime), counted after the command name, which may hold blanks;
# 0 for a child that has ended already.
read -r stat <"/proc/$child/stat"
set -- ${stat##*) }
read -r boot </proc/sys/kernel/random/boot_id
# What cannot be written down, as the disk is full, must not run: nobody would know of it.
echo "$child ${20:-0} $$ $boot" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid" || kill -KILL 0
while :; do
    wait "$child"; code=$?
    # A trapped signal interrupts `wait`; the child still has to be waited for.
    kill -0 "$child" 2>/dev/null || break
done
tries=0
until echo "$code" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"; do
    tries=$((tries + 1))
    [ -d "$dir" ] && [ $tries -lt 10 ] || break
    sleep 1
done 2>/dev/null
# As in a container, whatever the main process left behind ends with it.
kill -KILL 0
