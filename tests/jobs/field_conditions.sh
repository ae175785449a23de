# What the rows of field_matrix_test.cpp are made of. Sourced in an empty folder, with BIN and CONFIG.

# sphereface with the dispositions of signals that a terminal's shell gives, whatever the tests' own are.
program="env --default-signal $BIN/sphereface"
sphereface() { $program "$@"; }
train_line="$program train --config $CONFIG --run run"
long="--set solver.steps=1000000 --set checkpoint.every_steps=0"
train() { $train_line "$@"; }

# until COMMAND...: waits for it to succeed.
until_() { local i; for i in {1..600}; do "$@" >/dev/null 2>&1 && return; sleep 0.05; done; echo "in vain: $*"; return 1; }
says() { grep -q -- "$1" out.txt; }
# begin [OPTION...]: an endless run beside; its lines in out.txt.
begin() { $train_line $long "$@" >out.txt 2>&1 & job=$!; }
stepping() { until_ says ' step: '; }
# ended: its lines and its exit code.
ended() { wait "$job"; local code=$?; cat out.txt; return "$code"; }
checkpoints() { ls run/checkpoints | wc -l; }
has_checkpoint() { [ "$(checkpoints)" -gt 0 ]; }
coordinator() { pgrep -f "^$BIN/sphereface-coordinator .*--run $PWD/run|^$BIN/sphereface-coordinator .*--run run " | while read -r p; do [ "$(readlink "/proc/$p/cwd")" = "$PWD" ] && echo "$p"; done; }
workers() { pgrep -f "^$BIN/sphereface-worker" | while read -r p; do [ "$(readlink "/proc/$p/cwd")" = "$PWD" ] && echo "$p"; done; }
mpirun_of() { pgrep -P "$job" -f '^mpirun'; }
# goes_on: the run can be continued, to a near end.
goes_on() { train --resume auto --set solver.steps=$(($(ls run/checkpoints | tail -1 | tr -dc 0-9 | sed 's/^0*//') + 3)) "$@"; }
# in_terminal SECONDS KEYS COMMAND: runs it in a shell in a terminal of its own; when the run has steps presses
# the keys, waits so long, presses ... ("hang-up" closes it).
in_terminal() { "${SPHEREFACE_PYTHON:-/usr/bin/python3}" - "$@" <<'P'
import os, pty, select, sys, time
command, keys, out = sys.argv[1], sys.argv[2:], b""
child, terminal = pty.fork()
if child == 0: os.execvp("bash", ["bash", "--norc", "-i"])
def read(seconds, word=None):
    global out
    end = time.time() + seconds
    while time.time() < end and not (word and word in out):
        if select.select([terminal], [], [], .05)[0]:
            try: out += os.read(terminal, 65536)
            except OSError: return
read(1); os.write(terminal, (command + "; echo CODE=$?.\n").encode()); read(30, b" step: ")
for key in keys:
    if key == "hang-up":
        os.close(terminal); os.waitpid(child, 0); break
    elif key.startswith("wait"): read(float(key[4:]))
    elif key.startswith("until"): read(30, key[5:].encode())
    else: os.write(terminal, {"^C": b"\x03", "^Z": b"\x1a"}.get(key, key.encode() + b"\n"))
print(out.decode(errors="replace"))
P
}
# halt_thread PID: its main thread stops, the others go on.
halt_thread() { "${SPHEREFACE_PYTHON:-/usr/bin/python3}" - "$1" <<'P' &
import ctypes, os, sys, time
libc, pid = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
if libc.ptrace(0x4206, pid, 0, 0) or libc.ptrace(0x4207, pid, 0, 0): sys.exit(os.strerror(ctypes.get_errno()))
while os.path.exists(f"/proc/{pid}"): time.sleep(.1)
P
}

# Of the job's page and data set.
page() { sed -n 's|.*dashboard \(http://[^,]*\),.*|\1|p' out.txt; }
data_set() { sed -n 's/.*lmdb: "\([^"]*\)".*/\1/p' "$CONFIG"; }
# without_locks: this folder's file system has none from now on.
without_locks() { export LD_PRELOAD=$BIN/libpoor_file_system.so NO_LOCKS_UNDER=$PWD; }

# slow_sync SECONDS: that long a checkpoint takes to reach the disk from now on.
slow_sync() { export LD_PRELOAD=$BIN/libpoor_file_system.so SLOW_SYNC=$1; }

# At a row's end no process of its job may be left.
trap 'code=$?; for i in {1..100}; do [ -z "$(coordinator; workers)" ] && exit $code; sleep 0.1; done
  echo "left behind: $(coordinator) $(workers)"; exit 99' EXIT
