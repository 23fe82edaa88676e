"""HF PEFT's side: makes the model folder, and times LoRA training steps in bf16.

peer.py make CASE FOLDER            random weights of the real shape, in bf16
peer.py time CASE FOLDER ROWS LENGTH STEPS [TARGETS]
"""
import json, statistics, sys, time
import torch
from transformers import BertConfig, BertForSequenceClassification, ViTConfig, ViTForImageClassification, LlamaConfig, LlamaForCausalLM


def build(case):
    torch.manual_seed(0)
    if case.startswith("bert"):
        return BertForSequenceClassification(BertConfig(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=2))
    if case.startswith("vit"):
        return ViTForImageClassification(ViTConfig(num_labels=2))
    return LlamaForCausalLM(LlamaConfig(vocab_size=32000, hidden_size=2048, intermediate_size=5632, num_hidden_layers=22,
                                        num_attention_heads=32, num_key_value_heads=4, max_position_embeddings=2048, tie_word_embeddings=False))


def main():
    action, case, folder = sys.argv[1:4]
    if action == "make":
        build(case).to(torch.bfloat16).save_pretrained(folder)
        return
    from peft import LoraConfig, get_peft_model
    rows, length, steps = map(int, sys.argv[4:7])
    targets = sys.argv[7] if len(sys.argv) > 7 else "query,value"
    model = build_class(case).from_pretrained(folder, dtype=torch.bfloat16).cuda()
    task = {"bert": "SEQ_CLS", "llam": "CAUSAL_LM"}.get(case[:4])
    save = None if case.startswith("llama") else ["classifier"]
    config = LoraConfig(r=8, lora_alpha=16, target_modules=targets if targets == "all-linear" else targets.split(","), task_type=task, modules_to_save=save)
    model = get_peft_model(model, config)
    model.train()
    import random
    random.seed(0)
    if case.startswith("vit"):
        batch = {"pixel_values": torch.randn(rows, 3, length, length, device="cuda", dtype=torch.bfloat16), "labels": torch.arange(rows, device="cuda") % 2}
    else:
        ids = torch.tensor([[random.randrange(1000, 30000) for _ in range(length)] for _ in range(rows)], device="cuda")
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        batch["labels"] = ids if case.startswith("llama") else torch.arange(rows, device="cuda") % 2
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, weight_decay=0.0)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        return loss

    for _ in range(60):
        step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        loss = step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"side": "hf-peft", "case": case, "mode": "eager", "rows": rows, "length": length, "step_ms": round(statistics.median(times), 2),
                      "peak_mib": torch.cuda.max_memory_allocated() >> 20, "loss": float(loss),
                      "trainable": sum(p.numel() for p in model.parameters() if p.requires_grad)}))


def build_class(case):
    return BertForSequenceClassification if case.startswith("bert") else ViTForImageClassification if case.startswith("vit") else LlamaForCausalLM


main()
