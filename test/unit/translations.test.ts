/** That the texts of the bundle reach the views: what a person sees is German once the editor is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { config } from "@vscode/l10n";
import { askPage } from "../../extension/host/askPage.ts";
import { failureText, failureView } from "../../extension/host/failureView.ts";
import { bytes, decimal, number, useLanguage } from "../../extension/host/numberText.ts";
import { trustNode } from "../../extension/host/trustNode.ts";
import { Failure } from "../../extension/protocol/failure.ts";

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
