import assert from "node:assert/strict";
import { test } from "node:test";
import { mentionsIn, mentionText, withoutMentionMarks } from "../../extension/protocol/mentions.ts";
import {
  instructedQuestion,
  parseSlashLine,
  slashCommandNames,
  slashCommands,
} from "../../extension/protocol/slashCommands.ts";
import { knownSuggestions, placeSuggestions, tokenAt, accepted } from "../../webview/suggestions.ts";

test("a command stands at the beginning, alone or before its subject, in any case", () => {
  for (const command of slashCommandNames) {
    assert.deepEqual(parseSlashLine(` /${command} the valve\n`), { kind: "command", command, rest: "the valve" });
    assert.deepEqual(parseSlashLine(`/${command.toUpperCase()}`), { kind: "command", command, rest: "" });
  }
});

test("a path, a slash in the text and a bare question are no commands; another word after the slash is an unknown one", () => {
  for (const text of ["/usr/lib/x is what?", "why /find?", "why?", "/ why", "//"]) {
    assert.deepEqual(parseSlashLine(text), { kind: "plain", rest: text });
  }
  assert.deepEqual(parseSlashLine("/reticulate splines"), { kind: "unknown", name: "reticulate" });
});

test("every command that a model answers has an instruction of its own, and a search has none", () => {
  const asked = slashCommandNames.map((command) => instructedQuestion("x", command));
  assert.equal(new Set(asked).size, slashCommandNames.length);
  for (const command of slashCommandNames) {
    assert.equal(slashCommands[command].instruction === null, slashCommands[command].answers === "places");
    assert.ok(instructedQuestion("x", command).endsWith("x"));
  }
  assert.equal(instructedQuestion("x", undefined), "x");
});

test("mentions are found where words are, once each, without the sentence's punctuation", () => {
  const question =
    "Does #file:src/a.ts, (#symbol:Router.handle) and #file:src/a.ts use #selection? Not a#file:b or #fileb.";
  assert.deepEqual(mentionsIn(question), [
    { kind: "file", name: "src/a.ts" },
    { kind: "symbol", name: "Router.handle" },
    { kind: "selection", name: "" },
  ]);
  assert.equal(
    withoutMentionMarks(question),
    "Does src/a.ts, (Router.handle) and src/a.ts use the selected code? Not a#file:b or #fileb.",
  );
});

test("any name that a file system or a language can have comes back from a question as it was written into it", () => {
  const names = [
    "a b.ts",
    'quote".ts',
    "back\\slash",
    "new\nline",
    "ends.",
    "#file:x",
    "<img src=x>",
    "名前.ts",
    "operator ()",
    "x,",
  ];
  for (const name of names) {
    for (const kind of ["file", "symbol"] as const) {
      assert.deepEqual(mentionsIn(`What is ${mentionText({ kind, name })}?`), [{ kind, name }], name);
    }
  }
});

test("what stands before the cursor decides what is suggested", () => {
  const kinds = [
    "/fi",
    "  /",
    "why /fi",
    "#",
    "see #sym",
    "a#file:x",
    "#file:src/a",
    '#file:"my f',
    "#symbol:",
    "#file:a b",
  ];
  assert.deepEqual(
    kinds.map((text) => tokenAt(text, text.length)?.kind ?? null),
    ["command", "command", null, "mentionKind", "mentionKind", null, "file", "file", "symbol", null],
  );
  assert.deepEqual(tokenAt("see #file:val and", 13), { kind: "file", query: "val", from: 4, to: 13 });
  assert.deepEqual(tokenAt('#file:"my f', 11), { kind: "file", query: "my f", from: 0, to: 11 });
});

test("a suggestion takes the typed word's place and leaves the rest of the question alone", () => {
  const question = "see #file:val and go";
  const token = tokenAt(question, 13);
  assert.ok(token !== null);
  const place = { path: "src/my valve.ts", startLine: 0, endLine: 0, name: "src/my valve.ts", isExact: false };
  const [suggestion] = placeSuggestions("file", [place]);
  assert.ok(suggestion !== undefined);
  const taken = accepted(question, token, suggestion);
  assert.equal(taken.question, 'see #file:"src/my valve.ts" and go');
  assert.equal(taken.question.slice(taken.caret), "and go");
});

test("commands and kinds are offered by what they begin with, and a name that several places have only once", () => {
  const offered = (text: string) =>
    knownSuggestions(tokenAt(text, text.length) ?? assert.fail(text)).map(({ name }) => name);
  assert.deepEqual(offered("/"), [...slashCommandNames]);
  assert.deepEqual(offered("/d"), ["doc"]);
  assert.deepEqual(offered("#s"), ["symbol", "selection"]);
  const place = { path: "a.ts", startLine: 3, endLine: 4, name: "run", isExact: true };
  const suggestions = placeSuggestions("symbol", [place, { ...place, path: "b.ts" }]);
  assert.deepEqual(
    suggestions.map((one) => ("detail" in one ? one.detail : "")),
    ["a.ts:3"],
  );
});
