import { sentence } from "../protocol/sentence.ts";
import type { Sentence } from "../protocol/sentence.ts";

/** Said of a model whose cache can be compressed. */
export const noRefusal: Sentence = { text: "", values: [] };

/** Why a model's cache cannot be compressed, from what the native engine said when it refused to take it apart. */
export function refusalSentence(detail: string): Sentence {
  const [, architecture = "", why = ""] = /^capturing .* the cache of (\S+): (.*)$/.exec(detail) ?? [];
  // What is not known here stays as the native engine said it.
  return isKnown(why) ? sentence(refusals[why], architecture) : { text: detail, values: [] };
}

function isKnown(why: string): why is keyof typeof refusals {
  return Object.hasOwn(refusals, why);
}

/** By what `cache_refusal` in native/core/kv-model.cpp returns. */
const refusals = {
  "recurrent layers": "capturing a sequence is not supported for the cache of {0}: recurrent layers",
  "several positions per token (M-RoPE)":
    "capturing a sequence is not supported for the cache of {0}: several positions per token (M-RoPE)",
  "latent attention (MLA)": "capturing a sequence is not supported for the cache of {0}: latent attention (MLA)",
  "a sliding window (SWA)": "capturing a sequence is not supported for the cache of {0}: a sliding window (SWA)",
  "no keys and values": "capturing a sequence is not supported for the cache of {0}: no keys and values",
} as const;
