import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { english } from "../../extension/protocol/sentence.ts";
import { defaultSettings, parseSettings, settingKeys } from "../../extension/protocol/settings.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

interface SettingManifest {
  readonly type: string;
  readonly default: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
  readonly markdownDescription?: string;
  readonly scope?: string;
  readonly order?: number;
}

interface Manifest {
  readonly icon: string;
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: {
    readonly configuration: readonly {
      readonly title: string;
      readonly order: number;
      readonly properties: Readonly<Record<string, SettingManifest>>;
    }[];
    readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
    readonly walkthroughs: readonly {
      readonly steps: readonly {
        readonly id: string;
        readonly media: { readonly image: Readonly<Record<string, string>>; readonly altText: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
    readonly viewsContainers: { readonly activitybar: readonly { readonly icon: string }[] };
  };
}

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;
const texts = JSON.parse(readFileSync(path.join(root, "package.nls.json"), "utf8")) as Readonly<Record<string, string>>;
const { configuration, commands, menus, viewsContainers } = manifest.contributes;
const settings = new Map(configuration.flatMap(({ properties }) => Object.entries(properties)));

const scopes = ["machine", "machine-overridable", "window", "resource", "language-overridable"];

test("package.json contributes exactly the settings that the engine reads", () => {
  assert.deepEqual([...settings.keys()].sort(), settingKeys.map((key) => `precis.${key}`).sort());
});

for (const key of settingKeys) {
  const shown = settings.get(`precis.${key}`);
  test(`precis.${key} has the engine's default, and is described and ordered`, () => {
    assert.ok(shown !== undefined);
    assert.deepEqual(shown.default, defaultSettings[key]);
    assert.match(told(shown.markdownDescription), /\.(\)|`)?$|\)$/);
    assert.equal(typeof shown.order, "number");
    assert.ok(scopes.includes(shown.scope ?? ""));
  });

  if (shown?.type === "integer" || shown?.type === "number") {
    test(`precis.${key} has the range that the engine accepts, no smaller and no larger`, () => {
      const { minimum = Number.NaN, maximum = Number.NaN } = shown;
      const step = shown.type === "integer" ? 1 : 0.001;
      for (const value of [minimum, maximum]) assert.deepEqual(problemsOf(key, value), [], `${value}`);
      for (const value of [minimum - step, maximum + step]) assert.equal(problemsOf(key, value).length, 1, `${value}`);
    });
  }

  if (shown?.enum !== undefined) {
    test(`precis.${key} offers every value that the engine knows, each with a description`, () => {
      const offered = shown.enum ?? [];
      for (const value of offered) assert.deepEqual(problemsOf(key, value), [], value);
      const [problem = ""] = problemsOf(key, "no such value");
      const known = [...problem.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
      for (const value of known) assert.ok(offered.includes(value ?? ""), `${String(value)} is not offered`);
      assert.equal(shown.enumDescriptions?.length, offered.length);
    });
  }
}

test("settings that choose what runs on the machine cannot be set by an untrusted workspace", () => {
  const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  for (const [name, { scope }] of settings) {
    if (scope === "machine") assert.ok(restrictedConfigurations.includes(name), name);
  }
  for (const name of restrictedConfigurations) assert.ok(settings.has(name), name);
});

test("a setting that can name anything, such as a file or an address, cannot be set by an untrusted workspace", () => {
  const { restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  const free = [...settings].filter(([, { type, enum: values }]) => type === "string" && values === undefined);
  assert.ok(free.length > 0);
  for (const [name, { scope }] of free) {
    assert.equal(scope, "machine", name);
    assert.ok(restrictedConfigurations.includes(name), name);
  }
});

test("there are at most 30 settings, in ordered categories", () => {
  assert.ok(settings.size <= 30);
  assert.deepEqual(
    configuration.map(({ order }) => order),
    configuration.map((_, index) => index + 1),
  );
});

test("every menu entry is a contributed command, and every command has a title and the category Precis", () => {
  const names = commands.map(({ command }) => command);
  for (const entry of Object.values(menus).flat()) assert.ok(names.includes(entry.command), entry.command);
  for (const { title, category } of commands) assert.ok(title !== "" && category === "Precis");
});

test("the walkthrough has at most 5 steps, each with pictures that exist and a way to be done", () => {
  const [walkthrough] = manifest.contributes.walkthroughs;
  assert.ok(walkthrough !== undefined && walkthrough.steps.length <= 5);
  for (const { id, media, completionEvents } of walkthrough.steps) {
    for (const file of Object.values(media.image)) assert.ok(existsSync(path.join(root, file)), file);
    assert.notEqual(media.altText, "", id);
    assert.ok(completionEvents.length > 0, id);
  }
});

test("the icons that package.json names exist", () => {
  for (const icon of [manifest.icon, ...viewsContainers.activitybar.map((container) => container.icon)]) {
    assert.ok(existsSync(path.join(root, icon)), icon);
  }
});

/** The English text that stands for a key of package.nls.json. */
function told(key = ""): string {
  return texts[key.slice(1, -1)] ?? "";
}

function problemsOf(key: string, value: unknown): readonly string[] {
  return parseSettings({ [key]: value }).problems.map(english);
}
