"""Writes test/data/audio-cases: sound files of many kinds, and what torchaudio makes of samples.
   audio.py OUT     needs Debian's python3-torchaudio, python3-soundfile and python3-numpy; the tests read the folder as audio-cases.tar.br
cases.json lists them; expected numbers (float32) stand one after the other in expected.bin."""
import json, os, sys
import numpy as np, soundfile, torch, torchaudio

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(11)
expected, cases = open(f'{out}/expected.bin', 'wb'), {'decode': [], 'resample': [], 'fbank': [], 'whisper': []}


def store(array):
    at = expected.tell() // 4
    expected.write(np.ascontiguousarray(array, dtype='<f4').tobytes())
    return {'at': at, 'count': int(np.asarray(array).size)}


def sound(rate, seconds, channels=1):
    t = np.arange(int(rate * seconds)) / rate
    a = 0.4 * np.sin(2 * np.pi * 300 * t * (1 + t)) + 0.1 * np.sin(2 * np.pi * 1700 * t) + 0.02 * rng.standard_normal(t.size)
    return np.stack([np.roll(a, 40 * c) for c in range(channels)], -1)


for name, subtype, rate, channels in [('u8.wav', 'PCM_U8', 8000, 1), ('s16.wav', 'PCM_16', 22050, 2), ('s24.wav', 'PCM_24', 48000, 3), ('s32.wav', 'PCM_32', 16000, 1),
                                      ('f32.wav', 'FLOAT', 16000, 2), ('f64.wav', 'DOUBLE', 11025, 1), ('ulaw.wav', 'ULAW', 8000, 1), ('s16.flac', 'PCM_16', 44100, 2),
                                      ('s24.flac', 'PCM_24', 16000, 1), ('stereo.ogg', 'VORBIS', 44100, 2), ('mono.mp3', 'MPEG_LAYER_III', 32000, 1)]:
    a = sound(rate, 0.3, channels)
    soundfile.write(f'{out}/{name}', a, rate, subtype=subtype)
    # What went in, not what a decoder gives back: 'steps' is how coarse the format is, null where it loses more than rounding.
    steps = {'PCM_U8': 2 ** 7, 'PCM_16': 2 ** 15, 'PCM_24': 2 ** 23, 'PCM_32': 2 ** 31, 'FLOAT': 2 ** 23, 'DOUBLE': 2 ** 23}.get(subtype)
    cases['decode'].append({'file': name, 'rate': rate, 'steps': steps, **store(a.mean(-1))})

for old, new in [(44100, 16000), (48000, 16000), (8000, 16000), (22050, 16000), (16000, 44100), (11025, 16000), (16000, 8000), (32000, 16000), (12345, 16000), (96000, 16000)]:
    a = sound(old, 0.12)[:, 0]
    r = torchaudio.functional.resample(torch.tensor(a, dtype=torch.float32), old, new).numpy()
    cases['resample'].append({'from': old, 'to': new, 'input': store(a), **store(r)})

for rate, bands in [(16000, 128), (16000, 64), (8000, 40), (22050, 80)]:
    a = torch.tensor(sound(rate, 0.35)[:, 0], dtype=torch.float32)
    r = torchaudio.compliance.kaldi.fbank(a[None], sample_frequency=rate, window_type='hanning', num_mel_bins=bands)
    cases['fbank'].append({'rate': rate, 'bands': bands, 'input': store(a), **store(r)})

for bands, size, hop in [(80, 400, 160), (128, 400, 160), (40, 512, 128)]:
    a = torch.zeros(16000)
    a[:9000] = torch.tensor(sound(16000, 1)[:9000, 0], dtype=torch.float32)
    power = torch.stft(a, size, hop, window=torch.hann_window(size), return_complex=True)[..., :-1].abs() ** 2
    mel = torchaudio.functional.melscale_fbanks(size // 2 + 1, 0, 8000, bands, 16000, 'slaney', 'slaney').T @ power
    log = mel.clamp(min=1e-10).log10()
    r = (torch.maximum(log, log.max() - 8) + 4) / 4
    cases['whisper'].append({'bands': bands, 'size': size, 'hop': hop, 'input': store(a[:9000]), **store(r)})
json.dump(cases, open(f'{out}/cases.json', 'w'), indent=1)
