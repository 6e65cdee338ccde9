import { stat } from "node:fs/promises";
import * as z from "zod";
import type { ModelShape } from "../protocol/models.ts";

export interface ModelHeader {
  readonly trainedContext: number;
  readonly layers: number;
}

/**
 * What has to be known of a model before it is loaded, from its GGUF metadata. Null where the file cannot be read or
 * does not say: loading it will tell why.
 */
export async function readModelHeader(file: string): Promise<ModelHeader | null> {
  const { readGgufFileInfo } = await import("node-llama-cpp");
  try {
    const { metadata } = await readGgufFileInfo(file, {
      sourceType: "filesystem",
      readTensorInfo: false,
      ignoreKeys: vocabularyKeys,
      logWarnings: false,
    });
    const architecture: string = metadata.general.architecture;
    const parsed = headerSchema.safeParse(Object.entries(metadata).find(([key]) => key === architecture)?.[1]);
    return parsed.success ? { trainedContext: parsed.data.context_length, layers: parsed.data.block_count } : null;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** What decides how much memory a model takes; null where the file cannot be read, or does not say. */
export async function readModelShape(file: string): Promise<ModelShape | null> {
  const { readGgufFileInfo } = await import("node-llama-cpp");
  try {
    const info = await readGgufFileInfo(file, {
      sourceType: "filesystem",
      ignoreKeys: vocabularyKeys,
      logWarnings: false,
    });
    const parsed = shapeSchema.safeParse(info.architectureMetadata);
    if (!parsed.success) return null;
    const { attention, block_count: layers, embedding_length: embedding, context_length: contextTokens } = parsed.data;
    const headSize = attention.key_length ?? embedding / attention.head_count;
    return {
      bytes: await bytesOf(file, info.splicedParts),
      layers,
      embedding,
      kvHeads: average(attention.head_count_kv ?? attention.head_count),
      headSize,
      valueHeadSize: attention.value_length ?? headSize,
      vocabulary: vocabularyOf(info.fullTensorInfo ?? [], embedding),
      contextTokens,
    };
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

const size = z.int().min(1);
const shapeSchema = z.object({
  context_length: size,
  block_count: size,
  embedding_length: size,
  attention: z.object({
    head_count: size,
    // A list where layers differ.
    head_count_kv: z.union([z.int().min(0), z.array(z.int().min(0)).min(1)]).optional(),
    key_length: size.optional(),
    value_length: size.optional(),
  }),
});

function average(heads: number | readonly number[]): number {
  return typeof heads === "number" ? heads : heads.reduce((sum, count) => sum + count, 0) / heads.length;
}

/** A row of the embedding per token: the list of tokens itself is the one thing that takes long to read. */
function vocabularyOf(
  tensors: readonly { readonly name: string; readonly dimensions: readonly (number | bigint)[] }[],
  embedding: number,
): number {
  const table = tensors.find(({ name }) => name === "token_embd.weight" || name === "output.weight");
  const elements = (table?.dimensions ?? []).reduce<number>((product, length) => product * Number(length), 1);
  return Math.max(1, Math.round(elements / embedding));
}

/** Of all parts, where a model is split. */
async function bytesOf(file: string, parts: number): Promise<number> {
  const part = /-00001-of-(\d{5})\.gguf$/.exec(file);
  if (part === null || parts <= 1) return (await stat(file)).size;
  const names = Array.from({ length: parts }, (_, index) =>
    file.replace(part[0], `-${String(index + 1).padStart(5, "0")}-of-${part[1] ?? ""}.gguf`),
  );
  const sizes = await Promise.all(names.map(async (name) => (await stat(name)).size));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

const headerSchema = z.object({ context_length: z.int().min(1), block_count: z.int().min(1) });

/** By far the largest part of the metadata, and of no interest here. */
const vocabularyKeys = [
  "tokenizer.ggml.tokens",
  "tokenizer.ggml.scores",
  "tokenizer.ggml.token_type",
  "tokenizer.ggml.merges",
];
