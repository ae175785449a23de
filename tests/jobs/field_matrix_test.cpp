// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What real sites do to a job, a row each: the condition, what must happen, a line of bash that
// makes it, the exit code, a word of what is said. A new condition is a new row, here and (as the
// document is compared) in docs/conditions.md. The bash is made of tests/jobs/field_conditions.sh.
//
// Of every row: it ends by itself, and no process of its job is left.

#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/pattern.h"
#include "tests/support/job_processes.h"
#include "tests/support/job_support.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using testing::Job;
using testing::Process;

struct Row {
  const char* name;
  const char* condition;
  const char* outcome;
  const char* script;
  int code;
  const char* says;  // a pattern; what is printed has it
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

// clang-format off
const Row kRows[] = {
    // stops
    {"TermEarly", "SIGTERM before the first progress line", "a checkpoint, 85",
     "begin; until_ says 'rank 1@'; kill -TERM $job; ended; c=$?; goes_on >/dev/null && exit $c", 85, "continue from run/checkpoints"},
    {"Term", "SIGTERM", "a checkpoint, 85, and what goes on from it is whole",
     "begin; stepping; kill -TERM $job; ended; c=$?; goes_on >/dev/null && exit $c", 85, "SIGTERM: a checkpoint after this step"},
    {"Interrupt", "SIGINT", "as SIGTERM", "begin; stepping; kill -INT $job; ended", 85, "SIGINT: a checkpoint"},
    {"HangUp", "SIGHUP twice, as kernel and shell send it", "as SIGTERM",
     "begin; stepping; kill -HUP $job; kill -HUP $job; ended", 85, "SIGHUP: a checkpoint"},
    {"User1", "SIGUSR1, again and again", "as SIGTERM",
     "begin; stepping; for i in 1 2 3; do kill -USR1 $job; sleep 0.6; done; ended", 85, "SIGUSR1: a checkpoint"},
    {"Timeout", "`timeout`", "as SIGTERM", "timeout 4 $train_line $long; [ $? = 124 ] && has_checkpoint", 0, "SIGTERM: a checkpoint"},
    {"TwoWorkersTerm", "SIGTERM, two workers", "as SIGTERM",
     "begin --workers 2; stepping; kill -TERM $job; ended; c=$?; goes_on --workers 2 >/dev/null && exit $c", 85, "as asked"},
    {"Group", "the whole process group gets SIGINT", "as SIGINT",
     "setsid $train_line $long >out.txt 2>&1 & job=$!; stepping; kill -INT -- -$job; ended", 85, "SIGINT: a checkpoint"},
    {"CtrlC", "Ctrl-C in a terminal", "as SIGINT", "in_terminal \"$train_line $long\" ^C until85.", 0, "CODE=85"},
    {"TerminalCloses", "the terminal is closed", "as SIGINT, unseen: events.jsonl tells",
     "in_terminal \"$train_line $long\" hang-up; until_ grep -q '\"stopped\"' run/events.jsonl; has_checkpoint", 0, ""},
    {"NoHup", "nohup, then the terminal is closed", "goes on to its end",
     "nohup $BIN/sphereface train --config $CONFIG --run run >out.txt 2>&1 & job=$!; until_ says 'rank 1@'; kill -HUP $job; ended", 0, "trained:"},
    {"BackgroundInt", "SIGINT to a run that a script has in its background", "goes on to its end",
     "env --ignore-signal=INT $BIN/sphereface train --config $CONFIG --run run >out.txt 2>&1 & job=$!; until_ says 'rank 1@'; kill -INT $job; ended", 0, "trained:"},
    {"Twice", "SIGINT, and another with a coordinator that hangs", "ends at once, 130, says what there is",
     "begin; stepping; kill -STOP $(coordinator); kill -INT $job; sleep 1.2; kill -INT $job; ended", 130, "SIGINT again: ending"},
    {"TermThenNow", "SIGTERM, and another while mpirun hangs, too", "ends at once, 143",
     "begin; stepping; kill -STOP $(coordinator) $(mpirun_of); kill $job; sleep 1.2; kill $job; ended", 143, "SIGTERM again"},
    {"HangsInStart", "SIGTERM to a job whose ranks hang in MPI's start", "ended after ten seconds, 143",
     "begin; until_ mpirun_of; kill -STOP $(mpirun_of); sleep 0.2; kill -TERM $job; ended", 143, "still no coordinator"},
    {"HangsInStartForEver", "ranks hang in MPI's start, and nobody asks", "the job ends after 12 times liveness_seconds",
     "begin --set coordinator.liveness_seconds=1; until_ mpirun_of; kill -STOP $(mpirun_of); ended", 1, "still no coordinator after 12 s"},
    {"CtrlZ", "Ctrl-Z, and fg after longer than every deadline", "the job stands still, goes on and ends",
     "in_terminal \"$train_line --set solver.steps=500 --set worker.collective_timeout=3 --set coordinator.liveness_seconds=3 --workers 2\" ^Z wait1 'echo lines=$(wc -l <run/metrics.jsonl).' wait8 'echo lines=$(wc -l <run/metrics.jsonl).' wait1 fg 'untiltrained:'", 0, "lines=([0-9]+)[.].*lines=\\1[.].*trained:"},
    {"Suspended", "the whole job is stopped for longer than every deadline (scontrol suspend, a laptop's lid)", "goes on",
     "begin --workers 2 --set worker.collective_timeout=3 --set coordinator.liveness_seconds=3; stepping; all=\"$(workers) $(coordinator) $(mpirun_of) $job\"; kill -STOP $all; sleep 6; kill -CONT $all; sleep 4; kill -TERM $job; ended", 85, "as asked"},
    {"CoordinatorHangs", "the coordinator hangs", "the workers end the job and name it",
     "begin --set worker.collective_timeout=3; stepping; kill -STOP $(coordinator); ended", 1, "s in vain for the next steps from rank 0, the coordinator"},
    {"CoordinatorHangsTerm", "the coordinator hangs, and SIGTERM", "the job ends within a minute",
     "begin --set coordinator.lease_steps=1 --workers 2; stepping; kill -STOP $(coordinator); sleep 1; kill -TERM $job; ended", 1, "in vain for the"},
    {"WorkerHangs", "a worker's main thread hangs, its heart beats", "the job ends and names it",
     "begin --set worker.collective_timeout=3 || exit; stepping; halt_thread $(workers); ended", 1, "hasn't got on for|in vain"},
    {"WorkerHangsOfTwo", "the same, another worker waits for it", "the job ends and names it",
     "begin --workers 2 --set worker.collective_timeout=4; stepping; halt_thread $(workers | head -1); ended", 1, "rank [12]@"},
    {"WorkerStopped", "a worker is stopped", "the job ends and names it",
     "begin --set coordinator.liveness_seconds=3; stepping; kill -STOP $(workers); ended", 1, "rank 1@.* silent"},
    {"EveryMinutes", "a run without checkpoint.every_steps", "a checkpoint by time",
     "begin --set checkpoint.every_minutes=0.01; until_ says step-; kill -TERM $job; ended", 85, "checkpoint: run/checkpoints"},
    // other verbs
    {"PackInterrupted", "Ctrl-C to `pack`", "130, a word, no half data set; the same command again makes it whole",
     "sphereface synth --identities 15 --images-per-identity 40 --out once >/dev/null; for i in {1..10}; do for f in $(ls -d once/*/); do mkdir -p faces/$i-${f#once/}; cp -r $f. faces/$i-${f#once/}; done; done; $program pack --input faces --output p.lmdb 2>err.txt & job=$!; until_ ls -d p.lmdb.partial; kill -INT $job; wait $job; echo code $?; cat err.txt; sphereface pack --input faces --output p.lmdb && sphereface inspect p.lmdb --verify", 0, "code 130"},
    {"SynthInterrupted", "Ctrl-C to `synth`", "130, nothing left",
     "$program synth --identities 500 --images-per-identity 50 --out faces 2>err.txt & job=$!; sleep 0.7; kill -INT $job; wait $job; c=$?; cat err.txt; ls; exit $c", 130, "SIGINT while painting"},
    // readers of what it prints
    {"Head", "`| head -1`", "goes on to its end", "train | head -1; until_ grep -q 'end:' run/log.txt; exit ${PIPESTATUS[0]}", 0, "train@"},
    {"HeadRestarts", "`--restarts 3 | head -1`", "goes on to its end",
     "train --restarts 3 --set solver.steps=300 | head -1; until_ [ -e run/summary.json ]", 0, "train@"},
    {"ErrorsGone", "stderr's reader is gone, too", "goes on to its end", "train 2>&1 | head -1; until_ [ -e run/summary.json ]", 0, "train@"},
    {"StdoutClosed", "stdout is closed", "goes on to its end", "train >&-; [ -e run/summary.json ]", 0, ""},
    {"AllClosed", "stdin, stdout and stderr are closed", "goes on to its end; no file gets their lines",
     "train <&- >&- 2>&-; [ -e run/summary.json ] && tail -1 run/log.txt", 0, "end: trained"},
    {"FullDevice", "stdout is a full device", "goes on to its end", "train >/dev/full; [ -e run/summary.json ]", 0, ""},
    {"SlowReader", "stdout's reader doesn't read", "the run doesn't wait for it",
     "train --set solver.steps=200 --set coordinator.log_every_steps=1 | (until_ grep -q end: run/log.txt && echo before its reader; cat >/dev/null)", 0, "before its reader"},
    // the environment
    {"ThreadLimit", "OMP_THREAD_LIMIT=1, worker.threads 2", "one thread, said", "OMP_THREAD_LIMIT=1 train --set worker.threads=2", 0, "OMP_THREAD_LIMIT"},
    {"ThreadLimitPlan", "OMP_THREAD_LIMIT=1 to `plan`", "as without", "OMP_THREAD_LIMIT=1 sphereface plan --config $CONFIG --set worker.threads=2", 0, "memory"},
    {"ThreadLimitDoctor", "OMP_THREAD_LIMIT=1 to `doctor`", "names the variable",
     "OMP_THREAD_LIMIT=1 sphereface doctor --config $CONFIG --set worker.threads=2 || true", 0, "OMP_THREAD_LIMIT=1"},
    {"Dynamic", "OMP_DYNAMIC=true", "as without", "OMP_DYNAMIC=true train --set worker.threads=2", 0, "trained:"},
    {"ActiveLevels", "OMP_MAX_ACTIVE_LEVELS=0", "as without", "OMP_MAX_ACTIVE_LEVELS=0 train --set worker.threads=2", 0, "trained:"},
    {"NumThreads", "OMP_NUM_THREADS=1,1 OMP_NESTED=true", "as without", "OMP_NUM_THREADS=1,1 OMP_NESTED=true train --set worker.threads=2", 0, "trained:"},
    {"NoHome", "HOME isn't set", "as without", "env -u HOME $train_line", 0, "trained:"},
    {"NoUser", "USER, LOGNAME, SHELL, LANG aren't set", "as without", "env -u USER -u LOGNAME -u SHELL -u LANG $train_line", 0, "trained:"},
    {"EmptyEnvironment", "nothing but PATH is set", "as without", "env -i PATH=\"$PATH\" $BIN/sphereface train --config $CONFIG --run run", 0, "trained:"},
    {"NoMpirun", "there is no mpirun", "one line", "PATH=/nowhere /usr/bin/env --default-signal $BIN/sphereface train --config $CONFIG --run run", 1, "cannot run mpirun: is OpenMPI installed"},
    {"OtherMpirun", "another MPI's mpirun is first in PATH", "says which",
     "mkdir bin; printf '#!/bin/sh\\necho HYDRA build details:\\necho Version: 4.0.2\\n' >bin/mpirun; chmod +x bin/mpirun; PATH=$PWD/bin:$PATH train", 1, "not OpenMPI's.*HYDRA build details"},
    {"FewFilesSoft", "ulimit -Sn 32", "as without", "ulimit -Sn 32; train", 0, "trained:"},
    {"FewFilesHard", "ulimit -Hn 32", "one line, no hanging", "ulimit -n 32; train", 1, "no more than 32 files may be open"},
    {"TightMask", "umask 077", "as without", "umask 077; train", 0, "trained:"},
    {"NoCoreTime", "nice 19", "as without", "nice -n 19 $train_line", 0, "trained:"},
    {"SlurmShape", "Slurm's variables of another allocation's shape, mpirun", "as without", "SRUN_CPUS_PER_TASK=1 SLURM_CPUS_PER_TASK=1 train", 0, "trained:"},
    {"NoGpus", "CUDA_VISIBLE_DEVICES is empty, worker.device CPU", "as without", "CUDA_VISIBLE_DEVICES= train", 0, "trained:"},
    {"OddNames", "spaces, quotes and other letters in the run's path", "as without",
     "mkdir \"it's ä run\"; sphereface train --config $CONFIG --run \"it's ä run/r\" && ls \"it's ä run/r/summary.json\"", 0, "trained:"},
    // file systems and files
    {"NoLocks", "the file system has no locks (Lustre without -o flock)", "as without, said", "without_locks; train", 0, "can't be locked"},
    {"NoLocksInUse", "the same, and another job writes the run folder", "one line",
     "without_locks; begin; stepping; train --resume auto; c=$?; kill -KILL $job $(mpirun_of) $(coordinator) $(workers); exit $c", 1, "run/.lock is held by another process"},
    {"NoLocksKilled", "the same, and the other job was killed", "goes on",
     "without_locks; begin --set checkpoint.every_steps=3; until_ has_checkpoint; kill -KILL $job $(mpirun_of) $(coordinator) $(workers); goes_on", 0, "can't be locked"},
    {"NoLocksPack", "`pack` where there are no locks", "as without",
     "without_locks; sphereface synth --identities 2 --images-per-identity 2 --out faces >/dev/null; sphereface pack --input faces --output p.lmdb && sphereface inspect p.lmdb --verify", 0, ""},
    {"SlowSync", "a checkpoint takes longer than its interval and worker.collective_timeout to reach the disk", "the job waits for it",
     "slow_sync 3; train --workers 2 --set worker.collective_timeout=1 --set checkpoint.every_steps=6 --set checkpoint.keep=0 && ls run/checkpoints | tr '\\n' ' '", 0, "step-00000006 step-00000012"},
    {"SlowSyncSpread", "the same, the classes spread over the workers", "the job waits for it",
     "slow_sync 3; train --workers 2 --set head.class_parallel=true --set worker.collective_timeout=1 --set checkpoint.every_steps=6", 0, "trained:"},
    {"CutData", "data.mdb is cut", "one line that names it",
     "cp -r \"$(data_set)\" cut.lmdb; truncate -s 12288 cut.lmdb/data.mdb; train --set data.lmdb=cut.lmdb", 1, "cut.lmdb/data.mdb"},
    {"LongLine", "a list with a line of 100 MB", "one line that names it",
     "head -c 100000000 /dev/zero | tr '\\0' a >pairs.txt; ulimit -v 1000000; sphereface evaluate lfw --pairs pairs.txt --images . --raw-pixels --json r.json", 1, "pairs.txt:1: "},
    {"ZipBomb", "an archive of 200 KB that unpacks to 200 MB", "one line, before it is unpacked",
     "mkdir a; head -c 200000000 /dev/zero >a/x.jpg; \"${SPHEREFACE_PYTHON:-/usr/bin/python3}\" -m zipfile -c bomb.zip a; rm -r a; sphereface pack --input bomb.zip --output p.lmdb; c=$?; ls; exit $c", 1, "a/x.jpg"},
    {"ForeignHost", "another site's page asks the job's page (DNS rebinding)", "refused",
     "begin; until_ says serving; curl -s -o answer -w '%{http_code}.' -H 'Host: 127.0.0.1.evil.com' \"$(page)\"; kill -TERM $job; ended >/dev/null; c=$?; grep -q '<title>' answer && exit 1; exit $c", 85, "403[.]"},
    {"EscapedName", "a run's name with a terminal's escapes", "they are shown",
     "sphereface train --config $CONFIG --run \"$(printf 'r\\033[31mun')\"", 0, "r.x1[bB]"},
    {"ByteOrderMark", "the configuration begins with a byte order mark", "as without",
     "printf '\\xef\\xbb\\xbf' | cat - $CONFIG >bom.textproto; sphereface train --config bom.textproto --run run", 0, "trained:"},
    // known before a job begins, told in one line, without MPI's paragraphs
    {"DataMissing", "the data set is missing", "one line", "train --set data.lmdb=nowhere; c=$?; [ ! -e run ] && exit $c", 1, "nowhere"},
    {"RunInUse", "another job writes the run folder", "one line",
     "begin; stepping; train --resume auto; c=$?; kill -KILL $job $(mpirun_of) $(coordinator) $(workers); exit $c", 1, "run/.lock is held by another process"},
    {"RunFull", "the run folder has checkpoints", "one line, 2", "train >/dev/null && train", 2, "already holds checkpoints"},
    {"InitMissing", "network.init_from is missing", "one line", "train --set network.init_from=nowhere", 1, "nowhere"},
    {"ResumeMissing", "--resume names no checkpoint", "one line", "train --resume nowhere", 1, "nowhere"},
    {"NoDriver", "worker.device CUDA, and no GPU can be used", "one line",
     "CUDA_VISIBLE_DEVICES= train --device cuda", 1, "device CUDA: .*use device CPU"},
    {"RunIsFile", "the run folder is a file", "one line", "touch run; train", 1, "run"},
    {"TooManyWorkers", "more workers than images in a batch", "one line, 2", "train --workers 200", 2, "batch_size"},
    {"BadSet", "--set names no field", "one line, 2", "train --set solver.rate=1", 2, "no field \"rate\""},
    // checkpoints and what stands beside them
    {"EmptyManifest", "the newest manifest is empty", "passed over for an older checkpoint, said",
     "train --set checkpoint.every_steps=4 >/dev/null; : >run/checkpoints/step-00000012/manifest.textproto; train --resume auto", 0, "damaged: "},
    {"CutManifest", "the newest manifest is cut", "passed over for an older checkpoint, said",
     "train --set checkpoint.every_steps=4 >/dev/null; m=run/checkpoints/step-00000012/manifest.textproto; head -c 300 $m >cut; cp cut $m; train --resume auto", 0, "damaged: "},
    {"OwnFolder", "the user's folder step-00000002-good beside the checkpoints", "stays",
     "mkdir -p run/checkpoints/step-00000002-good; train --set checkpoint.every_steps=2 --set checkpoint.keep=1 && ls run/checkpoints", 0, "step-00000002-good"},
    {"DeepEvent", "a line of 100,000 brackets in events.jsonl", "the job goes on",
     "train --set solver.steps=3 >/dev/null; head -c 100000 /dev/zero | tr '\\0' '[' >>run/events.jsonl; echo >>run/events.jsonl; train --resume auto", 0, "trained:"},
    {"NulMetrics", "zeros at the end of metrics.jsonl, as after a power cut", "the job goes on",
     "train --set solver.steps=3 >/dev/null; head -c 4096 /dev/zero >>run/metrics.jsonl; train --resume auto", 0, "trained:"},
    {"CutMetrics", "metrics.jsonl ends within a line", "the job goes on",
     "train --set solver.steps=3 >/dev/null; printf '{\"step\": 3, \"lo' >>run/metrics.jsonl; train --resume auto", 0, "trained:"},
    {"UncommittedLeft", "what a killed job hadn't committed", "removed, the job goes on",
     "train --set solver.steps=3 >/dev/null; cp -r run/checkpoints/step-00000003 run/checkpoints/.step-00000009.partial; train --resume auto", 0, "trained:"},
};
// clang-format on

class FieldMatrix : public Job, public ::testing::WithParamInterface<Row> {};

TEST_P(FieldMatrix, Holds) {
  const Row& row = GetParam();
  const fs::path here = folder_ / row.name;
  fs::create_directories(here);
  const std::string prelude =
      concat("BIN='", fs::path(testing::program("sphereface")).parent_path().string(), "' CONFIG='",
             (folder_ / "config.textproto").string(), "'; cd '", here.string(), "'; . '",
             SPHEREFACE_SOURCE, "/tests/jobs/field_conditions.sh'; ");
  Process process({"bash", "-c", prelude + row.script});
  const int code = process.wait(120);
  EXPECT_EQ(code, row.code) << process.output();
  EXPECT_FALSE(findPattern(row.says, process.output()).empty())
      << "\"" << row.says << "\" is not in:\n"
      << process.output();
}

TEST(FieldDocument, HasEveryRow) {
  std::string document = readFile(fs::path(SPHEREFACE_SOURCE) / "docs" / "conditions.md");
  std::erase(document, '\\');  // before a bar within a cell
  for (const Row& row : kRows) {
    const std::string line = concat("\n| ", row.condition, " | ", row.outcome, " |\n");
    EXPECT_NE(document.find(line), std::string::npos) << line;
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, FieldMatrix, ::testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace sphereface
