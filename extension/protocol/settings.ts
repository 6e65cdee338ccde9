import * as z from "zod";

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
  "budget.contextTokens": z.int().min(0).max(131072).default(0),
  "budget.answerTokens": z.int().min(16).max(16384).default(1024),
  "budget.digestPercent": z.int().min(0).max(20).default(2),
  "model.assistant": z.string().default(""),
  "model.scorer": z.string().default(""),
  "model.completer": z.string().default(""),
  "engine.device": z.enum(devices).default("auto"),
  "engine.threads": z.int().min(0).max(256).default(0),
  "engine.kvType": z.enum(kvTypes).default("auto"),
  "kv.keepRatio": z.number().min(0.1).max(1).default(0.5),
  "kv.evictor": z.enum(evictorNames).default("kvzip-composite-refit"),
  "kv.diskLimitGiB": z.number().min(0).max(1024).default(4),
  "answer.temperature": z.number().min(0).max(2).default(0.2),
  "ranking.ranker": z.enum(rankerNames).default("fused"),
  "complete.enabled": z.boolean().default(true),
  "complete.budgetTokens": z.int().min(256).max(8192).default(1024),
  "complete.prefixPercent": z.int().min(5).max(90).default(35),
  "complete.suffixPercent": z.int().min(0).max(60).default(15),
  "complete.maxTokens": z.int().min(8).max(512).default(128),
  "complete.maxLines": z.int().min(1).max(60).default(12),
  "complete.debounceMinMs": z.int().min(0).max(5000).default(75),
  "complete.debounceMaxMs": z.int().min(0).max(10000).default(600),
  "complete.prefetch": z.boolean().default(true),
  "index.ignoreGlobs": z.array(z.string()).default([]),
  "index.maxFileKiB": z.int().min(16).max(65536).default(1024),
  "index.onOpen": z.boolean().default(true),
} as const;

type Fields = typeof fields;
export type SettingKey = keyof Fields;
export type Settings = { readonly [K in SettingKey]: z.infer<Fields[K]> };

export const settingKeys = Object.keys(fields) as SettingKey[];

/** Every setting at its default. `0` tokens or threads means: chosen for this machine. */
export const defaultSettings: Settings = parseSettings({}).settings;

export interface ParsedSettings {
  readonly settings: Settings;
  /** One sentence per value that was not valid and was replaced by its default. */
  readonly problems: readonly string[];
}

/** Reads settings from untrusted values. Never throws: a value that does not fit is named and its default is used. */
export function parseSettings(raw: Readonly<Record<string, unknown>>): ParsedSettings {
  const settings: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const key of settingKeys) {
    const field = fields[key];
    const parsed = field.safeParse(raw[key]);
    if (parsed.success) {
      settings[key] = parsed.data;
    } else {
      settings[key] = field.parse(undefined);
      const issue = parsed.error.issues[0]?.message ?? "not valid";
      problems.push(`precis.${key}: ${issue}; the default ${JSON.stringify(settings[key])} is used.`);
    }
  }
  return { settings: settings as Settings, problems };
}
