// Records what Hugging Face's own tokenizers make of every component: normalizers, pre-tokenizers, models, decoders, added
// tokens, truncation. Run: npm install @anush008/tokenizers && node generate.js <golden>/inputs/tokenizers <output.json>
// Texts that make that library abort (strides beyond the row, blanks to strip from nothing) are left out.
const root = process.argv[2];
const fs=require('fs'); const T=require('@anush008/tokenizers');
let seed=12345; const rnd=()=>{seed=(seed*1103515245+12345)&0x7fffffff; return seed/0x7fffffff;}; const pick=a=>a[Math.floor(rnd()*a.length)];
const golden=JSON.parse(fs.readFileSync(root+'/gpt2/cases.json')).cases.map(c=>c.text).slice(0,27);
const bits=['a','B','é','e\u0301','ﬁ','½','Ⅷ','中','文','の','カ','ー','한','\u1112\u1161\u11ab','ж','\u0627\u064b','हि','ी','👍🏽','👨‍👩‍👧','𝔄','𐐀','𝟘','İ','ß','ǅ','ſ','K','Å','\u212b','q\u0307\u0323','\u0344','q\u0323\u0307',' ','  ','\t','\n','\r\n','\u00a0','\u3000','\u200b','\u2028','\u0085','\u001f','\u007f','\ufeff','\ufffd','\u00ad','_','-','.',',',"'","'s","'LL","'ſ",'$','^','¿','»','—','©','€','°','0','7','12','1234567','٣','²','Ⅳ','<s>','</s>','▁','Ġ','##','\u0e01\u0e33','\u09c7\u09be','ﷺ','\u1e9b\u0323','𝅘𝅥𝅮','豈','\u2f800'.slice(0,1),'가','각','ᆨ','\ue000','\u0378'];
const texts=[...golden]; for(let i=0;i<90;i++){let n=1+Math.floor(rnd()*9),s='';for(let j=0;j<n;j++)s+=pick(bits);texts.push(s);}
const N={none:null,bert:{type:'BertNormalizer',clean_text:true,handle_chinese_chars:true,strip_accents:null,lowercase:true},bert2:{type:'BertNormalizer',clean_text:false,handle_chinese_chars:false,strip_accents:true,lowercase:false},bert3:{type:'BertNormalizer',clean_text:true,handle_chinese_chars:true,strip_accents:false,lowercase:true},
 nfc:{type:'NFC'},nfd:{type:'NFD'},nfkc:{type:'NFKC'},nfkd:{type:'NFKD'},lower:{type:'Lowercase'},strip:{type:'Strip',strip_left:true,strip_right:true},stripl:{type:'Strip',strip_left:true,strip_right:false},sa:{type:'Sequence',normalizers:[{type:'NFD'},{type:'StripAccents'}]},nmt:{type:'Nmt'},prep:{type:'Prepend',prepend:'▁x'},rep:{type:'Replace',pattern:{String:'a'},content:'yy'},rep0:{type:'Replace',pattern:{String:' '},content:''},repr:{type:'Replace',pattern:{Regex:'\\s+'},content:' '},repr2:{type:'Replace',pattern:{Regex:'[^\\p{L}\\d]'},content:'<>'},bl:{type:'ByteLevel'},
 seq:{type:'Sequence',normalizers:[{type:'Nmt'},{type:'NFKC'},{type:'Replace',pattern:{Regex:' {2,}'},content:' '},{type:'Lowercase'},{type:'Prepend',prepend:'▁'},{type:'Replace',pattern:{String:' '},content:'▁'}]}};
const P={none:null,bert:{type:'BertPreTokenizer'},ws:{type:'Whitespace'},wss:{type:'WhitespaceSplit'},bl:{type:'ByteLevel',add_prefix_space:false,trim_offsets:true,use_regex:true},blp:{type:'ByteLevel',add_prefix_space:true,trim_offsets:true,use_regex:true},blx:{type:'ByteLevel',add_prefix_space:true,trim_offsets:true,use_regex:false},
 ms:{type:'Metaspace',replacement:'▁',prepend_scheme:'always',split:true},msn:{type:'Metaspace',replacement:'▁',prepend_scheme:'never',split:true},msf:{type:'Metaspace',replacement:'▁',prepend_scheme:'first',split:true},msx:{type:'Metaspace',replacement:'_',prepend_scheme:'first',split:false},
 dig:{type:'Digits',individual_digits:true},digs:{type:'Digits',individual_digits:false},us:{type:'UnicodeScripts'},cds:{type:'CharDelimiterSplit',delimiter:'a'},
 fl:{type:'FixedLength',length:3},
 cl100k:{type:'Split',pattern:{Regex:"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},behavior:'Isolated',invert:false},
 qwen:{type:'Split',pattern:{Regex:"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},behavior:'Isolated',invert:false},
 o200k:{type:'Split',pattern:{Regex:"[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},behavior:'Removed',invert:true},
 bloom:{type:'Split',pattern:{Regex:" ?[^(\\s|[.,!?…。，、।۔،])]+"},behavior:'Isolated',invert:false},
 deepseek:{type:'Sequence',pretokenizers:[{type:'Split',pattern:{Regex:"\\p{N}{1,3}"},behavior:'Isolated',invert:false},{type:'Split',pattern:{Regex:"[一-龥぀-ゟ゠-ヿ]+"},behavior:'Isolated',invert:false},{type:'Split',pattern:{Regex:"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},behavior:'Isolated',invert:false},{type:'ByteLevel',add_prefix_space:false,trim_offsets:true,use_regex:false}]},
 poss:{type:'Split',pattern:{Regex:"[^\\s]++|\\s++?"},behavior:'MergedWithNext',invert:false},look:{type:'Split',pattern:{Regex:"(?<=[a-z])(?=[A-Z0-9])|(?<!\\w)-|\\b7"},behavior:'Isolated',invert:false},
 han:{type:'Split',pattern:{Regex:"\\p{Han}+|[\\p{Hiragana}\\p{Katakana}ー]+|[[:punct:]]|[a-z&&[^aeiou]]+"},behavior:'Isolated',invert:false}};
for(const b of ['Removed','Isolated','MergedWithPrevious','MergedWithNext','Contiguous']){P['punct'+b]={type:'Punctuation',behavior:b};for(const inv of [false,true])P['sp'+b+inv]={type:'Split',pattern:{Regex:'\\s|a'},behavior:b,invert:inv};P['ss'+b]={type:'Split',pattern:{String:'  '},behavior:b,invert:false};}
const base=()=>({version:'1.0',truncation:null,padding:null,added_tokens:[],normalizer:null,pre_tokenizer:null,post_processor:null,decoder:null,model:{type:'Unigram',unk_id:0,vocab:[['<unk>',0]],byte_fallback:false}});
const configs=[];
for(const[k,n]of Object.entries(N)){const t=base();t.normalizer=n;configs.push({name:'normalizer '+k,tokenizer:t});}
for(const[k,p]of Object.entries(P)){const t=base();t.pre_tokenizer=p;configs.push({name:'pre '+k,tokenizer:t});}
{const t=base();t.normalizer=N.nfkd;t.pre_tokenizer=P.bl;configs.push({name:'both nfkd bl',tokenizer:t});}
{const t=base();t.normalizer=N.bert;t.pre_tokenizer=P.ms;configs.push({name:'both bert ms',tokenizer:t});}
// added tokens
const at=(id,c,o)=>Object.assign({id,content:c,single_word:false,lstrip:false,rstrip:false,normalized:false,special:false},o);
for(const[k,o]of Object.entries({plain:{},lstrip:{lstrip:true},rstrip:{rstrip:true},both:{lstrip:true,rstrip:true},word:{single_word:true},norm:{normalized:true},normword:{normalized:true,single_word:true,lstrip:true},special:{special:true}})){
 for(const nk of ['none','lower','seq']){const t=base();t.model.vocab=[['<unk>',0],['<s>',-1],['</s>',-2]];t.normalizer=N[nk];t.pre_tokenizer=P.msf;t.added_tokens=[at(1,'<s>',o),at(2,'</s>',o),at(3,'a',o),at(4,'12',o),at(5,'Bé',o),at(6,'  ',o)];configs.push({name:`added ${k} ${nk}`,tokenizer:t,decode:true});}}
// byte fallback unigram & bpe variants
const gold=n=>JSON.parse(fs.readFileSync(`${root}/${n}/tokenizer.json`));
const clone=x=>JSON.parse(JSON.stringify(x));
const cut=(t,n)=>{ // smaller vocab: first n merges
 const m=t.model; m.merges=m.merges.slice(0,n); const keep=new Set(Object.keys(m.vocab).filter(k=>[...k.replace('</w>','')].length<=1||/^<.*>$/.test(k))); for(const[a,b]of m.merges){keep.add(a);keep.add(b);keep.add(a+b);} let i=0;const v={};for(const k of Object.keys(m.vocab))if(keep.has(k))v[k]=i++; m.vocab=v; t.added_tokens=[]; t.post_processor=null; return t;};
{const t=cut(gold('gpt2'),400);configs.push({name:'bpe gpt2 small',tokenizer:t,decode:true});const u=clone(t);u.pre_tokenizer.add_prefix_space=true;for(const tr of [true,false])for(const ap of [true,false]){const w=clone(u);w.post_processor={type:'ByteLevel',trim_offsets:tr,add_prefix_space:ap,use_regex:true};configs.push({name:`bpe trim ${tr} ${ap}`,tokenizer:w});}
 const ig=clone(t);ig.model.ignore_merges=true;configs.push({name:'bpe ignore_merges',tokenizer:ig});}
{const t=cut(gold('llama2'),400);configs.push({name:'bpe llama2 small',tokenizer:t,decode:true});const u=clone(t);u.model.byte_fallback=false;configs.push({name:'bpe unk fused',tokenizer:u,decode:true});const w=clone(u);w.model.fuse_unk=false;configs.push({name:'bpe unk not fused',tokenizer:w});const x=clone(u);x.model.unk_token=null;configs.push({name:'bpe no unk',tokenizer:x});}
{const t=cut(gold('clip'),300);configs.push({name:'bpe clip small',tokenizer:t,decode:true});t.decoder={type:'BPEDecoder',suffix:'</w>'};configs.push({name:'bpe suffix decoder',tokenizer:clone(t),decode:true});}
{const t=base();t.model={type:'BPE',dropout:null,unk_token:'?',continuing_subword_prefix:'##',end_of_word_suffix:'</w>',fuse_unk:true,byte_fallback:false,ignore_merges:false,vocab:{'?':0,a:1,'##a':2,'##a</w>':3,'a</w>':4,'##B':5,'##1':6,'1':7,'##2</w>':8,'12</w>':9,'aa':10,'##aa</w>':11,'aaa':12},merges:[['a','##a'],['##a','##a</w>'],['1','##2</w>'],['aa','##a']]};t.pre_tokenizer={type:'WhitespaceSplit'};configs.push({name:'bpe prefix suffix',tokenizer:t,decode:true});}
{const t=gold('t5');t.model.vocab=t.model.vocab.slice(0,500);t.added_tokens=[];t.post_processor=null;configs.push({name:'unigram small',tokenizer:t,decode:true});const u=clone(t);u.model.byte_fallback=true;for(let i=0;i<256;i++)u.model.vocab.push(['<0x'+i.toString(16).toUpperCase().padStart(2,'0')+'>',-20]);u.decoder={type:'Sequence',decoders:[{type:'ByteFallback'},{type:'Metaspace',replacement:'▁',prepend_scheme:'always',split:true}]};configs.push({name:'unigram bytes',tokenizer:u,decode:true});}
{const t=gold('bert-uncased');t.added_tokens=[];t.post_processor=null;t.model.max_input_chars_per_word=6;configs.push({name:'wordpiece short',tokenizer:t,decode:true});const u=clone(t);u.decoder.cleanup=false;configs.push({name:'wordpiece no cleanup',tokenizer:u,decode:true});
 const w=base();w.model={type:'WordLevel',unk_token:'[UNK]',vocab:t.model.vocab};w.pre_tokenizer=P.ws;configs.push({name:'wordlevel',tokenizer:w,decode:true});
 const c=clone(w);c.decoder={type:'CTC',pad_token:'[PAD]',word_delimiter_token:'|',cleanup:true};configs.push({name:'ctc',tokenizer:c,decode:true});
 const s=clone(w);s.decoder={type:'Sequence',decoders:[{type:'Replace',pattern:{Regex:'[aeiou]'},content:'_'},{type:'Strip',content:'t',start:1,stop:0},{type:'Fuse'}]};configs.push({name:'strip replace fuse',tokenizer:s,decode:true});}
// truncation, pairs
for(const g of ['bert-uncased','roberta','llama3','t5'])for(const strategy of ['LongestFirst','OnlyFirst','OnlySecond'])for(const direction of ['Right','Left'])for(const stride of [0,2]){const t=gold(g);t.truncation={direction,max_length:12,strategy,stride};configs.push({name:`truncation ${g} ${strategy} ${direction} ${stride}`,tokenizer:t,golden:g,pairs:true,overflow:true});}
(async()=>{
 const out=[];const texts2=texts.filter((_,i)=>i%2==0);
 for(const c of configs){let tok;try{tok=T.Tokenizer.fromString(JSON.stringify(c.tokenizer));}catch(e){console.log(c.name,'LOAD',e.message);continue;}
  const cases=[];const use=c.pairs?texts.slice(0,24).concat(texts.slice(100,116)):c.golden?texts2:texts;
  const dumpE=e=>({ids:e.getIds(),types:e.getTypeIds(),tokens:e.getTokens(),offsets:e.getOffsets().flat(),words:e.getWordIds().map(w=>w==null?-1:w)});
  for(let i=0;i<use.length;i++){const a=use[i],b=c.pairs&&i%3?use[(i*7+3)%use.length]:null;
   if(c.overflow){const free=c.free||(c.free=T.Tokenizer.fromString(JSON.stringify({...c.tokenizer,truncation:null})));const la=(await free.encode(a,null,{addSpecialTokens:false})).getIds().length,lb=b==null?0:(await free.encode(b,null,{addSpecialTokens:false})).getIds().length,all=(await free.encode(a,b)).getIds().length;const tr=c.tokenizer.truncation,rem=all-tr.max_length;if(rem>0){const lim=la+lb-rem;let n1=la,n2=lb;if(tr.strategy=='OnlyFirst')n1=la-rem;else if(tr.strategy=='OnlySecond')n2=lb-rem;else if(b==null)n1=lim;else{let sw=n1>n2;if(sw)[n1,n2]=[n2,n1];n2=n1>lim?n1:Math.max(n1,lim-n1);if(n1+n2>lim){n1=Math.floor(lim/2);n2=n1+lim%2;}if(sw)[n1,n2]=[n2,n1];}
   if((n1<la&&n1<=tr.stride&&n1>0)||(n2<lb&&n2<=tr.stride&&n2>0))continue;}}
  let e;try{e=await tok.encode(a,b);}catch(err){cases.push({a,b,error:String(err.message)});continue;}
   const r={a,b,...dumpE(e)};
   if(c.overflow)r.overflow=e.getOverflowing().map(dumpE);
   if(c.decode){r.decoded=await tok.decode(e.getIds(),true);r.kept=await tok.decode(e.getIds(),false);}
   cases.push(r);}
  out.push({name:c.name,tokenizer:c.golden?{golden:c.golden,truncation:c.tokenizer.truncation}:c.tokenizer,cases});}
 fs.writeFileSync(process.argv[3],JSON.stringify(out));console.log(out.length,'configs',out.reduce((s,c)=>s+c.cases.length,0),'cases');
})();
