import * as vscode from "vscode";
import type { ModelRole } from "../protocol/models.ts";
import { parseSettings, settingKeys } from "../protocol/settings.ts";
import type { Settings } from "../protocol/settings.ts";

/** The raw `precis.*` settings of a folder, keys without the prefix; the engine checks them. */
export function readSettings(folder: vscode.Uri | null): Readonly<Record<string, unknown>> {
  const configuration = vscode.workspace.getConfiguration("precis", folder);
  return Object.fromEntries(settingKeys.map((key) => [key, configuration.get(key)]));
}

/** The settings that decide whether and when a document is completed. They may differ by language. */
const documentKeys = [
  "complete.enabled",
  "complete.debounceMinMs",
  "complete.debounceMaxMs",
  "complete.prefetch",
] as const;

export function documentSettings(
  document: Pick<vscode.TextDocument, "uri" | "languageId">,
): Pick<Settings, (typeof documentKeys)[number]> {
  const configuration = vscode.workspace.getConfiguration("precis", document);
  return parseSettings(Object.fromEntries(documentKeys.map((key) => [key, configuration.get(key)]))).settings;
}

/** The globs that files.exclude and search.exclude switch on, without duplicates. */
export function readExcludeGlobs(folder: vscode.Uri): readonly string[] {
  const globs = ["files.exclude", "search.exclude"].flatMap((name) => {
    const value: unknown = vscode.workspace.getConfiguration(undefined, folder).get(name);
    if (typeof value !== "object" || value === null) return [];
    // A condition such as { when: "$(basename).ts" } hides files that are made from others; only `true` is a plain glob.
    return Object.entries(value).flatMap(([glob, on]) => (on === true ? [glob] : []));
  });
  return [...new Set(globs)].sort();
}

/** Sets a role's model file for this machine; empty: the role's default. */
export async function setModel(role: ModelRole, file: string): Promise<void> {
  const configuration = vscode.workspace.getConfiguration("precis");
  await configuration.update(`model.${role}`, file === "" ? undefined : file, vscode.ConfigurationTarget.Global);
}

/** A role's model file; empty: the role's default. */
export function modelInUse(role: ModelRole): string {
  return vscode.workspace.getConfiguration("precis").get<string>(`model.${role}`, "");
}
