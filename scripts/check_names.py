#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The sphereface-train authors
# SPDX-License-Identifier: MIT
"""No two things with one name: prints each name that two files give to things of their own, and fails.

    scripts/check_names.py

Two types or two inline functions of one name and namespace, linked into one program, are undefined behaviour
that neither compiler nor linker reports: one of them is taken for both. Looked at is what has a name that
other files can see: types, functions (with their parameters' types), and, of headers, constants, aliases
and macros; messages of proto/ are types too. What stands in an unnamed namespace is its file's own.
Headers have different file names too, so that an #include says all.

Reads text, not C++: what clang-format has laid out, where everything of a namespace begins in the first column.
"""

import collections
import pathlib
import re
import subprocess
import sys

HEADERS = {".h", ".cuh"}
# Linked in place of kernels/cuda/, whose names it has.
STAND_INS = "tests/kernels/cuda_host/"
QUALIFIERS = re.compile(r"\[\[.*?\]\]|\balignas\([^()]*\)|\b__launch_bounds__\((?:[^()]|\([^()]*\))*\)")


def without_comments(text):
    """The text with comments and the insides of literals blanked out, on the same lines."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return '""' + "\n" * found.count("\n")
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def balanced(text, opening, closing):
    """The index after the bracket that closes the one with which `text` begins."""
    depth = 0
    for i, c in enumerate(text):
        if c == opening:
            depth += 1
        elif c == closing and text[i - 1] != "-":
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def split_parameters(text):
    parameters, depth, begin = [], 0, 0
    for i, c in enumerate(text):
        if c in "<([{":
            depth += 1
        elif c in ">)]}":
            depth -= 1
        elif c == "," and depth == 0:
            parameters.append(text[begin:i])
            begin = i + 1
    return parameters + [text[begin:]]


def parameter_type(text):
    """`const X& x = 1` -> `const X&`."""
    text = text.split("=")[0].strip()
    parts = re.match(r"(.*[\s&*>])(\w+)((?:\[\w*\])*)$", text)
    if parts and parts.group(1).strip() not in ("const", "unsigned", "struct"):
        text = parts.group(1) + parts.group(3)
    return re.sub(r"\s+", " ", text).strip()


def declarations(text):
    """(line, namespace, text up to `{` or `;`, which of both) of what begins in the first column."""
    lines = without_comments(text).split("\n")
    comments = text.split("\n")
    namespaces = []
    i = 0
    while i < len(lines):
        line = lines[i]
        opened = re.match(r"(?:inline )?namespace\s*([\w:]*)\s*\{\s*$", line)
        if opened:
            namespaces.append(opened.group(1) or None)
        elif line.startswith("}") and comments[i].startswith("}  // namespace"):
            if namespaces:
                namespaces.pop()
        elif line.startswith("#define"):
            yield i + 1, "", line, "#"
        elif re.match(r"[A-Za-z_\[]", line) and None not in namespaces:
            start, whole, depth, end = i, "", 0, None
            while end is None and i < len(lines):
                for c in lines[i]:
                    depth += (c in "([") - (c in ")]")
                    if depth == 0 and c in "{;":
                        end = c
                        break
                    whole += c
                whole += " "
                i += 1
            i -= 1
            yield start + 1, "::".join(n for n in namespaces if n), whole, end
        i += 1


def thing(whole, end, header):
    """What a declaration defines: (kind, name), or None."""
    if end == "#":
        name = re.match(r"#define\s+(\w+)", whole)
        return ("macro", name.group(1)) if header and name else None
    whole = QUALIFIERS.sub(" ", whole).strip()
    template = whole.startswith("template")
    while whole.startswith("template"):
        whole = whole[len("template"):].strip()
        if not whole.startswith("<"):
            return None  # an explicit instantiation
        whole = whole[balanced(whole, "<", ">"):].strip()
        whole = re.sub(r"^requires\s+\w[\w:]*(<[^<>]*>)?\s*", "", whole)
    kind = re.match(r"(class|struct|union|enum(?: class| struct)?)\s+(\w+)(?:\s+final)?\s*(:[^:].*)?$", whole)
    if kind:
        return ("type", kind.group(2)) if end == "{" else None
    alias = re.match(r"using\s+(\w+)\s*=", whole)
    if alias:
        return ("alias", alias.group(1)) if header else None
    if re.match(r"(using|namespace|extern|friend|static_assert|class|struct|enum|union|typedef)\b", whole):
        return None
    constant = re.match(r"(?:inline |static )*(?:constexpr|const)\s[^(]*?\b(\w+)(?:\[\w*\])*\s*(?:=.*)?$", whole)
    if constant:
        return ("constant", constant.group(1)) if header else None
    before, bracket, parameters = whole.partition("(")
    function = re.match(r"(.*[\s&*>])(operator\s*\S*|[\w~]+)$", before.rstrip())
    if not bracket or not function or end != "{":
        return None
    inline = header or re.search(r"\b(inline|constexpr|consteval)\b", function.group(1)) or template
    if not inline or re.search(r"\bstatic\b", function.group(1)) and not header:
        return None  # the linker sees it, or nobody does
    inside = parameters[:balanced(bracket + parameters, "(", ")") - 2]
    types = [parameter_type(p) for p in split_parameters(inside)]
    return "function", f"{function.group(2)}({', '.join(types)})"


def proto_types(text):
    package = re.search(r"^package (\w+(?:\.\w+)*);", text, re.M)
    for i, line in enumerate(text.split("\n")):
        found = re.match(r"(?:message|enum) (\w+) \{", line)
        if found:
            yield i + 1, (package.group(1) if package else "").replace(".", "::"), found.group(1)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.run(["git", "ls-files", "*.h", "*.cuh", "*.cpp", "*.cu", "*.proto"], cwd=root,
                            check=True, capture_output=True, text=True)
    files = [f for f in listed.stdout.splitlines() if (root / f).exists()]
    owners = collections.defaultdict(dict)  # of a name: a line of each file that has it
    for file in files:
        text = (root / file).read_text(encoding="utf-8")
        path = pathlib.Path(file)
        header = path.suffix in HEADERS
        if path.suffix == ".proto":
            for line, namespace, name in proto_types(text):
                owners["type", namespace, name].setdefault(file, line)
            continue
        if header:
            owners["header", "", path.name].setdefault(file, 1)
        for line, namespace, whole, end in declarations(text):
            found = thing(whole, end, header)
            if found:
                owners[found[0], namespace, found[1]].setdefault(file, line)
    twice = {key: where for key, where in owners.items()
             if sum(not file.startswith(STAND_INS) for file in where) > 1}
    for (kind, namespace, name), where in sorted(twice.items()):
        full = f"{namespace}::{name}" if namespace else name
        print(f"{kind} {full}: " + ", ".join(f"{file}:{line}" for file, line in where.items()))
    if twice:
        print(f"check_names: {len(twice)} names have two owners each: rename one, or make them one")
    return 1 if twice else 0


if __name__ == "__main__":
    sys.exit(main())
