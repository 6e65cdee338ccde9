/** Settings that belong together: how much context and cache a machine can afford. */
import { defaultSettings } from "../protocol/settings.ts";
import type { SettingKey, Settings } from "../protocol/settings.ts";

export const presetNames = ["eco", "balanced", "max"] as const;
export type PresetName = (typeof presetNames)[number];

/** What a preset sets; all presets set the same keys, so that one replaces another. */
type PresetSettings = Pick<Settings, (typeof presetKeys)[number]>;

const presetKeys = [
  "budget.contextTokens",
  "budget.answerTokens",
  "budget.digestPercent",
  "budget.openFilePercent",
  "budget.historyPercent",
  "kv.keepRatio",
  "kv.diskLimitGiB",
  "complete.budgetTokens",
  "complete.maxTokens",
  "complete.prefetch",
] as const satisfies readonly SettingKey[];

const eco: PresetSettings = {
  "budget.contextTokens": 2048,
  "budget.answerTokens": 512,
  "budget.digestPercent": 0,
  "budget.openFilePercent": 15,
  "budget.historyPercent": 15,
  "kv.keepRatio": 0.3,
  "kv.diskLimitGiB": 1,
  "complete.budgetTokens": 512,
  "complete.maxTokens": 64,
  "complete.prefetch": false,
};

const max: PresetSettings = {
  "budget.contextTokens": 16384,
  "budget.answerTokens": 4096,
  "budget.digestPercent": 4,
  "budget.openFilePercent": 20,
  "budget.historyPercent": 30,
  "kv.keepRatio": 0.8,
  "kv.diskLimitGiB": 16,
  "complete.budgetTokens": 2048,
  "complete.maxTokens": 256,
  "complete.prefetch": true,
};

/** eco for small machines and batteries, balanced as delivered, max for what the model can make of it. */
export const presets: Readonly<Record<PresetName, PresetSettings>> = {
  eco,
  balanced: defaultSettings,
  max,
};

/** One setting that a preset would change. */
export interface PresetChange {
  readonly key: SettingKey;
  readonly now: unknown;
  readonly then: unknown;
}

/** What would change; nothing where the preset is in force already. */
export function presetChanges(name: PresetName, now: Settings): PresetChange[] {
  return presetKeys
    .map((key) => ({ key, now: now[key], then: presets[name][key] }))
    .filter((change) => change.now !== change.then);
}

/** The preset that is in force; null where settings are the person's own. */
export function presetInForce(now: Settings): PresetName | null {
  return presetNames.find((name) => presetChanges(name, now).length === 0) ?? null;
}
