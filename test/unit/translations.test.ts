/** That the texts of the bundle reach the views: what a person sees is German once the editor is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { config } from "@vscode/l10n";
import { askPage } from "../../extension/host/askPage.ts";
import { contextRow } from "../../extension/host/contextRows.ts";
import { explainSuggestion } from "../../extension/host/explainSuggestion.ts";
import { failureText, failureView } from "../../extension/host/failureView.ts";
import { bytes, decimal, number, useLanguage } from "../../extension/host/numberText.ts";
import { sentenceText } from "../../extension/host/sentenceText.ts";
import { trustNode } from "../../extension/host/trustNode.ts";
import { Failure } from "../../extension/protocol/failure.ts";
import { noChoices } from "../../extension/protocol/personChoices.ts";
import { sentence } from "../../extension/protocol/sentence.ts";
import { completionOf } from "../support/completions.ts";
import { droppedOf, promptOf, unitReference } from "../support/prompts.ts";

const root = path.resolve(import.meta.dirname, "../..");
const german = JSON.parse(readFileSync(path.join(root, "l10n/bundle.l10n.de.json"), "utf8")) as Record<string, string>;

before(() => {
  config({ contents: german });
  useLanguage("de");
});
after(() => {
  config({ contents: {} });
  useLanguage("en");
});

test("failures are told in the editor's language, with what happened as it is", () => {
  const failure = new Failure("modelMissing", "/models/a.gguf");
  assert.match(failureText(failure), /^Die Modelldatei gibt es nicht\..* \(\/models\/a\.gguf\)$/);
  assert.match(failureView(failure).sentence, /^Die Modelldatei/);
});

test("numbers are written as in the editor's language", () => {
  assert.equal(number(12_345), "12.345");
  assert.equal(decimal(3.14159, 2), "3,14");
  assert.equal(bytes(1.5 * 1024 ** 3), "1,5 GiB");
});

test("rows of the Engine view are in the editor's language", () => {
  assert.equal(trustNode(false)?.label, "Arbeitsbereich nicht vertrauenswürdig");
  assert.equal(trustNode(true), null);
});

test("what the engine says is told in the editor's language, with names and numbers as they are", () => {
  assert.equal(sentenceText(sentence("defines `{0}`", "Valve.open")), "definiert `Valve.open`");
  const why = sentence("needs {0} tokens, {1} were left", 812, 214);
  assert.equal(sentenceText(why), "braucht 812 Token, 214 waren noch frei");
});

test("the Context view says in the editor's language why code is there, why it is not, and what never is", () => {
  const reasons = [sentence("used by {0} files", 3), sentence("ranked lower: a test")];
  const { pieces } = promptOf([{ share: "retrieved", tokensSent: 9, unit: unitReference("lid"), reasons }]);
  const [piece] = pieces;
  assert.ok(piece !== undefined);
  const shown = contextRow({ kind: "piece", piece }, noChoices);
  assert.match(
    shown.tooltip,
    /^Funktion lid\n.*\nGrund: wird von 3 Dateien verwendet\nGrund: niedriger gewertet: ein Test$/s,
  );
  const left = contextRow({ kind: "dropped", dropped: droppedOf("pump") }, noChoices);
  assert.equal(left.description, "40 Token · 1,00 · braucht 40 Token, 12 waren noch frei");
  const file = { path: ".env", reason: "secret", detail: sentence("its name says that it holds secrets") } as const;
  assert.equal(contextRow({ kind: "skipped", file }, noChoices).description, "enthält dem Namen nach Geheimnisse");
});

test("the explanation of a suggestion says in the editor's language why each piece was read", () => {
  const reasons = [sentence("imported"), sentence("in the same folder")];
  const unit = { path: "src/sum.ts", name: "sum", startLine: 7 };
  const completion = completionOf("x", { pieces: [{ share: "imports", text: "", tokens: 12, unit, reasons }] });
  const record = { place: { name: "a.ts", line: 1, column: 1 }, isCached: false, typed: 0, waitedMs: 75, ms: 84 };
  const text = explainSuggestion({ ...record, outcome: { kind: "suggested", text: "x", completion } }, null);
  assert.match(text, /^- importiert, `src\/sum\.ts:7` sum 12 Token: im selben Ordner$/m);
});

test("the Ask view's page carries language and texts, and no text of them can end the script that holds them", () => {
  const page = askPage({
    nonce: "n",
    cspSource: "https://example",
    uri: (name) => name,
    language: "de",
    translations: { Ask: "</script><script>alert(1)</script>" },
  });
  assert.match(page, /<html lang="de">/);
  assert.equal(page.match(/<script/g)?.length, 2);
});
