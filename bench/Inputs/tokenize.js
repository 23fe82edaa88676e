// Hugging Face's tokenizers (npm @anush008/tokenizers is a build of the Rust library) on one thread: seconds of processor time of the
// best round and a number made of the ids.  usage: node tokenize.js TEXTS ROUNDS FOLDER...
process.env.TOKENIZERS_PARALLELISM = 'false';
process.env.RAYON_NUM_THREADS = '1';
const fs = require('fs'), path = require('path');
const { Tokenizer } = require('@anush008/tokenizers');
const [file, rounds, ...folders] = process.argv.slice(2);
const texts = fs.readFileSync(file, 'utf8').replace(/\n$/, '').split('\n');

async function main() {
  for (const folder of folders) {
    const tokenizer = Tokenizer.fromFile(path.join(folder, 'tokenizer.json'));
    let best = Infinity, encodings;
    for (let round = 0; round <= rounds; round++) {
      const before = process.cpuUsage();
      encodings = await tokenizer.encodeBatch(texts);
      const used = process.cpuUsage(before);
      if (round > 0) best = Math.min(best, (used.user + used.system) / 1e6);
    }
    let sum = 0;
    for (const encoding of encodings) encoding.getIds().forEach((id, i) => { sum += id * (i + 1) % 65521; });
    console.log(`${path.basename(folder)}\t${best.toFixed(6)}\t${sum}`);
  }
}
main();
