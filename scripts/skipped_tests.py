#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The sphereface-train authors
# SPDX-License-Identifier: MIT
"""Prints which tests were skipped and why, of the JUnit file that ctest writes.

    scripts/skipped_tests.py build/tests.xml

With CI=true in the environment it fails when a test was skipped for another reason than those in MAY_BE_ABSENT:
a machine that tests every change has a browser, Prometheus, Slurm, network namespaces, NumPy,
scikit-learn, ONNX Runtime and safetensors, so that what needs them is tested.
"""

import collections
import os
import re
import sys
import xml.etree.ElementTree

# What a machine of this kind may lack: how the tests' words begin, and what the table says.
MAY_BE_ABSENT = {
    r"needs .* \(see SPHEREFACE_SHARED\)": "research data, which isn't in the repository (SPHEREFACE_SHARED)",
    r"needs what scripts/get_detector.sh fetches": "a package index with the detector's weights",
    r"device CUDA: ": "a GPU",
    r"worker\.device CUDA, ": "a machine without a GPU",
    r"this card has no clusters": "a GPU with clusters",
    r"this machine has one processor|two workers need two cores": "a second processor",
    r"this processor has no bfloat16 instructions": "a processor with bfloat16 instructions",
    r"this CPU has no fused multiply-adds": "a processor with fused multiply-adds",
    r"the convolutions' recorded algorithms|convolutions: Winograd in 0 ": "oneDNN with Winograd convolutions",
    r"OpenMPI here isn't 4": "OpenMPI 4",
    r"sanitizers end the process": "a build without sanitizers",
}


def reason(case):
    """The words with which the test `case` skipped itself, in one line."""
    output = case.findtext("system-out") or ""
    said = re.search(r": Skipped\n(.+)", output) or re.search(r"(device CUDA: .+)", output)
    if said:
        return said.group(1).strip()
    skipped = case.find("skipped")
    return f"ctest says: {case.get('status')}, {skipped.get('message', '') if skipped is not None else ''}"


def absent(words):
    """What MAY_BE_ABSENT calls it, or None."""
    return next((name for pattern, name in MAY_BE_ABSENT.items() if re.match(pattern, words)), None)


def main():
    cases = xml.etree.ElementTree.parse(sys.argv[1]).getroot().findall("testcase")
    tests = collections.defaultdict(list)  # by whether they may skip, and why they did
    for case in cases:
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            words = reason(case)
            name = absent(words)
            tests[name is not None, name or words].append(case.get("name"))
    if not tests:
        print(f"no test of {len(cases)} was skipped")
        return 0
    ci = os.environ.get("CI") == "true"
    print(f"skipped {sum(len(names) for names in tests.values())} of {len(cases)} tests:")
    for (may, why), names in sorted(tests.items(), reverse=True):
        how = "for want of " if may else "FAILURE in CI: " if ci else "in CI a failure: "
        print(f"  {len(names):4}  {how}{why}  ({names[0]}{', ...' if len(names) > 1 else ''})")
    return 1 if ci and any(not may for may, _ in tests) else 0


if __name__ == "__main__":
    sys.exit(main())
