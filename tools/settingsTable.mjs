// Writes docs/settings.md from package.json: npm run docs
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const scopes = {
  machine: "this machine",
  "machine-overridable": "this machine, or a workspace",
  window: "user or workspace",
  resource: "user, workspace or folder",
  "language-overridable": "user, workspace, folder or language",
};

/**
 * All settings by category, in the order of the settings editor.
 *
 * @returns {string} Markdown
 */
export function settingsText() {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const texts = JSON.parse(readFileSync(path.join(root, "package.nls.json"), "utf8"));
  const told = (text) => texts[/^%(.+)%$/.exec(text)?.[1] ?? ""] ?? text;
  const categories = manifest.contributes.configuration.map(({ title, properties }) =>
    [
      `## ${told(title)}`,
      table(
        Object.entries(properties).sort(([, a], [, b]) => a.order - b.order),
        told,
      ),
      ...Object.entries(properties).flatMap(([name, setting]) => values(name, setting, told)),
    ].join("\n\n"),
  );
  const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
  return [
    "# Settings",
    "Written by `npm run docs` from `package.json`. An invalid value is named in the Engine view, and the default counts.",
    ...categories,
    "## In a workspace that is not trusted",
    `There the workspace's own values of these settings do not count: ${restricted.map((name) => `\`${name}\``).join(", ")}.`,
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

function table(settings, told) {
  const rows = settings.map(([name, setting]) =>
    [
      `\`${name}\``,
      defaultText(setting),
      rangeText(setting),
      scopes[setting.scope],
      plain(told(setting.markdownDescription)),
    ]
      .map((cell) => cell.replaceAll("|", "\\|"))
      .join(" | "),
  );
  return ["setting | default | values | set for | meaning", "--- | --- | --- | --- | ---", ...rows]
    .map((row) => `| ${row} |`)
    .join("\n");
}

/** What each value of an enumeration means. */
function values(name, setting, told) {
  if (setting.enum === undefined) return [];
  const descriptions = setting.enumDescriptions ?? setting.markdownEnumDescriptions;
  return [
    `\`${name}\`:`,
    setting.enum.map((value, index) => `- \`${value}\`: ${plain(told(descriptions[index]))}`).join("\n"),
  ];
}

function defaultText({ default: value }) {
  if (value === "" || (Array.isArray(value) && value.length === 0)) return "empty";
  return `\`${typeof value === "object" ? JSON.stringify(value) : value}\``;
}

function rangeText({ type, minimum, maximum, enum: list }) {
  if (list !== undefined) return "see below";
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return { boolean: "`true`, `false`", array: "list of texts", string: "text" }[type] ?? type;
}

/** Without what only the settings editor understands: links to settings and to commands. */
function plain(text) {
  return text
    .replace(/`#([\w.]+)#`/g, "`$1`")
    .replace(/\[([^\]]*)\]\(command:[^)]*\)/g, "$1")
    .replaceAll("\n", " ")
    .trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(path.join(root, "docs", "settings.md"), settingsText());
}
