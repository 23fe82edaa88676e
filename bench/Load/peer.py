"""The peer of bench/Load: the same safetensors file read into PyTorch tensors of Float32, each straight into its memory.

usage: peer.py FOLDER
Answers one line of JSON: milliseconds of a first and a second load, resident bytes before and at the peak, bytes of the weights.
"""
import json
import struct
import sys
import time

import torch

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def load(path):
    tensors = {}
    with open(path, "rb", buffering=0) as file:
        header_length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(header_length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            tensor = torch.empty(entry["shape"], dtype=DTYPES[entry["dtype"]])
            file.seek(8 + header_length + entry["data_offsets"][0])
            target = memoryview(tensor.view(-1).view(torch.uint8).numpy() if tensor.dtype != torch.float32 else tensor.numpy()).cast("B")
            done = 0
            while done < len(target):
                done += file.readinto(target[done:])
            tensors[name] = tensor.float()
    return tensors


def main():
    path = sys.argv[1] + "/model.safetensors"
    before, times, peak, weights = status("VmRSS:"), [], 0, 0
    for _ in range(2):
        begin = time.perf_counter()
        tensors = load(path)
        times.append((time.perf_counter() - begin) * 1e3)
        weights = sum(t.numel() * t.element_size() for t in tensors.values())
        peak = peak or status("VmHWM:")
        del tensors
    print(json.dumps({"FirstMs": times[0], "SecondMs": times[1], "BeforeBytes": before, "PeakBytes": peak, "WeightBytes": weights}))


main()
