#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The sphereface-train authors
# SPDX-License-Identifier: MIT
"""The same SphereFace-20 training step in this engine and in PyTorch, interleaved in one run.

    python3 -m venv .venv && .venv/bin/pip install torch
    .venv/bin/python bench/peer_pytorch.py --step-bench build/bin/step_bench --json peer.json

On a GPU, with --gpu and --step-bench .../gpu_step_bench, memory is that of PyTorch's tensors and of
the engine's buffers; the libraries' own isn't in either. --gpu-head CLASSES measures PyTorch's head
alone, beside which gpu_head_bench's "whole head" stands.

112x96 images, 10,572 classes, A-Softmax m = 4, SGD with momentum and weight decay. Every contender
is a process of its own that waits for its turn; each round gives each one step, so that whatever
else the machine does falls on all alike. Reported: the median step, images/s, the ratio to PyTorch
at the same precision, and the peak resident memory (for PyTorch also above what `import torch`
itself takes).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

CLASSES = 10572
EMBEDDING = 512


def make_a_softmax_loss(torch):
    """Of x, the head, labels and logits_of(x, normalised head), which multiplies; m = 4,
    lambda = 5."""
    F = torch.nn.functional

    def loss(x, head, labels, logits_of):
        logits = logits_of(x, F.normalize(head))
        norm = x.norm(dim=1, keepdim=True).clamp_min(1e-12)
        cosine = (logits.gather(1, labels[:, None]) / norm).clamp(-1, 1)
        k = (4 * torch.acos(cosine) / torch.pi).floor().detach()
        psi = (-1) ** k * (8 * cosine**4 - 8 * cosine**2 + 1) - 2 * k
        target = norm * (5 * cosine + psi) / 6
        return F.cross_entropy(logits.scatter(1, labels[:, None], target), labels)

    return loss


def measure_head(classes, device):
    """Prints what forward and backward of the head on 512 features take, multiplied in bf16."""
    import torch

    torch.manual_seed(1)
    head = torch.randn(classes, EMBEDDING, device=device).mul_(0.01).requires_grad_()
    x = torch.randn(512, EMBEDDING, device=device, requires_grad=True)
    labels = torch.randint(0, classes, (512,), device=device)

    def logits_of(x, head):
        return (x.bfloat16() @ head.bfloat16().t()).float()

    a_softmax_loss = make_a_softmax_loss(torch)
    loss_of = torch.compile(lambda: a_softmax_loss(x, head, labels, logits_of))
    milliseconds = []
    for run in range(-3, 20):
        x.grad = head.grad = None
        start = time.perf_counter()
        loss_of().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        if run >= 0:
            milliseconds.append(1e3 * (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else float("nan")
    weights = head.numel() * 4 / 1e6
    print(f"PyTorch's head, compiled, {classes} classes: {statistics.median(milliseconds):.3f} ms, "
          f"peak {peak:.0f} MB, of which W's {weights:.0f} and its gradient's as many")


def torch_contender(precision, layout, batch, threads, gpu):
    """One training step for each line on standard input; prints its milliseconds, on a GPU at the
    end "bytes N"."""
    import torch
    from torch import nn

    device = "cuda" if gpu else "cpu"
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    torch.set_default_device(device)
    # What a user who cares for speed sets: algorithms by measurement, the head's products in TF32.
    torch.backends.cudnn.benchmark = gpu
    if gpu:
        torch.set_float32_matmul_precision("high")

    class Unit(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.first = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.first_slope = nn.PReLU(channels)
            self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.second_slope = nn.PReLU(channels)

        def forward(self, x):
            y = self.first_slope(self.first(x))
            return x + self.second_slope(self.second(y))

    def stage(inputs, outputs, units):
        return [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.PReLU(outputs)] + [
            Unit(outputs) for _ in range(units)
        ]

    net = nn.Sequential(
        *stage(3, 64, 1), *stage(64, 128, 2), *stage(128, 256, 4), *stage(256, 512, 1),
        nn.Flatten(), nn.Linear(512 * 7 * 6, EMBEDDING),
    )
    head = nn.Parameter(torch.randn(CLASSES, EMBEDDING) * 0.01)
    images = torch.randn(batch, 3, 112, 96)
    labels = torch.randint(0, CLASSES, (batch,))
    bytes_of_images = torch.randint(0, 256, (batch, 3, 112, 96), dtype=torch.uint8, device="cpu")
    if gpu:
        # As from a loader that does what it can: page-locked, normalised on the card.
        bytes_of_images = bytes_of_images.pin_memory()
    if layout.startswith("channels_last"):
        net = net.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        [*net.parameters(), head], lr=1e-3, momentum=0.9, weight_decay=5e-4
    )

    a_softmax_loss = make_a_softmax_loss(torch)

    def forward(x):
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            x = net(x)
        return a_softmax_loss(x.float(), head, labels, lambda x, head: x @ head.t())

    if layout == "channels_last_compiled":
        forward = torch.compile(forward)

    def input_images():
        if not gpu:
            return images
        on_card = bytes_of_images.to(device, non_blocking=True)
        on_card = on_card.contiguous(memory_format=torch.channels_last)
        return (on_card.float() - 127.5) * 0.0078125

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(input_images())
        loss.backward()
        optimizer.step()
        return loss.item()

    for line in sys.stdin:
        start = time.perf_counter()
        loss = step()
        if not loss == loss:
            sys.exit("the loss is not a number")
        if gpu:
            torch.cuda.synchronize()
        print(1e3 * (time.perf_counter() - start), flush=True)
    if gpu:
        print("bytes", torch.cuda.max_memory_allocated())


class Contender:
    def __init__(self, name, peer, command, threads):
        self.name = name
        self.peer = peer  # the contender it is compared with
        self.milliseconds = []
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def step(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with {self.process.wait()}")
        return float(line)

    def peak_megabytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) / 1e3
        return 0.0

    def finish(self):
        """Ends it; what it said last."""
        self.process.stdin.close()
        last = self.process.stdout.read()
        self.process.wait()
        return last


def import_megabytes():
    """Peak memory of a process that only imports torch."""
    code = (
        "import torch, resource;"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)"
    )
    return float(subprocess.check_output([sys.executable, "-c", code]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step-bench", default="build/bin/step_bench")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json")
    parser.add_argument("--gpu", action="store_true", help="compare on a GPU")
    parser.add_argument("--gpu-head", type=int, metavar="CLASSES", help="PyTorch's head alone")
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        torch_contender(*arguments.contender, arguments.batch, arguments.threads, arguments.gpu)
        return

    if arguments.gpu_head:
        measure_head(arguments.gpu_head, "cuda")
        return

    def ours(precision, convolution):
        command = [
            arguments.step_bench, "--on-request", "--network", "sphereface-20",
            "--classes", str(CLASSES), "--batch", str(arguments.batch), "--precision", precision,
            "--convolution", convolution,
        ]
        return command if arguments.gpu else [*command, "--threads", str(arguments.threads)]

    def torch_command(precision, layout):
        command = [
            sys.executable, __file__, "--batch", str(arguments.batch),
            "--threads", str(arguments.threads), "--contender", precision, layout,
        ]
        return [*command, "--gpu"] if arguments.gpu else command

    gpu_rows = [
        ("PyTorch bf16 autocast channels-last", "PyTorch compiled",
         torch_command("bf16", "channels_last")),
        ("PyTorch compiled", "PyTorch compiled", torch_command("bf16", "channels_last_compiled")),
        ("bf16, fastest", "PyTorch compiled", ours("bf16", "fastest")),
        ("bf16, same bits", "PyTorch compiled", ours("bf16", "direct")),
    ]
    rows = gpu_rows if arguments.gpu else [
        ("PyTorch fp32", "PyTorch fp32", torch_command("fp32", "contiguous")),
        ("PyTorch fp32 channels-last", "PyTorch fp32", torch_command("fp32", "channels_last")),
        ("PyTorch bf16 autocast", "PyTorch bf16 autocast", torch_command("bf16", "contiguous")),
        ("PyTorch bf16 autocast channels-last", "PyTorch bf16 autocast",
         torch_command("bf16", "channels_last")),
        ("fp32, direct", "PyTorch fp32", ours("fp32", "direct")),
        ("fp32, fastest", "PyTorch fp32", ours("fp32", "fastest")),
        ("bf16", "PyTorch bf16 autocast", ours("bf16", "direct")),
    ]
    contenders = []
    for name, peer, command in rows:
        contender = Contender(name, peer, command, arguments.threads)
        contender.step()  # alone: measurements at the start of one don't disturb another
        contenders.append(contender)
    for turn in range(arguments.rounds):
        for contender in contenders:
            contender.milliseconds.append(contender.step())
        print(f"round {turn + 1} of {arguments.rounds}", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)

    floor = import_megabytes()
    by_name = {}
    for contender in contenders:
        median = statistics.median(contender.milliseconds)
        by_name[contender.name] = {
            "milliseconds": median,
            "images_per_second": 1e3 * arguments.batch / median,
            "peak_megabytes": contender.peak_megabytes(),
        }
        last = contender.finish().split()
        if arguments.gpu:
            by_name[contender.name]["peak_megabytes"] = int(last[1]) / 1e6
    machine = "on a GPU" if arguments.gpu else f"{arguments.threads} threads"
    print(f"SphereFace-20, batch {arguments.batch}, {machine}, "
          f"{arguments.rounds} interleaved rounds")
    print(f"{'':38}{'ms':>8}{'images/s':>10}{'speed':>8}{'peak MB':>9}{'memory':>8}")
    for contender in contenders:
        row = by_name[contender.name]
        peer = by_name[contender.peer]
        # The ratio of each round, then the median: what disturbs a round disturbs both.
        other = next(c for c in contenders if c.name == contender.peer)
        row["speed_ratio"] = statistics.median(
            b / a for a, b in zip(contender.milliseconds, other.milliseconds)
        )
        row["memory_ratio"] = row["peak_megabytes"] / peer["peak_megabytes"]
        print(f"{contender.name:38}{row['milliseconds']:8.1f}{row['images_per_second']:10.1f}"
              f"{row['speed_ratio']:7.2f}x{row['peak_megabytes']:9.0f}{row['memory_ratio']:7.2f}x")
    if not arguments.gpu:
        print(f"importing torch alone takes {floor:.0f} MB")
    if arguments.json:
        result = {"batch": arguments.batch, "threads": arguments.threads,
                  "rounds": arguments.rounds, "torch_import_megabytes": floor,
                  "contenders": by_name}
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
