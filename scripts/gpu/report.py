#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The sphereface-train authors
# SPDX-License-Identifier: MIT
"""Puts together what scripts/gpu/acceptance.sh left in OUT/log: OUT/report.md and OUT/report.json."""

import argparse
import datetime
import json
import pathlib
import re
import subprocess


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def last_lines(text, count):
    return "\n".join(text.strip().splitlines()[-count:])


def tests_of(text):
    """What GoogleTest says at its end."""
    ran = re.search(r"\[=+\] (\d+) tests? from", text)
    passed = re.search(r"\[  PASSED  \] (\d+) test", text)
    skipped = re.search(r"\[  SKIPPED \] (\d+) test", text)
    return {
        "ran": int(ran.group(1)) if ran else 0,
        "passed": int(passed.group(1)) if passed else 0,
        "skipped": int(skipped.group(1)) if skipped else 0,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--left-out", nargs="*", default=[], help="steps that no time was left for")
    arguments = parser.parse_args()
    log = arguments.out / "log"

    query = "name,driver_version,memory.total,clocks.max.sm,power.limit"
    report = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "card": output_of("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"),
        "nvcc": last_lines(output_of("nvcc", "--version"), 1),
        "libraries": re.findall(r"-- (?:Found )?(?:CUDNN|NCCL|CUDAToolkit).*",
                                (log / "configure.txt").read_text()),
        "seconds": arguments.seconds,
        "steps": {},
        "left_out": arguments.left_out,
    }
    for status in sorted(log.glob("*.status")):
        code, seconds = map(int, status.read_text().split())
        report["steps"][status.stem] = {"exit_code": code, "seconds": seconds}
    report["tests"] = tests_of((log / "tests.txt").read_text())
    peer = arguments.out / "pytorch.json"
    if peer.exists():
        report["pytorch"] = json.loads(peer.read_text())

    lines = [
        f"# GPU acceptance, {report['date']}",
        "",
        f"Card (name, driver, memory, largest clock, power limit): {report['card']}  ",
        f"Commit {report['commit']}; {report['nvcc']}; {arguments.seconds} s in all.",
        "",
        "| step | result | seconds |",
        "|---|---|---|",
    ]
    for name, step in report["steps"].items():
        result = "passed" if step["exit_code"] == 0 else f"failed ({step['exit_code']})"
        if name == "tests":
            tests = report["tests"]
            result += f", {tests['passed']} of {tests['ran']} tests"
            if tests["skipped"]:
                result += f", {tests['skipped']} skipped"
        lines.append(f"| {name} | {result} | {step['seconds']} |")
    lines += [f"| {name} | left out: no time | |" for name in arguments.left_out]
    steps = sorted(p.stem for p in log.glob("step-*.txt"))
    for name in ["head", "scores", *steps, "pytorch", "pytorch-head"]:
        path = log / f"{name}.txt"
        if path.exists():
            lines += ["", f"## {name}", "", "```", path.read_text().strip(), "```"]
    (arguments.out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (arguments.out / "report.json").write_text(json.dumps(report, indent=2) + "\n",
                                               encoding="utf-8")
    print(f"acceptance: {arguments.out}/report.md")


if __name__ == "__main__":
    main()
