// rows.mjs FOLDER: what llama.cpp computes for FOLDER/llama-*.gguf on FOLDER/text.txt.
//
// Writes FOLDER/llama-*.rows, little-endian: u32 tokens n, u32 vocabulary v, i32 ids[n], then
// float32 probabilities [n, v], row i being what follows ids[0..i]. README.md says how to get
// llama.cpp. No flash attention and a float32 cache: the comparison is of the model's
// arithmetic, not of the cache's rounding.
import fs from "node:fs";
import path from "node:path";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const folder = path.resolve(process.argv[2]);
const text = fs.readFileSync(path.join(folder, "text.txt"), "utf8");
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.warn});

for (const file of fs.readdirSync(folder).filter((name) => name.endsWith(".gguf"))) {
    const model = await llama.loadModel({modelPath: path.join(folder, file), gpuLayers: 0});
    const context = await model.createContext({
        contextSize: 256, threads: 1, flashAttention: false,
        experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"
    });
    const tokens = model.tokenize(text, false);
    const sampling = {temperature: 1, topK: 0, topP: 1, minP: 0};
    const rows = await context.getSequence().controlledEvaluate(tokens.map((token) =>
        [token, {generateNext: {probabilities: true, options: sampling}}]));
    const vocab = rows[0].next.probabilities.size;
    const head = Buffer.from(Uint32Array.of(tokens.length, vocab).buffer);
    const ids = Buffer.from(Int32Array.from(tokens).buffer);
    const values = new Float32Array(tokens.length * vocab);
    rows.forEach((row, i) => row.next.probabilities.forEach((p, id) => {
        values[i * vocab + id] = p;
    }));
    const out = path.join(folder, file.replace(/\.gguf$/, ".rows"));
    fs.writeFileSync(out, Buffer.concat([head, ids, Buffer.from(values.buffer)]));
    console.log(`${out}: ${tokens.length} tokens, ${vocab} probabilities each`);
    await context.dispose();
    await model.dispose();
}
process.exit(0);
