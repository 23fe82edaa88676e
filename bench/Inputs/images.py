"""Pillow on one thread: decoding and resizing of JPEG files.  usage: images.py make FOLDER | images.py time FOLDER ROUNDS"""
import glob, io, sys, time
import numpy as np
from PIL import Image

if sys.argv[1] == 'make':
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:480, 0:640]
    for n in range(24):
        # Smooth shapes, edges and the noise of a sensor, in the sizes that cameras write.
        a = np.stack([np.sin((x + 40 * n) / (23 + c)) * np.cos(y / (31 - c)) * 90 + 128 + 40 * ((x // 80 + y // 60 + c) % 2) for c in range(3)], -1)
        a += rng.normal(0, 6, a.shape)
        Image.fromarray(np.clip(a, 0, 255).astype(np.uint8)).save(f'{sys.argv[2]}/{n:02}.jpg', quality=[75, 85, 92][n % 3])
else:
    files = [open(f, 'rb').read() for f in sorted(glob.glob(f'{sys.argv[2]}/*.jpg'))]
    for name, filter in (('bilinear', Image.BILINEAR), ('bicubic', Image.BICUBIC)):
        best = float('inf')
        for round in range(int(sys.argv[3]) + 1):
            before = time.process_time()
            images = [Image.open(io.BytesIO(f)).convert('RGB').resize((224, 224), filter) for f in files]
            best = min(best, time.process_time() - before)
        print(f'JPEG to 224 x 224, {name}\t{best:.6f}\t{sum(int(np.asarray(i, dtype=np.int64).sum()) for i in images)}')
