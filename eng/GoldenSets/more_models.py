"""Makes golden cases beside those of the first set, in its layout: a mixture-of-experts decoder with LoRA on its expert
tensors, methods on layers that are not linear (Conv1D, convolutions, embeddings), and settings the first set leaves out.
Needs torch, transformers and peft (the committed archive: transformers 5.17, peft 0.21, torch 2.11, seed 1).
usage: more_models.py OUTDIR SEED"""
import copy, json, os, sys, traceback
import torch, transformers, peft
from safetensors.torch import save_file

OUT, SEED = os.path.abspath(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(4)
H, L, A, V, I = 32, 2, 4, 97, 64
REPORT = {'transformers': transformers.__version__, 'peft': peft.__version__, 'torch': torch.__version__, 'seed': SEED,
          'cases': [], 'failed': []}


def gen(offset):
    return torch.Generator().manual_seed(SEED + offset)


def token_inputs(kind, invocation=None):
    g = gen(7)
    ids = torch.randint(5, V, (3, 11), generator=g)
    mask = torch.ones(3, 11, dtype=torch.long)
    mask[1, 7:], ids[1, 7:] = 0, 1
    if invocation:                                        # twice in row 0, once in row 1, never in row 2
        ids[ids == invocation[0]] = 5
        for row, at in ((0, 2), (0, 6), (1, 3)):
            ids[row, at:at + len(invocation)] = torch.tensor(invocation)
    if kind == 'seq':
        return dict(input_ids=ids, attention_mask=mask), dict(labels=torch.randint(0, 3, (3,), generator=g))
    return dict(input_ids=ids, attention_mask=mask), dict(labels=ids.masked_fill(mask == 0, -100))


def images():
    return dict(pixel_values=torch.randn(3, 3, 16, 16, generator=gen(8))), dict(labels=torch.tensor([0, 3, 1]))


def sounds():
    return dict(input_values=torch.randn(3, 800, generator=gen(9))), dict(labels=torch.tensor([0, 1, 3]))


T = transformers
DECODER = dict(vocab_size=V, hidden_size=H, num_hidden_layers=L, num_attention_heads=A, num_key_value_heads=A // 2,
               intermediate_size=I, max_position_embeddings=64, tie_word_embeddings=False, attention_dropout=0.0,
               pad_token_id=1, bos_token_id=2, eos_token_id=3)
ENCODER = dict(vocab_size=V, hidden_size=H, num_hidden_layers=L, num_attention_heads=A, intermediate_size=I,
               max_position_embeddings=40, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
VISION = dict(hidden_size=H, num_hidden_layers=L, num_attention_heads=A, intermediate_size=I, image_size=16, patch_size=4,
              hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=4)
SPEECH = dict(hidden_size=H, num_hidden_layers=L, num_attention_heads=A, intermediate_size=I, conv_dim=(16, 16, 16),
              conv_kernel=(10, 3, 3), conv_stride=(5, 2, 2), num_feat_extract_layers=3, num_conv_pos_embeddings=8,
              num_conv_pos_embedding_groups=4, hidden_dropout=0.0, activation_dropout=0.0, attention_dropout=0.0,
              feat_proj_dropout=0.0, final_dropout=0.0, layerdrop=0.0, apply_spec_augment=False, mask_time_prob=0.0,
              num_labels=4, classifier_proj_size=20, vocab_size=30)

def mixtral(cls, **more):
    return lambda: cls(T.MixtralConfig(**{**DECODER, 'intermediate_size': 48, **more}, num_local_experts=4, num_experts_per_tok=2))

LLAMA = lambda: T.LlamaForCausalLM(T.LlamaConfig(**DECODER))
GPT2 = lambda: T.GPT2LMHeadModel(T.GPT2Config(vocab_size=V, n_embd=H, n_layer=L, n_head=A, n_positions=64, resid_pdrop=0.0,
                                              embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=2, eos_token_id=3))
INVOCATION = [7, 9]


def layer_methods(targets, task, **fan):
    """Every tuner of peft on the given layers: what it refuses goes into the report."""
    t = dict(target_modules=targets, **(dict(task_type=task) if task else {}))
    yield 'lora', 'LoraConfig', dict(r=4, lora_alpha=8, **fan, **t)
    yield 'lora-bias', 'LoraConfig', dict(r=4, lora_alpha=8, lora_bias=True, **fan, **t)
    yield 'dora', 'LoraConfig', dict(r=4, lora_alpha=8, use_dora=True, **fan, **t)
    yield 'pissa', 'LoraConfig', dict(r=4, lora_alpha=4, init_lora_weights='pissa', **fan, **t)
    yield 'adalora', 'AdaLoraConfig', dict(init_r=6, target_r=3, lora_alpha=8, total_step=20, tinit=2, tfinal=4, deltaT=2, **fan, **t)
    yield 'loha', 'LoHaConfig', dict(r=3, alpha=6, **t)
    yield 'loha-effective', 'LoHaConfig', dict(r=3, alpha=6, use_effective_conv2d=True, **t)
    yield 'lokr', 'LoKrConfig', dict(r=3, alpha=6, **t)
    yield 'lokr-factor', 'LoKrConfig', dict(r=2, alpha=6, decompose_both=True, decompose_factor=4, **t)
    yield 'lokr-effective', 'LoKrConfig', dict(r=2, alpha=6, use_effective_conv2d=True, decompose_factor=4, **t)
    yield 'ia3', 'IA3Config', dict(feedforward_modules=[], **fan, **t)
    yield 'ia3-feedforward', 'IA3Config', dict(feedforward_modules=targets, **fan, **t)
    yield 'vera', 'VeraConfig', dict(r=8, projection_prng_key=SEED, d_initial=0.1, **fan, **t)
    yield 'pvera', 'PveraConfig', dict(r=8, projection_prng_key=SEED, **fan, **t)
    yield 'randlora', 'RandLoraConfig', dict(r=4, projection_prng_key=SEED, **fan, **t)
    yield 'fourierft', 'FourierFTConfig', dict(n_frequency=20, scaling=30.0, random_loc_seed=SEED, **fan, **t)
    yield 'waveft', 'WaveFTConfig', dict(n_frequency=24, scaling=5.0, random_loc_seed=SEED, **fan, **t)
    yield 'oft', 'OFTConfig', dict(r=0, oft_block_size=8, module_dropout=0.0, **fan, **t)
    yield 'oft-three', 'OFTConfig', dict(r=0, oft_block_size=3, module_dropout=0.0, **fan, **t)
    yield 'boft', 'BOFTConfig', dict(boft_block_size=4, boft_n_butterfly_factor=2, boft_dropout=0.0, **fan, **t)
    yield 'hra', 'HRAConfig', dict(r=4, **t)
    yield 'hra-gs', 'HRAConfig', dict(r=4, apply_GS=True, **t)
    yield 'vblora', 'VBLoRAConfig', dict(r=2, num_vectors=16, vector_length=8, topk=2, save_only_topk_weights=False, vblora_dropout=0.0, **fan, **t)
    yield 'shira', 'ShiraConfig', dict(r=2, random_seed=SEED, **fan, **t)
    yield 'c3a', 'C3AConfig', dict(block_size=8, **t)
    yield 'road', 'RoadConfig', dict(variant='road_1', group_size=8, **t)
    yield 'miss', 'MissConfig', dict(r=4, **t)
    yield 'delora', 'DeloraConfig', dict(r=4, **t)
    yield 'lily', 'LilyConfig', dict(r=4, **t)
    yield 'hira', 'HiraConfig', dict(r=4, **fan, **t)
    yield 'gralora', 'GraloraConfig', dict(r=4, alpha=8, gralora_k=2, **fan, **t)
    yield 'glora', 'GloraConfig', dict(r=4, **t)
    yield 'tinylora', 'TinyLoraConfig', dict(r=2, u=8, projection_seed=SEED, **fan, **t)
    yield 'unilora', 'UniLoraConfig', dict(r=4, theta_d_length=64, proj_seed=SEED, **fan, **t)
    yield 'adamss', 'AdamssConfig', dict(r=8, num_subspaces=3, subspace_rank=1, random_seed=SEED, **t)
    yield 'frod', 'FrodConfig', dict(projection_prng_key=SEED, sparse_rate=0.05, progressbar=False, **fan, **t)
    yield 'psoft', 'PsoftConfig', dict(r=8, psoft_alpha=8, psoft_svd='full', **fan, **t)
    yield 'osf', 'OSFConfig', dict(effective_rank=8, **t)
    yield 'supertuning', 'SupertuningConfig', dict(sparsity=0.05, **t)
    yield 'beft', 'BeftConfig', dict(**t)
    yield 'deft-hf', 'DeftConfig', dict(r=4, **fan, **t)
    yield 'peanut', 'PeanutConfig', dict(r=4, depth=0, **t)
    yield 'poly', 'PolyConfig', dict(r=4, n_tasks=2, n_skills=2, n_splits=2, **t)


def settings():
    """Settings of known methods on LLaMA."""
    q, t = ['q_proj', 'v_proj'], dict(task_type='CAUSAL_LM')
    lora = dict(r=4, lora_alpha=8, **t)
    yield 'lora-mica', 'LoraConfig', dict(init_lora_weights='mica', target_modules=q, **lora)
    yield 'lora-orthogonal', 'LoraConfig', dict(init_lora_weights='orthogonal', target_modules=q, **lora)
    yield 'lora-bias-all', 'LoraConfig', dict(bias='all', target_modules=q, **lora)
    yield 'lora-regex', 'LoraConfig', dict(target_modules=r'.*layers\.1\..*(q|o)_proj', **lora)
    yield 'lora-exclude', 'LoraConfig', dict(target_modules='all-linear', exclude_modules=['down_proj', 'k_proj'], **lora)
    yield 'lora-layers', 'LoraConfig', dict(target_modules=q, layers_to_transform=1, layers_pattern='layers', **lora)
    yield 'lora-head', 'LoraConfig', dict(target_modules=q + ['lm_head'], **lora)
    yield 'lora-save-norm', 'LoraConfig', dict(target_modules=q, modules_to_save=['norm'], **lora)
    yield 'lora-save-embedding', 'LoraConfig', dict(target_modules=q, modules_to_save=['embed_tokens'], **lora)
    yield 'lora-replication', 'LoraConfig', dict(target_modules=q, layer_replication=[[0, 2], [1, 2]], **lora)
    yield 'lora-tokens-two', 'LoraConfig', dict(target_modules=q, trainable_token_indices={'embed_tokens': [7, 9], 'lm_head': [4]}, **lora)
    yield 'dora-embedding', 'LoraConfig', dict(target_modules=q + ['embed_tokens'], use_dora=True, **lora)
    yield 'trainable-tokens', 'TrainableTokensConfig', dict(token_indices=[7, 9, 12], target_modules=['embed_tokens'], **t)
    yield 'vblora-topk', 'VBLoRAConfig', dict(r=2, num_vectors=16, vector_length=8, topk=2, save_only_topk_weights=True, target_modules=q, vblora_dropout=0.0, **t)
    yield 'waveft-proportional', 'WaveFTConfig', dict(n_frequency=24, scaling=5.0, proportional_parameters=True, target_modules=q, **t)
    yield 'waveft-db2', 'WaveFTConfig', dict(n_frequency=24, scaling=5.0, wavelet_family='db2', target_modules=q, **t)
    yield 'miss-mini', 'MissConfig', dict(r=4, mini_r=2, init_weights='mini', target_modules=q, **t)
    yield 'oft-shared', 'OFTConfig', dict(r=0, oft_block_size=8, block_share=True, target_modules=q, **t)
    yield 'oft-coft', 'OFTConfig', dict(r=0, oft_block_size=8, coft=True, eps=6e-5, target_modules=q, **t)
    yield 'lokr-full', 'LoKrConfig', dict(r=64, alpha=6, target_modules=q, **t)
    yield 'lokr-dora', 'LoKrConfig', dict(r=2, alpha=6, weight_decompose=True, target_modules=q, **t)
    yield 'loha-patterns', 'LoHaConfig', dict(r=3, alpha=6, rank_pattern={'q_proj': 2}, alpha_pattern={'v_proj': 3}, target_modules=q, **t)
    yield 'randlora-sparse', 'RandLoraConfig', dict(r=4, sparse=True, projection_prng_key=SEED, target_modules=q, **t)
    yield 'randlora-very-sparse', 'RandLoraConfig', dict(r=4, very_sparse=True, projection_prng_key=SEED, target_modules=q, **t)
    yield 'hra-symmetric', 'HRAConfig', dict(r=4, apply_GS=True, target_modules=q, **t)
    yield 'prefix-projection', 'PrefixTuningConfig', dict(num_virtual_tokens=5, prefix_projection=True, encoder_hidden_size=16, **t)
    yield 'multitask', 'MultitaskPromptTuningConfig', dict(num_virtual_tokens=5, num_tasks=3, num_ranks=2, prompt_tuning_init='RANDOM', **t)
    yield 'cpt', 'CPTConfig', dict(cpt_token_ids=[5, 8, 13, 21], cpt_mask=[1, 1, 1, 1], cpt_tokens_type_mask=[1, 2, 3, 4], **t)
    yield 'cartridge', 'CartridgeConfig', dict(num_virtual_tokens=5, num_frozen_tokens=1, **t)
    yield 'adaption-one', 'AdaptionPromptConfig', dict(adapter_len=3, adapter_layers=1, **t)


def sets():
    seq, lm = (lambda: token_inputs('seq')), (lambda: token_inputs('lm'))
    c = dict(task_type='CAUSAL_LM')
    def experts():
        yield 'lora', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj'], **c)
        yield 'dora', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj'], use_dora=True, **c)
        both = ['mlp.experts.gate_up_proj', 'mlp.experts.down_proj']
        yield 'lora-experts', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=[], target_parameters=both, **c)
        yield 'lora-experts-down', 'LoraConfig', dict(r=3, lora_alpha=6, target_modules=[], target_parameters=both[1:], use_rslora=True, **c)
        yield 'lora-experts-attention', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj'], target_parameters=both, **c)
        yield 'lora-experts-pattern', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=[], target_parameters=both, rank_pattern={'experts.down_proj': 2}, **c)
    yield 'mixtral', mixtral(T.MixtralForCausalLM), lm, experts
    yield 'mixtral-window', mixtral(T.MixtralForSequenceClassification, num_labels=3, sliding_window=4), seq, lambda: iter(
        [('lora', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj'], task_type='SEQ_CLS'))])
    yield 'gpt2-conv1d', GPT2, lm, lambda: layer_methods(['c_attn', 'c_proj'], 'CAUSAL_LM', fan_in_fan_out=True)
    yield 'vit-conv', lambda: T.ViTForImageClassification(T.ViTConfig(**VISION)), images, lambda: layer_methods(['projection'], None)
    yield 'wav2vec2-conv', lambda: T.Wav2Vec2ForSequenceClassification(T.Wav2Vec2Config(**SPEECH)), sounds, lambda: layer_methods(
        ['conv_layers.1.conv', 'conv_layers.2.conv'], None)
    yield 'bert-embedding', lambda: T.BertForSequenceClassification(T.BertConfig(**ENCODER, num_labels=3)), seq, lambda: layer_methods(
        ['word_embeddings'], 'SEQ_CLS')
    yield 'llama-settings', LLAMA, lm, settings
    yield 'llama-alora', LLAMA, lambda: token_inputs('lm', INVOCATION), lambda: iter(
        [('alora', 'LoraConfig', dict(r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj'], alora_invocation_tokens=INVOCATION, **c))])


def outputs(o):
    r = {k: getattr(o, k).detach().float().contiguous().clone() for k in ('logits',) if torch.is_tensor(getattr(o, k, None))}
    if getattr(o, 'loss', None) is not None:
        r['loss'] = o.loss.detach().float().reshape(1)
    return r


def save(tensors, path):
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)


def spread(base):
    """Values that are not trivial, with norms near 1, as in the first set."""
    g = gen(3)
    with torch.no_grad():
        for n, p in base.named_parameters():
            if p.dim() < 2: p.add_(torch.randn(p.shape, generator=g) * 0.1)
            else: p.copy_(torch.randn(p.shape, generator=g) * (p.shape[-1] if 'experts' in n else p[0].numel()) ** -0.5)


def noise(model, name):
    if name in ('pissa',): return
    g = gen(11)
    for n, p in model.named_parameters():
        if p.requires_grad and not any(w in n for w in ('original_module', 'magnitude', 'classifier', 'score')):
            with torch.no_grad():
                p.add_(torch.randn(p.shape, generator=g).to(p.dtype) * (0.03 if name.split('-')[0] in ('ia3', 'oft', 'boft') else 0.05))


def case(folder, model_name, name, config, fresh, x, y):
    y = dict(y)
    if name == 'poly': x = dict(x, task_ids=torch.tensor([0, 1, 1]))
    if name == 'multitask': x = dict(x, task_ids=torch.tensor([0, 2, 1]))
    torch.manual_seed(SEED)
    m = peft.get_peft_model(fresh(), config).eval()
    noise(m, name)
    ex = {}
    m.zero_grad(); o = m(**x, **y); ex.update(outputs(o)); o.loss.backward()
    for n, p in m.named_parameters():
        if p.requires_grad and p.grad is not None: ex['grad.' + n] = p.grad.detach().clone()
    path = f'{folder}/{name}'
    m.save_pretrained(path)
    trained, total = m.get_nb_trainable_parameters()
    if name != 'adalora':
        opt = torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=5e-3, weight_decay=0.01)
        losses = []
        for _ in range(8):
            opt.zero_grad(); loss = m(**x, **y).loss; loss.backward(); opt.step(); losses.append(loss.item())
        ex['train_losses'] = torch.tensor(losses)
    diff, merged = None, None
    try:
        torch.manual_seed(SEED)
        again = peft.PeftModel.from_pretrained(fresh(), path).eval()
        with torch.no_grad():
            diff = max((v - ex[k]).abs().max() for k, v in outputs(again(**x, **y)).items())
            ex['reloaded_max_abs_diff'] = diff.reshape(1)
            again = again.merge_and_unload()
            xx = {k: v for k, v in x.items() if k != 'task_ids'}
            for k, v in outputs(again(**xx, **y)).items(): ex['merged.' + k] = v
        merged = True
    except Exception as e:
        merged = repr(e)[:160]
    save(ex, f'{path}/expected.safetensors')
    REPORT['cases'].append(dict(model=model_name, adapter=name, trainable=trained, total=total, merged=merged,
                                reload_diff=None if diff is None else float(diff)))


def xlora(folder, fresh, x, y):
    """Two LoRA experts and a classifier that mixes them; paths are relative to the folder of the case."""
    for name, options in (('xlora', {}), ('xlora-layerwise', dict(layerwise_scalings=True, xlora_depth=2, xlora_size=8, top_k_lora=1)),
                          ('xlora-topk', dict(enable_softmax_topk=True, top_k_lora=2, softmax_temperature=0.7, scaling_pass_value=0.5, global_scaling_weight=1.5))):
        path = f'{folder}/{name}'; os.makedirs(path, exist_ok=True); here = os.getcwd(); os.chdir(path)
        try:
            for i in range(2):
                torch.manual_seed(SEED + i)
                e = peft.get_peft_model(fresh(), peft.LoraConfig(r=3 + i, lora_alpha=6, target_modules=['q_proj', 'v_proj'], task_type='CAUSAL_LM'))
                g = gen(31 + i)
                with torch.no_grad():
                    for n, p in e.named_parameters():
                        if 'lora_' in n: p.copy_(torch.randn(p.shape, generator=g) * 0.2)
                e.save_pretrained(f'expert-{i}')
            torch.manual_seed(SEED)
            base = fresh(); base.config.use_cache = False
            m = peft.get_peft_model(base, peft.XLoraConfig(task_type='CAUSAL_LM', hidden_size=H, xlora_dropout_p=0.0,
                                    adapters={'0': 'expert-0', '1': 'expert-1'}, **options)).eval()
            g = gen(37)
            with torch.no_grad():
                for n, p in m.named_parameters():
                    if 'xlora_classifier' in n: p.copy_(torch.randn(p.shape, generator=g) * 0.3)
            trained = [(n, p) for n, p in m.named_parameters() if p.requires_grad]
            ex = {}
            m.zero_grad(); o = m(**x, **y); ex.update(outputs(o)); o.loss.backward()
            for n, p in trained:
                if p.grad is not None: ex['grad.' + n] = p.grad.detach().clone()
            m.save_pretrained('.')
            opt = torch.optim.AdamW([p for _, p in trained], lr=5e-3, weight_decay=0.01); losses = []
            for _ in range(8):
                opt.zero_grad(); loss = m(**x, **y).loss; loss.backward(); opt.step(); losses.append(loss.item())
            ex['train_losses'] = torch.tensor(losses)
            save(ex, 'expected.safetensors')
            REPORT['cases'].append(dict(model='llama-xlora', adapter=name, trainable=sum(p.numel() for _, p in trained), names=[n for n, _ in trained]))
        except Exception as e:
            traceback.print_exc(limit=4); REPORT['failed'].append(['llama-xlora', name, repr(e)[:300]])
        os.chdir(here)


def main():
    work = list(sets()) + [('llama-xlora', LLAMA, lambda: token_inputs('lm'), None)]
    for model_name, make, inputs, adapters in work:
        folder = f'{OUT}/{model_name}'; os.makedirs(folder, exist_ok=True)
        torch.manual_seed(SEED); base = make().eval(); spread(base); base.save_pretrained(folder)
        state = copy.deepcopy(base.state_dict()); x, y = inputs()
        save({**x, **y}, f'{folder}/inputs.safetensors')
        with torch.no_grad(): save(outputs(base(**x, **y)), f'{folder}/expected.safetensors')
        def fresh():
            torch.manual_seed(SEED); m = make(); m.load_state_dict(state); return m.eval()
        if adapters is None:
            xlora(folder, fresh, x, y); continue
        for name, cls, options in adapters():
            try:
                case(folder, model_name, name, getattr(peft, cls)(**options), fresh, x, y)
            except Exception as e:
                REPORT['failed'].append([model_name, name, repr(e)[:300]])
    for root, _, files in os.walk(OUT):
        for f in files:
            if f in ('README.md', 'generation_config.json'): os.remove(os.path.join(root, f))
    json.dump(REPORT, open(f'{OUT}/report.json', 'w'), indent=1)
    print(REPORT['transformers'], REPORT['peft'], len(REPORT['cases']), 'cases', len(REPORT['failed']), 'failed')
    for c in REPORT['cases']:
        if c.get('reload_diff') or c.get('merged') is not True: print('  ', c)
    for f in REPORT['failed']: print(f)


main()
