/**
 * Small GGUF models with random weights and a real tokenizer, so that tests run the real engine without a download.
 * They write nonsense, but deterministic nonsense that depends on everything they read.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readGgufMetadata, writeGguf } from "./gguf.ts";
import type { GgufScalarType, GgufTensor, GgufValue } from "./gguf.ts";

export const testVocabularies = ["qwen2", "llama-spm", "llama-bpe"] as const;
/** `qwen2` 151,936 tokens (ChatML and fill-in-the-middle tokens), `llama-spm` 32,000, `llama-bpe` 128,256. */
export type TestVocabulary = (typeof testVocabularies)[number];

export interface TestModelOptions {
  /** The file to write; replaced where it exists. */
  readonly file: string;
  /** Default llama. */
  readonly architecture?: "llama" | "qwen2";
  /** Default: qwen2 for qwen2, llama-spm for llama. */
  readonly vocabulary?: TestVocabulary;
  /** Name written as the file's architecture, for tests with an unknown one. Default: `architecture`. */
  readonly architectureName?: string;
  /** Default 2. */
  readonly layers?: number;
  /** A multiple of `heads`. Default 64. */
  readonly embedding?: number;
  /** Default 2. */
  readonly heads?: number;
  /** A divisor of `heads`. Default 1. */
  readonly kvHeads?: number;
  /** Default 128. */
  readonly feedForward?: number;
  /** Default 4096. */
  readonly trainedContext?: number;
  /** Jinja template; null: none. Default: a ChatML template for qwen2, none for the llama vocabularies. */
  readonly chatTemplate?: string | null;
  /** Default 1. */
  readonly seed?: number;
  /** Further metadata, by key without the architecture in front. */
  readonly extraMetadata?: Readonly<Record<string, GgufValue>>;
  /** Further vectors, by tensor name. */
  readonly extraTensors?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Writes a model. The same options give the same bytes. Embeddings are tied to the output; the weights are scaled so
 * that logits have a standard deviation of about 2.5, enough for greedy choices to be stable and to depend on context.
 * With the defaults the file has 5 MB for llama-spm and 25 MB for qwen2.
 */
export async function writeTestModel(options: TestModelOptions): Promise<void> {
  const shape = modelShape(options);
  const vocabulary = await readGgufMetadata(await vocabularyFile(shape.vocabulary));
  const metadata = modelMetadata(shape, vocabulary);
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (tokens?.type !== "array") throw new Error(`the vocabulary ${shape.vocabulary} has no tokens`);
  await mkdir(dirname(options.file), { recursive: true });
  await writeGguf(options.file, metadata, modelTensors(shape, tokens.value.length));
}

/** Copies the first `bytes` of a model (default: three quarters), as an interrupted download would leave it. */
export async function writeTruncatedModel(source: string, file: string, bytes?: number): Promise<void> {
  const { size } = await stat(source);
  const length = bytes ?? Math.floor(size * 0.75);
  const content = Buffer.alloc(length);
  const handle = await open(source, "r");
  try {
    await handle.read(content, 0, length, 0);
  } finally {
    await handle.close();
  }
  await writeFile(file, content);
}

/** Writes what a proxy leaves behind when it answers a download with a page of its own. */
export async function writeNotGguf(file: string): Promise<void> {
  await writeFile(file, "<!doctype html><title>Access denied</title>\n".repeat(100));
}

/**
 * A GGUF file with metadata and tokenizer but no weights. Extracted once from the llama.cpp sources that come with
 * node-llama-cpp, into the git-ignored folder .cache/vocab.
 */
export async function vocabularyFile(vocabulary: TestVocabulary): Promise<string> {
  const file = join(cacheFolder, `${vocabulary}.gguf`);
  const exists = await readFile(file).then(
    () => true,
    () => false,
  );
  if (!exists) await extractVocabularies();
  return file;
}

/** ChatML as a Jinja template. */
export const chatMlTemplate =
  "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cacheFolder = join(root, ".cache", "vocab");
const bundle = join(root, "node_modules", "node-llama-cpp", "llama", "gitRelease.bundle");
const run = promisify(execFile);

/** Extracts into a folder of its own first: several test processes may do this at the same time. */
async function extractVocabularies(): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(join(cacheFolder, "extract-"));
  try {
    const repository = join(folder, "llama.git");
    await run("git", ["clone", "--quiet", "--bare", bundle, repository]);
    for (const vocabulary of testVocabularies) {
      const { stdout } = await run(
        "git",
        ["-C", repository, "cat-file", "blob", `HEAD:models/ggml-vocab-${vocabulary}.gguf`],
        { encoding: "buffer", maxBuffer: 64 * 1024 * 1024 },
      );
      const part = join(folder, `${vocabulary}.gguf`);
      await writeFile(part, stdout);
      await rename(part, join(cacheFolder, `${vocabulary}.gguf`));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface ModelShape {
  readonly architecture: "llama" | "qwen2";
  readonly architectureName: string;
  readonly vocabulary: TestVocabulary;
  readonly layers: number;
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly trainedContext: number;
  readonly chatTemplate: string | null;
  readonly seed: number;
  readonly extraMetadata: Readonly<Record<string, GgufValue>>;
  readonly extraTensors: Readonly<Record<string, readonly number[]>>;
}

export function modelShape(options: TestModelOptions): ModelShape {
  const architecture = options.architecture ?? "llama";
  const vocabulary = options.vocabulary ?? (architecture === "qwen2" ? "qwen2" : "llama-spm");
  return {
    architecture,
    vocabulary,
    architectureName: options.architectureName ?? architecture,
    layers: options.layers ?? 2,
    embedding: options.embedding ?? 64,
    heads: options.heads ?? 2,
    kvHeads: options.kvHeads ?? 1,
    feedForward: options.feedForward ?? 128,
    trainedContext: options.trainedContext ?? 4096,
    chatTemplate:
      options.chatTemplate === undefined && vocabulary === "qwen2" ? chatMlTemplate : (options.chatTemplate ?? null),
    seed: options.seed ?? 1,
    extraMetadata: options.extraMetadata ?? {},
    extraTensors: options.extraTensors ?? {},
  };
}

// ---- metadata ------------------------------------------------------------------------------------------------------

/** Where Qwen2.5-Coder has its fill-in-the-middle tokens; the vocabulary file has padding there. */
const fimTokens = [
  { id: 151659, text: "<|fim_prefix|>", key: "tokenizer.ggml.fim_pre_token_id" },
  { id: 151660, text: "<|fim_middle|>", key: "tokenizer.ggml.fim_mid_token_id" },
  { id: 151661, text: "<|fim_suffix|>", key: "tokenizer.ggml.fim_suf_token_id" },
] as const;
const controlTokenType = 3;

export function modelMetadata(shape: ModelShape, vocabulary: ReadonlyMap<string, GgufValue>): Map<string, GgufValue> {
  const name = shape.architectureName;
  const metadata = new Map<string, GgufValue>();
  const put = (key: string, type: GgufScalarType, value: number | string): void => {
    metadata.set(key, { type, value });
  };
  put("general.architecture", "string", name);
  put("general.name", "string", `test model with random weights, seed ${shape.seed}`);
  put("general.file_type", "uint32", 1);
  put(`${name}.context_length`, "uint32", shape.trainedContext);
  put(`${name}.embedding_length`, "uint32", shape.embedding);
  put(`${name}.block_count`, "uint32", shape.layers);
  put(`${name}.feed_forward_length`, "uint32", shape.feedForward);
  put(`${name}.attention.head_count`, "uint32", shape.heads);
  put(`${name}.attention.head_count_kv`, "uint32", shape.kvHeads);
  put(`${name}.attention.layer_norm_rms_epsilon`, "float32", 1e-5);
  put(`${name}.rope.freq_base`, "float32", 10000);
  put(`${name}.rope.dimension_count`, "uint32", shape.embedding / shape.heads);
  for (const [key, value] of Object.entries(shape.extraMetadata)) metadata.set(`${name}.${key}`, value);
  for (const [key, value] of vocabulary) {
    if (key.startsWith("tokenizer.") && key !== "tokenizer.chat_template") metadata.set(key, value);
  }
  if (shape.vocabulary === "qwen2") nameFimTokens(metadata);
  if (shape.chatTemplate !== null) put("tokenizer.chat_template", "string", shape.chatTemplate);
  return metadata;
}

function nameFimTokens(metadata: Map<string, GgufValue>): void {
  const texts = metadata.get("tokenizer.ggml.tokens");
  const types = metadata.get("tokenizer.ggml.token_type");
  if (texts?.type !== "array" || types?.type !== "array") throw new Error("the vocabulary has no tokens");
  const newTexts = [...texts.value];
  const newTypes = [...types.value];
  for (const token of fimTokens) {
    newTexts[token.id] = token.text;
    newTypes[token.id] = controlTokenType;
    metadata.set(token.key, { type: "uint32", value: token.id });
  }
  metadata.set("tokenizer.ggml.tokens", { ...texts, value: newTexts });
  metadata.set("tokenizer.ggml.token_type", { ...types, value: newTypes });
}

// ---- weights -------------------------------------------------------------------------------------------------------

/** Standard deviation of the logits. */
const logitDeviation = 2.5;
/** Standard deviation of attention scores before the softmax: high enough for attention to single tokens out. */
const scoreDeviation = 3;
/** Gain of each block's output. Large against the embeddings, else a tied output would repeat its input token. */
const blockGain = 2;

function modelTensors(shape: ModelShape, vocabularySize: number): GgufTensor[] {
  const { embedding, feedForward } = shape;
  const kvWidth = (embedding / shape.heads) * shape.kvHeads;
  // After RMSNorm inputs have unit variance, so a row of n weights with deviation s gives outputs of deviation s·√n.
  const perInput = (outputDeviation: number, inputs: number): number => outputDeviation / Math.sqrt(inputs);
  let stream = 0;
  const matrix = (name: string, inputs: number, outputs: number, deviation: number): GgufTensor => {
    const seed = shape.seed * 7919 + ++stream;
    return {
      name,
      shape: [inputs, outputs],
      type: "f16",
      data: () => gaussianHalves(inputs * outputs, deviation, seed),
    };
  };
  const ones = (name: string, length: number): GgufTensor => ({
    name,
    shape: [length],
    type: "f32",
    data: () => bytesOf(new Float32Array(length).fill(1)),
  });
  const zeros = (name: string, length: number): GgufTensor => ({
    name,
    shape: [length],
    type: "f32",
    data: () => bytesOf(new Float32Array(length)),
  });
  const tensors = [
    matrix("token_embd.weight", embedding, vocabularySize, perInput(logitDeviation, embedding)),
    ones("output_norm.weight", embedding),
  ];
  for (const [name, numbers] of Object.entries(shape.extraTensors)) {
    tensors.push({ name, shape: [numbers.length], type: "f32", data: () => bytesOf(Float32Array.from(numbers)) });
  }
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = `blk.${layer}`;
    const queryDeviation = Math.sqrt(scoreDeviation);
    tensors.push(
      ones(`${block}.attn_norm.weight`, embedding),
      matrix(`${block}.attn_q.weight`, embedding, embedding, perInput(queryDeviation, embedding)),
      matrix(`${block}.attn_k.weight`, embedding, kvWidth, perInput(queryDeviation, embedding)),
      matrix(`${block}.attn_v.weight`, embedding, kvWidth, perInput(1, embedding)),
      matrix(`${block}.attn_output.weight`, embedding, embedding, perInput(blockGain, embedding)),
      ones(`${block}.ffn_norm.weight`, embedding),
      matrix(`${block}.ffn_gate.weight`, embedding, feedForward, perInput(1, embedding)),
      matrix(`${block}.ffn_up.weight`, embedding, feedForward, perInput(1, embedding)),
      matrix(`${block}.ffn_down.weight`, feedForward, embedding, perInput(blockGain, feedForward)),
    );
    if (shape.architecture === "qwen2") {
      tensors.push(
        zeros(`${block}.attn_q.bias`, embedding),
        zeros(`${block}.attn_k.bias`, kvWidth),
        zeros(`${block}.attn_v.bias`, kvWidth),
      );
    }
  }
  return tensors;
}

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Normally distributed half-precision numbers, drawn from a table of quantiles: one table look-up per number. */
function gaussianHalves(count: number, deviation: number, seed: number): Uint8Array {
  const table = new Uint16Array(quantiles.length);
  for (const [index, quantile] of quantiles.entries()) table[index] = toHalf(quantile * deviation);
  const values = new Uint16Array(count);
  let state = (seed ^ 0x9e3779b9) | 1;
  for (let index = 0; index < count; index++) {
    // Xorshift by Marsaglia, 2003, triple (13, 17, 5).
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[index] = table[(state >>> 8) % table.length] ?? 0;
  }
  return bytesOf(values);
}

const quantiles = gaussianQuantiles(4096);

/** The middles of `count` equally likely slices of the standard normal distribution, found by bisection. */
function gaussianQuantiles(count: number): Float64Array {
  const result = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const target = (index + 0.5) / count;
    let low = -6;
    let high = 6;
    for (let step = 0; step < 40; step++) {
      const middle = (low + high) / 2;
      if (normalDistribution(middle) < target) low = middle;
      else high = middle;
    }
    result[index] = (low + high) / 2;
  }
  return result;
}

/** Abramowitz and Stegun 7.1.26, exact to 1.5e-7. */
function normalDistribution(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const error = 1 - series * Math.exp(-z * z);
  return x < 0 ? (1 - error) / 2 : (1 + error) / 2;
}

/** A number as IEEE 754 binary16 bits, rounded towards zero; numbers below the smallest normal one become zero. */
function toHalf(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return sign;
  if (exponent >= 31) throw new RangeError(`${value} is too large for half precision`);
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}
