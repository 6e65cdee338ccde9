import * as z from "zod/mini";
import { sentence } from "./sentence.ts";
import type { Sentence } from "./sentence.ts";

export const devices = ["auto", "cpu", "cuda", "vulkan", "metal"] as const;
/** `auto` takes the fastest device that works. */
export type Device = (typeof devices)[number];

export const rankerNames = [
  "random",
  "bm25",
  "lexical",
  "static",
  "graph",
  "longcodezip",
  "likelihood",
  "fused",
] as const;
export type RankerName = (typeof rankerNames)[number];

export const kvTypes = ["auto", "f16", "q8_0", "q4_0"] as const;
export type KvType = (typeof kvTypes)[number];

/** How the cells of the KV cache that stay are chosen; the rows of `evictors`. */
export const evictorNames = [
  "none",
  "random",
  "recency",
  "keydiff",
  "snapkv",
  "chunkkv",
  "kvzip",
  "kvzip-composite",
  "kvzip-composite-refit",
] as const;
export type EvictorName = (typeof evictorNames)[number];

/** One field per setting of package.json (`precis.<key>`); each invalid field falls back to its default. */
const fields = {
  "budget.contextTokens": z._default(z.int().check(z.minimum(0), z.maximum(131072)), 0),
  "budget.answerTokens": z._default(z.int().check(z.minimum(16), z.maximum(16384)), 1024),
  "budget.digestPercent": z._default(z.int().check(z.minimum(0), z.maximum(20)), 2),
  "budget.openFilePercent": z._default(z.int().check(z.minimum(0), z.maximum(45)), 20),
  "budget.historyPercent": z._default(z.int().check(z.minimum(0), z.maximum(45)), 25),
  "model.assistant": z._default(z.string(), ""),
  "model.scorer": z._default(z.string(), ""),
  "model.completer": z._default(z.string(), ""),
  "model.folder": z._default(z.string(), ""),
  "engine.device": z._default(z.enum(devices), "auto"),
  "engine.threads": z._default(z.int().check(z.minimum(0), z.maximum(256)), 0),
  "engine.kvType": z._default(z.enum(kvTypes), "auto"),
  "kv.keepRatio": z._default(z.number().check(z.minimum(0.1), z.maximum(1)), 0.5),
  "kv.evictor": z._default(z.enum(evictorNames), "kvzip-composite-refit"),
  "kv.diskLimitGiB": z._default(z.number().check(z.minimum(0), z.maximum(1024)), 4),
  "answer.temperature": z._default(z.number().check(z.minimum(0), z.maximum(2)), 0.2),
  "ranking.ranker": z._default(z.enum(rankerNames), "fused"),
  "complete.enabled": z._default(z.boolean(), true),
  "complete.budgetTokens": z._default(z.int().check(z.minimum(256), z.maximum(8192)), 1024),
  "complete.prefixPercent": z._default(z.int().check(z.minimum(5), z.maximum(90)), 35),
  "complete.suffixPercent": z._default(z.int().check(z.minimum(0), z.maximum(60)), 15),
  "complete.maxTokens": z._default(z.int().check(z.minimum(8), z.maximum(512)), 128),
  "complete.maxLines": z._default(z.int().check(z.minimum(1), z.maximum(60)), 12),
  "complete.debounceMinMs": z._default(z.int().check(z.minimum(0), z.maximum(5000)), 75),
  "complete.debounceMaxMs": z._default(z.int().check(z.minimum(0), z.maximum(10000)), 600),
  "complete.prefetch": z._default(z.boolean(), true),
  "index.ignoreGlobs": z._default(z.array(z.string()), []),
  "index.maxFileKiB": z._default(z.int().check(z.minimum(16), z.maximum(65536)), 1024),
  "index.onOpen": z._default(z.boolean(), true),
} as const;

type Fields = typeof fields;
export type SettingKey = keyof Fields;
export type Settings = { readonly [K in SettingKey]: z.infer<Fields[K]> };

export const settingKeys = Object.keys(fields) as SettingKey[];

/** Every setting at its default. `0` tokens or threads means: chosen for this machine. */
export const defaultSettings: Settings = parseSettings({}).settings;

export interface ParsedSettings {
  readonly settings: Settings;
  /** One per value that was not valid and was replaced by its default. */
  readonly problems: readonly Sentence[];
}

/** Reads settings from untrusted values. Never throws: a value that does not fit is named and its default is used. */
export function parseSettings(raw: Readonly<Record<string, unknown>>): ParsedSettings {
  const settings: Record<string, unknown> = {};
  const problems: Sentence[] = [];
  for (const key of settingKeys) {
    const field = fields[key];
    const parsed = field.safeParse(raw[key], { reportInput: true });
    if (parsed.success) {
      settings[key] = parsed.data;
    } else {
      settings[key] = field.parse(undefined);
      problems.push(problemOf(key, parsed.error.issues[0], JSON.stringify(settings[key])));
    }
  }
  return { settings: settings as Settings, problems };
}

/** What is wrong with a value, in zod's words, which nobody could translate if they came from zod. */
function problemOf(key: SettingKey, issue: z.core.$ZodIssue | undefined, used: string): Sentence {
  switch (issue?.code) {
    case "too_small":
      return sentence(
        "precis.{0}: Too small: expected number to be >={1}; the default {2} is used.",
        key,
        Number(issue.minimum),
        used,
      );
    case "too_big":
      return sentence(
        "precis.{0}: Too big: expected number to be <={1}; the default {2} is used.",
        key,
        Number(issue.maximum),
        used,
      );
    case "invalid_value":
      return sentence(
        "precis.{0}: Invalid option: expected one of {1}; the default {2} is used.",
        key,
        issue.values.map((value) => JSON.stringify(value)).join("|"),
        used,
      );
    case "invalid_type":
      return sentence(
        "precis.{0}: Invalid input: expected {1}, received {2}; the default {3} is used.",
        key,
        issue.expected,
        z.util.parsedType(issue.input),
        used,
      );
    default:
      return sentence("precis.{0}: not valid; the default {1} is used.", key, used);
  }
}
