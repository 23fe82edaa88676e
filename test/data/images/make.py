"""Writes pictures.json: small picture files and what Pillow reads in them (RGBA, straight alpha). Needs numpy and Pillow."""
import io,base64,struct,zlib
import numpy as np
from PIL import Image
rng=np.random.RandomState(4)
y,x=np.mgrid[0:10,0:14]
rgb=np.stack([(x*18)%256,(y*25)%256,(255-x*9-y*7)%256],-1).astype(np.uint8)
img=Image.fromarray(rgb)
alpha=((x*20+y*5)%256).astype(np.uint8)
rgba=np.dstack([rgb,alpha])
def b(data): return base64.b64encode(data).decode()
def enc(im,fmt,**k):
    o=io.BytesIO(); im.save(o,fmt,**k); return o.getvalue()
out={}
def add(name,data,expected):  # expected RGBA straight
    out[name]=(b(data),b(np.ascontiguousarray(expected,dtype=np.uint8).tobytes()),expected.shape[1],expected.shape[0])
def opaque(a): return np.dstack([a,np.full(a.shape[:2],255,np.uint8)])
j=enc(img,'JPEG',quality=92,subsampling=2); add('jpeg',j,opaque(np.array(Image.open(io.BytesIO(j)).convert('RGB'))))
j=enc(img,'JPEG',quality=92,progressive=True,subsampling=0); add('jpeg-progressive',j,opaque(np.array(Image.open(io.BytesIO(j)).convert('RGB'))))
g=img.convert('L'); j=enc(g,'JPEG',quality=95); add('jpeg-gray',j,opaque(np.array(Image.open(io.BytesIO(j)).convert('RGB'))))
add('png',enc(img,'PNG'),opaque(rgb))
add('png-alpha',enc(Image.fromarray(rgba),'PNG'),rgba)
p=img.quantize(16); add('png-palette',enc(p,'PNG'),opaque(np.array(p.convert('RGB'))))
add('png-gray',enc(g,'PNG'),opaque(np.array(g.convert('RGB'))))
add('bmp-24',enc(img,'BMP'),opaque(rgb))
add('bmp-8',enc(p,'BMP'),opaque(np.array(p.convert('RGB'))))
one=img.convert('1'); add('bmp-1',enc(one,'BMP'),opaque(np.array(one.convert('RGB'))))
# 16 bit 565 with masks, from the top
h,w=rgb.shape[:2]
px=((rgb[...,0]>>3).astype(np.uint16)<<11)|((rgb[...,1]>>2).astype(np.uint16)<<5)|(rgb[...,2]>>3)
rows=b''.join(r.astype('<u2').tobytes()+b'\0'*((-2*w)%4) for r in px)
hdr=struct.pack('<IiiHHIIiiII',40,w,-h,1,16,3,len(rows),0,0,0,0)+struct.pack('<III',0xF800,0x07E0,0x1F)
bmp=b'BM'+struct.pack('<IHHI',14+len(hdr)+len(rows),0,0,14+len(hdr))+hdr+rows
up=lambda v,m: (v.astype(int)*255+m//2)//m
add('bmp-565',bmp,opaque(np.dstack([up(rgb[...,0]>>3,31),up(rgb[...,1]>>2,63),up(rgb[...,2]>>3,31)]).astype(np.uint8)))
assert np.abs(np.array(Image.open(io.BytesIO(bmp)).convert('RGB')).astype(int)-np.dstack([up(rgb[...,0]>>3,31),up(rgb[...,1]>>2,63),up(rgb[...,2]>>3,31)])).max()<=8
# RLE8: rows of runs
pal=[(0,0,0),(250,10,20),(30,200,40),(5,6,240)]
idx=np.array([[1]*5+[2]*3,[0,1,2,3,1,1,1,1],[3]*8])
data=b''
for r in idx[::-1]:
    if len(set(r))>3:
        data+=bytes([0,8])+bytes(int(v) for v in r)
    else:
        i=0
        while i<len(r):
            k=i
            while k<len(r) and r[k]==r[i]: k+=1
            data+=bytes([k-i,int(r[i])]); i=k
    data+=b'\0\0'
data+=b'\0\1'
hdr=struct.pack('<IiiHHIIiiII',40,8,3,1,8,1,len(data),0,0,4,0)+b''.join(bytes([c[2],c[1],c[0],0]) for c in pal)
bmp=b'BM'+struct.pack('<IHHI',14+len(hdr)+len(data),0,0,14+len(hdr))+hdr+data
e=opaque(np.array([[pal[v] for v in r] for r in idx],np.uint8)); add('bmp-rle8',bmp,e)
assert np.array_equal(np.array(Image.open(io.BytesIO(bmp)).convert('RGB')),e[...,:3])
import json
json.dump({k:{'file':v[0],'rgba':v[1],'width':v[2],'height':v[3]} for k,v in out.items()},open('pictures.json','w'),indent=1)
