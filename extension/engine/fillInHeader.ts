/** What a GGUF file says about filling in, read without loading the model. */
import * as z from "zod";
import type { FillInModel } from "../pipeline/fillInFormat.ts";

/** Rejects as node-llama-cpp's reader does where the file is missing or no GGUF file. */
export async function readFillInHeader(file: string): Promise<Omit<FillInModel, "bos">> {
  const { readGgufFileInfo } = await import("node-llama-cpp");
  const { metadata } = await readGgufFileInfo(file, {
    sourceType: "filesystem",
    readTensorInfo: false,
    ignoreKeys: ["tokenizer.ggml.scores", "tokenizer.ggml.merges"],
    logWarnings: false,
  });
  const vocabulary = vocabularySchema.safeParse(metadata.tokenizer.ggml);
  const { tokens, token_type: types, ...ids } = vocabulary.success ? vocabulary.data : noVocabulary;
  const declared = declaredSchema.safeParse(Object.entries(metadata).find(([key]) => key === "precis")?.[1]);
  const controls = new Map<string, number>();
  tokens.forEach((text, id) => {
    if (controlTypes.has(types[id] ?? controlType)) controls.set(text, id);
  });
  return {
    tokens: {
      fimPrefix: ids.fim_pre_token_id ?? ids.prefix_token_id ?? -1,
      fimSuffix: ids.fim_suf_token_id ?? ids.suffix_token_id ?? -1,
      fimMiddle: ids.fim_mid_token_id ?? ids.middle_token_id ?? -1,
    },
    tokenOf: (text) => controls.get(text) ?? -1,
    declared: declared.success ? declared.data.fill_in : null,
  };
}

/** llama.cpp's types `control` and `user defined`: only these are tokens of their own in any text. */
const controlType = 3;
const controlTypes: ReadonlySet<number> = new Set([controlType, 4]);

const id = z.int().min(0).optional();
const vocabularySchema = z.object({
  tokens: z.array(z.string()),
  token_type: z.array(z.number()).default([]),
  fim_pre_token_id: id,
  fim_suf_token_id: id,
  fim_mid_token_id: id,
  // Before llama.cpp gave them names of their own.
  prefix_token_id: id,
  suffix_token_id: id,
  middle_token_id: id,
});
const noVocabulary: z.infer<typeof vocabularySchema> = { tokens: [], token_type: [] };
const declaredSchema = z.object({ fill_in: z.string() });
