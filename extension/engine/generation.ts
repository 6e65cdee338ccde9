import type { NativeModel, SamplerOptions } from "../../native/addon.ts";
import type { StopReason } from "../protocol/units.ts";
import { whileCancellable } from "./cancellable.ts";
import { nativeFailure } from "./nativeFailure.ts";
import type { SessionCache } from "./sessionCache.ts";
import { sequence } from "./servingContext.ts";
import { TextStream } from "./textStream.ts";

export interface GenerateOptions extends SamplerOptions {
  readonly maxTokens: number;
  /** In addition to the chat format's own. */
  readonly stopStrings?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface GenerateResult {
  readonly stopReason: StopReason;
  /** Tokens generated, the ending one included. */
  readonly tokens: number;
}

/**
 * Writes on after what the cache holds. Yields text that is certain: no half characters, and nothing that is or may
 * become part of a stop string. Returns why it stopped; an abort is a stop reason, not a failure.
 */
export async function* generate(
  model: NativeModel,
  cache: SessionCache,
  options: GenerateOptions,
): AsyncGenerator<string, GenerateResult, undefined> {
  const { native } = cache.serving;
  const text = new TextStream(options.stopStrings ?? []);
  let tokens = 0;
  const done = (stopReason: StopReason): GenerateResult => ({ stopReason, tokens });
  if (options.signal?.aborted) return done("cancelled");
  try {
    const sampler = model.createSampler({
      temperature: options.temperature,
      ...defined({ topK: options.topK, topP: options.topP, minP: options.minP, seed: options.seed }),
      ...defined({ repeatPenalty: options.repeatPenalty, repeatLastTokens: options.repeatLastTokens }),
    });
    try {
      while (tokens < options.maxTokens && cache.hasRoom) {
        const token = await whileCancellable(native, options.signal, () => native.next(sequence, sampler));
        tokens += 1;
        if (model.isEndOfGeneration(token)) {
          const rest = text.end();
          if (rest !== "") yield rest;
          return done("end");
        }
        cache.push(token);
        const delta = text.push(model.detokenize(Int32Array.of(token), { special: false }));
        if (delta !== "") yield delta;
        if (text.stopped) return done("stopString");
        if (options.signal?.aborted) return done("cancelled");
      }
    } finally {
      sampler.close();
    }
    return done("length");
  } catch (error) {
    const failure = nativeFailure(error);
    if (failure.code === "cancelled") return done("cancelled");
    throw failure;
  }
}

/** The fields that have a value: under exactOptionalPropertyTypes an absent option must not be `undefined`. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
