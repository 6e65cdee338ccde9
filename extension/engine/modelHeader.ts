import * as z from "zod";

export interface ModelHeader {
  readonly trainedContext: number;
  readonly layers: number;
  /** Whether a prompt to fill in holds what follows the hole before what precedes it, as our own code model learned. */
  readonly isSuffixFirst: boolean;
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
    const section = (name: string): unknown => Object.entries(metadata).find(([key]) => key === name)?.[1];
    const parsed = headerSchema.safeParse(section(architecture));
    if (!parsed.success) return null;
    return {
      trainedContext: parsed.data.context_length,
      layers: parsed.data.block_count,
      isSuffixFirst: ownSchema.safeParse(section("precis")).success,
    };
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

const headerSchema = z.object({ context_length: z.int().min(1), block_count: z.int().min(1) });

/** Keys that the recipe of models/training writes. */
const ownSchema = z.object({ fill_in: z.literal("suffix-first") });

/** By far the largest part of the metadata, and of no interest here. */
const vocabularyKeys = [
  "tokenizer.ggml.tokens",
  "tokenizer.ggml.scores",
  "tokenizer.ggml.token_type",
  "tokenizer.ggml.merges",
];
