import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { readGgufMetadata, writeGguf } from "./gguf.ts";
import type { GgufTensor } from "./gguf.ts";
import { modelMetadata, modelShape, vocabularyFile } from "./testModels.ts";

export interface ChainModelOptions {
  /** The file to write; replaced where it exists. */
  readonly file: string;
  /** Texts of tokens of the vocabulary `llama-spm`: each is followed by the next one, for certain. */
  readonly chains: readonly (readonly string[])[];
  /** One of these tokens: it follows what no chain knows. Without it, anything may. */
  readonly otherwise?: string;
  /** More layers take longer and change nothing. Default 1. */
  readonly layers?: number;
  /** Also only takes longer. Default 64. */
  readonly feedForward?: number;
  /** Tokens that it may read and write. Default 4,096. */
  readonly trainedContext?: number;
}

/**
 * Writes a model that knows by heart what follows a token, whatever stands before it, and nothing else. Its tokenizer is llama-spm's, which has no fill-in tokens.
 */
export async function writeChainModel(options: ChainModelOptions): Promise<void> {
  const { file, chains, otherwise, layers = 1, feedForward = 64, trainedContext = 4096 } = options;
  const heads = 2;
  const embedding = 64;
  const shape = modelShape({ file, layers, embedding, heads, kvHeads: 1, feedForward, trainedContext });
  const vocabulary = await readGgufMetadata(await vocabularyFile(shape.vocabulary));
  const metadata = modelMetadata(shape, vocabulary);
  const tokens = metadata.get("tokenizer.ggml.tokens");
  if (tokens?.type !== "array") throw new Error("the vocabulary has no tokens");
  const texts = tokens.value.map(String);
  const successors = successorsOf(chains, texts);
  const known = [...successors.keys()];
  const others = embedding - 1;
  if (known.length > others) throw new Error(`${known.length} tokens are more than ${others} dimensions`);
  const tensor = (name: string, inputs: number, outputs: number, fill: (data: Float32Array) => void): GgufTensor => ({
    name,
    shape: outputs === 0 ? [inputs] : [inputs, outputs],
    type: "f32",
    data: () => {
      const data = new Float32Array(inputs * Math.max(1, outputs));
      fill(data);
      return new Uint8Array(data.buffer);
    },
  });
  const ones = (data: Float32Array): void => void data.fill(1);
  const zeros = (): void => undefined;
  const blocks = Array.from({ length: layers }, (_, layer) => `blk.${layer}`).flatMap((block) => [
    tensor(`${block}.attn_norm.weight`, embedding, 0, ones),
    tensor(`${block}.attn_q.weight`, embedding, embedding, zeros),
    tensor(`${block}.attn_k.weight`, embedding, embedding / heads, zeros),
    tensor(`${block}.attn_v.weight`, embedding, embedding / heads, zeros),
    // Nothing is added to what came in: the last token alone decides.
    tensor(`${block}.attn_output.weight`, embedding, embedding, zeros),
    tensor(`${block}.ffn_norm.weight`, embedding, 0, ones),
    tensor(`${block}.ffn_gate.weight`, embedding, feedForward, zeros),
    tensor(`${block}.ffn_up.weight`, embedding, feedForward, zeros),
    tensor(`${block}.ffn_down.weight`, feedForward, embedding, zeros),
  ]);
  await mkdir(dirname(file), { recursive: true });
  await writeGguf(file, metadata, [
    // Each known token has a dimension of its own, in which its successor's output row points; all others share one.
    tensor("token_embd.weight", embedding, texts.length, (data) => {
      for (const [dimension, token] of known.entries()) data[token * embedding + dimension] = 1;
      if (otherwise === undefined) return;
      for (let token = 0; token < texts.length; token += 1) {
        if (!successors.has(token)) data[token * embedding + others] = 1;
      }
    }),
    tensor("output_norm.weight", embedding, 0, ones),
    tensor("output.weight", embedding, texts.length, (data) => {
      for (const [dimension, token] of known.entries()) {
        data[(successors.get(token) ?? 0) * embedding + dimension] = successorLogit / Math.sqrt(embedding);
      }
      if (otherwise !== undefined)
        data[texts.indexOf(otherwise) * embedding + others] = successorLogit / Math.sqrt(embedding);
    }),
    ...blocks,
  ]);
}

/** Far above the others' 0: among 32,000 tokens the successor has a probability above 0.999. */
const successorLogit = 20;

function successorsOf(chains: readonly (readonly string[])[], texts: readonly string[]): ReadonlyMap<number, number> {
  const ids = new Map(texts.map((text, id) => [text, id]));
  const idOf = (text: string): number => {
    const id = ids.get(text);
    if (id === undefined) throw new Error(`the vocabulary has no token ${JSON.stringify(text)}`);
    return id;
  };
  const successors = new Map<number, number>();
  for (const chain of chains) {
    for (const [index, text] of chain.slice(0, -1).entries()) {
      const token = idOf(text);
      const next = idOf(chain[index + 1] ?? "");
      if ((successors.get(token) ?? next) !== next) throw new Error(`${JSON.stringify(text)} has two successors`);
      successors.set(token, next);
    }
  }
  return successors;
}

/** Sentences without an end. */
const endless = ["▁the", "▁water", "▁comes", "▁and", "▁then", "▁stops", ".", "<0x0A>", "▁the"] as const;

/**
 * Writes a model that answers anything with sentences without an end, slowly: reading a few hundred tokens takes seconds,
 * and so does writing as many.
 */
export async function writeEndlessModel(file: string): Promise<void> {
  const size = { layers: 8, feedForward: 4096, trainedContext: 32_768 };
  await writeChainModel({ file, chains: [endless], otherwise: endless[0], ...size });
}
