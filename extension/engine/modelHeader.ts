import * as z from "zod";

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

const headerSchema = z.object({ context_length: z.int().min(1), block_count: z.int().min(1) });

/** By far the largest part of the metadata, and of no interest here. */
const vocabularyKeys = [
  "tokenizer.ggml.tokens",
  "tokenizer.ggml.scores",
  "tokenizer.ggml.token_type",
  "tokenizer.ggml.merges",
];
