"""Writes test/data/image-cases: pictures of many kinds and what Pillow makes of them.
   images.py OUT     needs Debian's python3-pil and python3-numpy; the tests read the folder as image-cases.tar.br
cases.json lists them; expected bytes stand one after the other in expected.bin, red, green, blue, row by row."""
import io, json, os, struct, sys, zlib
import numpy as np
from PIL import Image, ImageEnhance, ImageOps

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)
expected, cases = open(f'{out}/expected.bin', 'wb'), {'decode': [], 'resize': [], 'orientation': [], 'adjust': []}


def record(kind, image, **what):
    image = image.convert('RGB')
    at = expected.tell()
    expected.write(np.asarray(image).tobytes())
    cases[kind].append({**what, 'width': image.width, 'height': image.height, 'at': at})


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    a = np.stack([np.sin(x / 5) * 127 + 128, np.cos(y / 4) * 127 + 128, (x * y) % 256], -1).astype(np.uint8)
    a[height // 4:height // 2, width // 3:width // 2] = rng.integers(0, 256, (height // 2 - height // 4, width // 2 - width // 3, 3))
    return Image.fromarray(a)


base = picture(61, 43)
gray = base.convert('L')


def decode(name, image=None, data=None, **options):
    path = f'{out}/{name}'
    if data is None:
        image.save(path, **options)
    else:
        open(path, 'wb').write(data)
    record('decode', Image.open(path), file=name)


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, interlaced=False, extra=b''):
    """rows(x0, y0, dx, dy): packed rows of one pass"""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    data = b''
    for n, (x0, y0, dx, dy) in enumerate(passes):
        if x0 < width and y0 < height:
            for k, row in enumerate(rows(x0, y0, dx, dy)):
                data += filtered(row, k, max(1, depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] // 8), None if k == 0 else above)
                above = row
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, interlaced)) + extra + \
        chunk(b'IDAT', zlib.compress(data)[:40]) + chunk(b'IDAT', zlib.compress(data)[40:]) + chunk(b'IEND', b'')


def filtered(row, kind, bpp, above):
    kind %= 5
    above = above or bytes(len(row))
    left = bytes(bpp) + row[:-bpp] if len(row) > bpp else bytes(len(row))
    corner = bytes(bpp) + above[:-bpp] if len(row) > bpp else bytes(len(row))
    def paeth(a, b, c):
        p = a + b - c
        return a if abs(p - a) <= abs(p - b) and abs(p - a) <= abs(p - c) else b if abs(p - b) <= abs(p - c) else c
    guess = {0: lambda i: 0, 1: lambda i: left[i], 2: lambda i: above[i], 3: lambda i: (left[i] + above[i]) // 2, 4: lambda i: paeth(left[i], above[i], corner[i])}[kind]
    return bytes([kind]) + bytes((row[i] - guess(i)) & 255 for i in range(len(row)))


def packed(a, depth):
    if depth == 16:
        return lambda x0, y0, dx, dy: [r.astype('>u2').tobytes() for r in a[y0::dy, x0::dx].reshape(a[y0::dy].shape[0], -1)]
    def rows(x0, y0, dx, dy):
        for r in a[y0::dy, x0::dx]:
            r = r.reshape(-1).astype(np.uint8)
            yield r.tobytes() if depth == 8 else np.packbits(np.unpackbits(r[:, None], axis=1)[:, 8 - depth:].reshape(-1)).tobytes()
    return rows


rgb = np.asarray(base)
palette = chunk(b'PLTE', bytes(rng.integers(0, 256, 48).tolist()))
for interlaced in (False, True):
    tag = 'i' if interlaced else 'n'
    for depth in (1, 2, 4, 8):
        decode(f'gray{depth}{tag}.png', data=png(61, 43, depth, 0, packed(np.asarray(gray) >> (8 - depth), depth), interlaced))
    for depth in (1, 2, 4):
        decode(f'indexed{depth}{tag}.png', data=png(61, 43, depth, 3, packed(np.asarray(gray) >> (8 - depth), depth), interlaced, palette))
    decode(f'rgb{tag}.png', data=png(61, 43, 8, 2, packed(rgb, 8), interlaced, chunk(b'gAMA', struct.pack('>I', 30000))))
    decode(f'rgb16{tag}.png', data=png(61, 43, 16, 2, packed(rgb.astype(np.uint16) * 256 + 17, 16), interlaced))
    decode(f'rgba{tag}.png', data=png(61, 43, 8, 6, packed(np.concatenate([rgb, rgb[..., :1]], -1), 8), interlaced))
    decode(f'graya{tag}.png', data=png(61, 43, 8, 4, packed(np.stack([np.asarray(gray), 255 - np.asarray(gray)], -1), 8), interlaced))
decode('transparent.png', base.quantize(16), transparency=3)
decode('tiny.png', data=png(1, 1, 8, 2, packed(rgb[:1, :1], 8), True))
for name, image in {'rgb': base, 'gray': gray, 'one': gray.convert('1'), 'indexed': base.quantize(16), 'rgba': base.convert('RGBA')}.items():
    decode(f'{name}.bmp', image)
decode('topdown.bmp', data=b'BM' + struct.pack('<IHHI', 54 + 4 * 61 * 43, 0, 0, 54) + struct.pack('<IiiHHIIiiII', 40, 61, -43, 1, 32, 0, 0, 0, 0, 0, 0) +
       np.concatenate([rgb[..., ::-1], rgb[..., :1]], -1).tobytes())
r, g, b = (rgb[..., c].astype(np.uint16) for c in range(3))
for name, (masks, pixels) in {'555': (None, (r >> 3) << 10 | (g >> 3) << 5 | b >> 3), '565': ((0xF800, 0x7E0, 0x1F), (r >> 3) << 11 | (g >> 2) << 5 | b >> 3)}.items():
    fields = struct.pack('<III', *masks) if masks else b''
    rows = b''.join(row.astype('<u2').tobytes() + bytes(2) for row in pixels[::-1])
    decode(f'{name}.bmp', data=b'BM' + struct.pack('<IHHI', 54 + len(fields) + len(rows), 0, 0, 54 + len(fields)) +
           struct.pack('<IiiHHIIiiII', 40, 61, 43, 1, 16, 3 if masks else 0, 0, 0, 0, 0, 0) + fields + rows)
decode('palette.gif', base.quantize(64))
decode('interlaced.gif', base.quantize(256), interlace=1)
decode('gray.gif', gray)
decode('transparent.gif', base.quantize(16), transparency=2)
base.quantize(8).save(f'{out}/moving.gif', save_all=True, append_images=[picture(61, 43).quantize(8)], duration=50)
record('decode', Image.open(f'{out}/moving.gif'), file='moving.gif')
still = io.BytesIO()
base.quantize(16).save(still, 'GIF')
still = still.getvalue()
frame = still.index(b'\x2c\0\0\0\0')
placed = still[:6] + struct.pack('<HH', 80, 60) + still[10:frame + 1] + struct.pack('<HH', 7, 9) + still[frame + 5:]
decode('placed.gif', data=placed)
decode('plain.jpg', base, quality=85)
decode('gray.jpg', gray, quality=85)
decode('fine.jpg', base, quality=95, subsampling=0)
decode('progressive.jpg', base, quality=70, progressive=True)
decode('cmyk.jpg', base.convert('CMYK'), quality=90)
decode('lossy.webp', base, quality=80)
decode('lossless.webp', base.convert('RGBA'), lossless=True)

for k in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = k
    for kind in ('png', 'jpg', 'webp'):
        name = f'turned{k}.{kind}'
        picture(20, 13).save(f'{out}/{name}', exif=exif.tobytes(), **({'lossless': True} if kind == 'webp' else {}))
        record('orientation', ImageOps.exif_transpose(Image.open(f'{out}/{name}')), file=name)

large = picture(211, 157)
large.save(f'{out}/large.png')
for size in [(64, 64), (224, 224), (105, 157), (211, 78), (500, 31), (1, 1), (7, 300), (211, 157), (30, 22), (97, 64)]:
    for filter in range(6):
        if size in ((64, 64), (500, 31), (97, 64)) or filter in (0, 2, 3):
            record('resize', large.resize(size, filter), file='large.png', filter=filter)
for box in [(10, 20, 110, 140), (0, 0, 211, 50), (200, 100, 211, 157)]:
    record('resize', large.crop(box).resize((48, 48), 3), file='large.png', filter=3, box=box)

small = picture(47, 33)
small.save(f'{out}/small.png')


def adjust(op, image, value=0.0, **more):
    record('adjust', image, file='small.png', op=op, value=value, **more)


def hue(image, factor):
    h, s, v = image.convert('HSV').split()
    return Image.merge('HSV', (Image.fromarray((np.asarray(h).astype(np.int32) + int(factor * 255)).astype(np.uint8)), s, v)).convert('RGB')


for value in (0.0, 0.4, 1.0, 1.7):
    adjust('brightness', ImageEnhance.Brightness(small).enhance(value), value)
    adjust('contrast', ImageEnhance.Contrast(small).enhance(value), value)
    adjust('saturation', ImageEnhance.Color(small).enhance(value), value)
    adjust('sharpness', ImageEnhance.Sharpness(small).enhance(value), value)
for value in (-0.5, -0.1, 0.0, 0.23, 0.5):
    adjust('hue', hue(small, value), value)
for bits in range(0, 9):
    adjust('posterize', small.point(lambda p: p & ~(2 ** (8 - bits) - 1)) if bits else small.point(lambda p: 0), bits)
for value in (0, 100, 255):
    adjust('solarize', ImageOps.solarize(small, value), value)
adjust('autocontrast', ImageOps.autocontrast(small))
adjust('equalize', ImageOps.equalize(small))
adjust('invert', ImageOps.invert(small))
adjust('flip', ImageOps.mirror(small))
dull = small.point(lambda p: p // 3 + 40)
dull.save(f'{out}/dull.png')
record('adjust', ImageOps.autocontrast(dull), file='dull.png', op='autocontrast', value=0.0)
record('adjust', ImageOps.equalize(dull), file='dull.png', op='equalize', value=0.0)
cx, cy = small.width * 0.5, small.height * 0.5
for value in (-0.3, 0.2):
    # as torchvision's RandAugment shears: about the upper left corner
    adjust('shear_x', small.transform(small.size, Image.AFFINE, (1, value, 0, 0, 1, 0), Image.NEAREST), value)
    adjust('shear_y', small.transform(small.size, Image.AFFINE, (1, 0, 0, value, 1, 0), Image.NEAREST), value)
for value in (-7, 5):
    adjust('translate_x', small.transform(small.size, Image.AFFINE, (1, 0, -value, 0, 1, 0), Image.NEAREST), value)
    adjust('translate_y', small.transform(small.size, Image.AFFINE, (1, 0, 0, 0, 1, -value), Image.NEAREST), value)
for value in (-30, 12, 90):
    adjust('rotate', small.rotate(value, Image.NEAREST), value)
json.dump(cases, open(f'{out}/cases.json', 'w'), indent=1)
