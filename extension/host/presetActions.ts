import { t } from "@vscode/l10n";
import * as vscode from "vscode";
import type { Settings } from "../protocol/settings.ts";
import { number } from "./numberText.ts";
import { presetChanges, presetInForce, presetNames } from "./presets.ts";
import type { PresetChange, PresetName } from "./presets.ts";

export interface PresetActionsOptions {
  /** The settings in force. */
  readonly settings: () => Settings;
  /** Kept between windows: what a person had set before a preset was applied. */
  readonly store: vscode.Memento;
}

/** The user's own values before a preset; a missing value was the default. */
type ValuesBefore = readonly (readonly [key: string, value: unknown])[];

const storeKey = "precis.beforePreset";

/** Applies presets to the user's settings, and takes that back. */
export class PresetActions {
  readonly #options: PresetActionsOptions;

  constructor(options: PresetActionsOptions) {
    this.#options = options;
    this.#showUndo();
  }

  registerCommands(): vscode.Disposable[] {
    return [
      vscode.commands.registerCommand("precis.choosePreset", (name: unknown) => this.#choose(name)),
      vscode.commands.registerCommand("precis.undoPreset", () => this.#undo()),
    ];
  }

  /** `asked` is a preset that a command names; it is applied without a further question. */
  async #choose(asked: unknown): Promise<void> {
    const named = presetNames.find((name) => name === asked);
    if (named !== undefined) return this.#apply(presetChanges(named, this.#options.settings()));
    const name = await this.#pickPreset();
    if (name === null) return;
    if (name === "undo") return this.#undo();
    const changes = presetChanges(name, this.#options.settings());
    if (changes.length > 0 && (await confirmChanges(name, changes))) await this.#apply(changes);
  }

  async #pickPreset(): Promise<PresetName | "undo" | null> {
    const settings = this.#options.settings();
    const inForce = presetInForce(settings);
    const items: (vscode.QuickPickItem & { readonly value: PresetName | "undo" })[] = presetNames.map((value) => {
      const changes = presetChanges(value, settings);
      return {
        value,
        label: value === inForce ? `$(check) ${presetLabel(value)}` : presetLabel(value),
        description: presetMeaning(value),
        detail: changes.length === 0 ? t("In force") : changes.map(changeText).join(" · "),
      };
    });
    if (this.#before.length > 0) {
      items.push({
        value: "undo",
        label: `$(discard) ${t("Back to before")}`,
        detail: t("As it was before the preset"),
      });
    }
    const title = t("Choose a preset: setting, now → then");
    const chosen = await vscode.window.showQuickPick(items, { title, matchOnDetail: true });
    return chosen?.value ?? null;
  }

  async #apply(changes: readonly PresetChange[]): Promise<void> {
    const configuration = vscode.workspace.getConfiguration("precis");
    // A second preset in a row does not change what "before" was.
    const known = new Map(this.#before);
    for (const { key } of changes) {
      if (!known.has(key)) known.set(key, configuration.inspect(key)?.globalValue ?? null);
    }
    await this.#remember([...known]);
    for (const { key, then } of changes) {
      const isDefault = configuration.inspect(key)?.defaultValue === then;
      await configuration.update(key, isDefault ? undefined : then, vscode.ConfigurationTarget.Global);
    }
  }

  async #undo(): Promise<void> {
    const configuration = vscode.workspace.getConfiguration("precis");
    for (const [key, value] of this.#before) {
      await configuration.update(key, value ?? undefined, vscode.ConfigurationTarget.Global);
    }
    await this.#remember([]);
  }

  get #before(): ValuesBefore {
    return this.#options.store.get<ValuesBefore>(storeKey, []);
  }

  async #remember(before: ValuesBefore): Promise<void> {
    await this.#options.store.update(storeKey, before.length === 0 ? undefined : before);
    this.#showUndo();
  }

  #showUndo(): void {
    void vscode.commands.executeCommand("setContext", "precis.hasPresetToUndo", this.#before.length > 0);
  }
}

/** The preset in force; null where the settings are the person's own. */
export function presetText(settings: Settings): string | null {
  const name = presetInForce(settings);
  return name === null ? null : presetLabel(name);
}

function presetLabel(name: PresetName): string {
  return { eco: t("Eco"), balanced: t("Balanced"), max: t("Max") }[name];
}

function presetMeaning(name: PresetName): string {
  return {
    eco: t("short contexts and a small cache, for little memory or on battery"),
    balanced: t("as delivered"),
    max: t("long contexts and an almost whole cache, for a GPU or patience"),
  }[name];
}

/** Each change on a row of its own; the first row applies them. */
async function confirmChanges(name: PresetName, changes: readonly PresetChange[]): Promise<boolean> {
  const apply = { label: `$(check) ${t("Apply {0}", presetLabel(name))}`, detail: t("Writes these user settings") };
  const rows = changes.map((change) => ({ label: changeText(change) }));
  const title = t("What {0} changes", presetLabel(name));
  return (await vscode.window.showQuickPick([apply, ...rows], { title })) === apply;
}

function changeText({ key, now, then }: PresetChange): string {
  return `${key}: ${valueText(now)} → ${valueText(then)}`;
}

function valueText(value: unknown): string {
  return typeof value === "number" ? number(value) : String(value);
}
