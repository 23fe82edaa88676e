"""The peer of bench/Train: the same model, batches and LoRA in PyTorch, as Hugging Face PEFT does it.

usage: peer.py BASE_FOLDER WORK_FOLDER
WORK_FOLDER holds adapter_config.json, adapter_model.safetensors (the start values) and work.json (batches and settings).
Reads "steps N" from standard input, makes N training steps, answers one line of JSON; ends at end of input.
"""
import json
import math
import struct
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}


def read_safetensors(path):
    data = bytearray(Path(path).read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(data[begin:end], dtype=DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).float()
    return tensors


class LoraLinear(nn.Module):
    """A frozen linear layer with LoRA beside it: base(x) + B(A(x))·s."""

    def __init__(self, base, a, b, scaling):
        super().__init__()
        self.base_layer = base
        self.lora_A = nn.Linear(a.shape[1], a.shape[0], bias=False)
        self.lora_B = nn.Linear(b.shape[1], b.shape[0], bias=False)
        self.lora_A.weight.data.copy_(a)
        self.lora_B.weight.data.copy_(b)
        self.scaling = scaling

    def forward(self, x):
        low = F.linear(F.linear(x, self.lora_A.weight.to(x.dtype)), self.lora_B.weight.to(x.dtype))
        return self.base_layer(x) + low * self.scaling


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, eps = config["hidden_size"], config["layer_norm_eps"]
        self.heads = config["num_attention_heads"]
        self.query, self.key, self.value, self.output = (nn.Linear(hidden, hidden) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(hidden, eps=eps), nn.LayerNorm(hidden, eps=eps)
        self.up = nn.Linear(hidden, config["intermediate_size"])
        self.down = nn.Linear(config["intermediate_size"], hidden)

    def forward(self, x, mask):
        batch, length, hidden = x.shape

        def split(t):
            return t.view(batch, length, self.heads, -1).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(hidden // self.heads)
        if mask is not None:
            scores = scores + mask
        context = torch.matmul(scores.softmax(-1, dtype=torch.float32).to(v.dtype), v).transpose(1, 2).reshape(batch, length, hidden)
        x = self.norm1(self.output(context) + x)
        return self.norm2(self.down(F.gelu(self.up(x))) + x)


class Classifier(nn.Module):
    NAMES = {
        "attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value",
        "attention.output.dense": "output", "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "up", "output.dense": "down", "output.LayerNorm": "norm2",
    }

    def __init__(self, config, classes):
        super().__init__()
        hidden = config["hidden_size"]
        self.words = nn.Embedding(config["vocab_size"], hidden)
        self.positions = nn.Embedding(config["max_position_embeddings"], hidden)
        self.types = nn.Embedding(config["type_vocab_size"], hidden)
        self.norm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
        self.blocks = nn.ModuleList(Block(config) for _ in range(config["num_hidden_layers"]))
        self.pooler = nn.Linear(hidden, hidden)
        self.classifier = nn.Linear(hidden, classes)

    def module_of(self, path):
        """The module that Hugging Face calls by this path."""
        path = path[5:] if path.startswith("bert.") else path
        fixed = {"embeddings.word_embeddings": self.words, "embeddings.position_embeddings": self.positions,
                 "embeddings.token_type_embeddings": self.types, "embeddings.LayerNorm": self.norm,
                 "pooler.dense": self.pooler, "classifier": self.classifier}
        if path in fixed:
            return fixed[path], None, None
        index, name = path[len("encoder.layer."):].split(".", 1)
        block = self.blocks[int(index)]
        return getattr(block, self.NAMES[name]), block, self.NAMES[name]

    def load(self, base, adapter, scaling):
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        for name, tensor in base.items():
            path, leaf = name.rsplit(".", 1)
            if path.startswith("cls."):
                continue
            getattr(self.module_of(path)[0], leaf).data.copy_(tensor)
        trained = {name[len("base_model.model."):]: tensor for name, tensor in adapter.items()}
        for name, tensor in trained.items():
            if name.endswith(".lora_A.weight"):
                path = name[:-len(".lora_A.weight")]
                module, block, attribute = self.module_of(path)
                setattr(block, attribute, LoraLinear(module, tensor, trained[path + ".lora_B.weight"], scaling))
            elif ".lora_" not in name:
                path, leaf = name.rsplit(".", 1)
                parameter = getattr(self.module_of(path)[0], leaf)
                parameter.data.copy_(tensor)
                parameter.requires_grad_(path == "classifier")

    def forward(self, ids, mask):
        position = torch.arange(ids.shape[1])
        x = self.norm(self.words(ids) + self.types(torch.zeros_like(ids)) + self.positions(position))
        bias = None if mask is None else (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        for block in self.blocks:
            x = block(x, bias)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])).float())


def batch_of(rows, labels, pad):
    length = max(len(row) for row in rows)
    ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return ids, None if bool(mask.all()) else mask, torch.tensor(labels)


def peak_mib():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return math.nan


def main():
    base_folder, work_folder = Path(sys.argv[1]), Path(sys.argv[2])
    work = json.loads((work_folder / "work.json").read_text())
    torch.set_num_threads(work["threads"])
    config = json.loads((base_folder / "config.json").read_text())
    lora = json.loads((work_folder / "adapter_config.json").read_text())
    model = Classifier(config, work["classes"])
    model.load(read_safetensors(base_folder / "model.safetensors"),
               read_safetensors(work_folder / "adapter_model.safetensors"), lora["lora_alpha"] / lora["r"])
    if work["bfloat16"]:  # the base; adapter and head stay float32
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                if not parameter.requires_grad and module is not model.classifier:
                    parameter.data = parameter.data.bfloat16()
    model.train()
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=work["learning_rate"], weight_decay=0.0, foreach=True)
    # Made before the clock starts: the peer's time is the model's and the optimizer's alone.
    batches = [batch_of(b["rows"], b["labels"], work["pad"]) for b in work["batches"]]
    print(json.dumps({"torch": torch.__version__, "trainable": sum(p.numel() for p in trainable)}), flush=True)

    step = 0
    for line in sys.stdin:
        milliseconds, losses, cpu = [], [], time.process_time()
        for _ in range(int(line.split()[1])):
            ids, mask, labels = batches[step % len(batches)]
            step += 1
            begin = time.perf_counter()
            loss = F.cross_entropy(model(ids, mask), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainable, work["max_gradient_norm"])
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
            milliseconds.append((time.perf_counter() - begin) * 1e3)
        cpu = (time.process_time() - cpu) * 1e3
        print(json.dumps({"ms": milliseconds, "loss": losses, "cpu_ms": cpu, "peak_mib": peak_mib()}), flush=True)


main()
