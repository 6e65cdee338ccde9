import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../extension/protocol/failure.ts";
import type { CursorSyntax } from "../../extension/protocol/complete.ts";
import { completionOf, noCompletion } from "../support/completions.ts";
import { requestAt, ScriptedCompletions } from "../support/scriptedCompletions.ts";

const never = new AbortController().signal;

test("a suggestion comes from the engine, which gets the text, the trigger and the syntax", async () => {
  const { scripted, completer } = start();
  const syntax: CursorSyntax = { place: "code", scope: { name: "f", startLine: 1, endLine: 3 }, block: null };
  const suggested = completer.suggest(requestAt("let a = ", { syntax: () => Promise.resolve(syntax) }), never);
  const request = await scripted.request(0);
  assert.equal(request.params.before, "let a = ");
  assert.equal(request.params.trigger, "automatic");
  assert.deepEqual(request.params.syntax, syntax);
  request.answer(completionOf("1;"));
  assert.deepEqual(await suggested, { text: "1;", replaces: 0 });
  assert.equal(completer.last?.outcome.kind, "suggested");
});

test("what is typed through a suggestion needs neither engine nor pause", async () => {
  const { scripted, completer } = start();
  await answered(scripted, "let a = ", "sum(beds);");
  const waited = scripted.waitedMs.length;
  for (const typed of ["s", "su", "sum("]) {
    assert.equal(
      (await completer.suggest(requestAt(`let a = ${typed}`), never))?.text,
      "sum(beds);".slice(typed.length),
    );
  }
  assert.equal(scripted.requests.length, 1);
  assert.equal(scripted.waitedMs.length, waited);
  assert.deepEqual([completer.last?.isCached, completer.last?.typed], [true, 4]);
});

test("the engine is asked only after a pause, counted from the last key; at once when somebody asks", async () => {
  const { scripted, completer } = start();
  scripted.nowMs = 1_050;
  void completer.suggest(requestAt("a", { changedMs: 1_000 }), never);
  await scripted.request(0);
  void completer.suggest(requestAt("ab", { changedMs: scripted.nowMs, trigger: "explicit" }), never);
  assert.equal((await scripted.request(1)).params.trigger, "explicit");
  void completer.suggest(requestAt("abc", { changedMs: scripted.nowMs - 5_000 }), never);
  await scripted.request(2);
  assert.deepEqual(scripted.waitedMs, [25]);
});

test("the pause grows with the time that the engine takes", async () => {
  const { scripted, completer } = start();
  for (const before of ["a", "b", "c"]) {
    const suggested = completer.suggest(requestAt(before, { changedMs: scripted.nowMs }), never);
    const request = await scripted.request(scripted.requests.length);
    scripted.nowMs += 800;
    request.answer(completionOf("x"));
    await suggested;
  }
  assert.deepEqual(scripted.waitedMs, [75, 400, 400]);
});

test("a newer request takes the place of an older one, which ends with nothing", async () => {
  const { scripted, completer } = start();
  const older = completer.suggest(requestAt("a"), never);
  const first = await scripted.request(0);
  const newer = completer.suggest(requestAt("ab"), never);
  assert.ok(first.signal.aborted);
  assert.equal(await older, null);
  (await scripted.request(1)).answer(completionOf("c"));
  assert.equal((await newer)?.text, "c");
});

test("cancelling ends a request at the engine, and nothing is kept of it", async () => {
  const { scripted, completer } = start();
  const abort = new AbortController();
  const suggested = completer.suggest(requestAt("a"), abort.signal);
  const request = await scripted.request(0);
  abort.abort();
  assert.equal(await suggested, null);
  assert.ok(request.signal.aborted);
  assert.equal(completer.last, null);
});

test("who cancels during the pause never bothers the engine", async () => {
  const { scripted, completer } = start();
  assert.equal(await completer.suggest(requestAt("a"), AbortSignal.abort()), null);
  assert.equal(scripted.requests.length, 0);
});

test("where the engine has nothing to suggest, the reason is kept, and it is asked again", async () => {
  const { scripted, completer } = start();
  const suggested = completer.suggest(requestAt("a"), never);
  (await scripted.request(0)).answer(noCompletion("unsure"));
  assert.equal(await suggested, null);
  const outcome = completer.last?.outcome;
  assert.equal(outcome?.kind === "nothing" && outcome.completion.nothing, "unsure");
  void completer.suggest(requestAt("a"), never);
  await scripted.request(1);
});

test("a failure is kept, not thrown; the suggestion before it is still known", async () => {
  const { scripted, completer } = start();
  await answered(scripted, "a", "b");
  const suggested = completer.suggest(requestAt("x"), never);
  (await scripted.request(1)).fail(new Failure("modelMissing", "m.gguf"));
  assert.equal(await suggested, null);
  const outcome = completer.last?.outcome;
  assert.equal(outcome?.kind === "failed" && outcome.failure.code, "modelMissing");
  assert.equal(completer.lastSuggested?.outcome.kind, "suggested");
  assert.equal(completer.isThinking, false);
});

test("syntax that cannot be had does not keep the suggestion away", async () => {
  const { scripted, completer } = start();
  const suggested = completer.suggest(requestAt("a", { syntax: () => Promise.resolve(null) }), never);
  const request = await scripted.request(0);
  assert.ok(!("syntax" in request.params));
  request.answer(completionOf("b"));
  assert.equal((await suggested)?.text, "b");
});

test("the next suggestion is fetched ahead, once, and is there when the first is accepted", async () => {
  const { scripted, completer } = start();
  const changes = { prefetch: true };
  const suggested = completer.suggest(requestAt("let a = ", changes), never);
  (await scripted.request(0)).answer(completionOf("sum();"));
  await suggested;
  const ahead = await scripted.request(1);
  assert.deepEqual([ahead.params.before, ahead.params.trigger], ["let a = sum();", "prefetch"]);
  ahead.answer(completionOf("\nreturn a;"));
  await completer.fetchedAhead();
  for (const typed of ["s", "su"]) await completer.suggest(requestAt(`let a = ${typed}`, changes), never);
  assert.equal((await completer.suggest(requestAt("let a = sum();"), never))?.text, "\nreturn a;");
  assert.equal(scripted.requests.length, 2);
});

test("nothing to suggest ahead is not asked for again with every key", async () => {
  const { scripted, completer } = start();
  const changes = { prefetch: true };
  await answered(scripted, "let a = ", "sum();", changes);
  (await scripted.request(1)).answer(noCompletion("modelSilent"));
  for (const typed of ["s", "su", "sum"]) await completer.suggest(requestAt(`let a = ${typed}`, changes), never);
  assert.equal(scripted.requests.length, 2);
});

test("who accepts while the next suggestion is being fetched gets that one", async () => {
  const { scripted, completer } = start();
  await answered(scripted, "let a = ", "sum();", { prefetch: true });
  const ahead = await scripted.request(1);
  const accepted = completer.suggest(requestAt("let a = sum();"), never);
  ahead.answer(completionOf("\nreturn a;"));
  assert.equal((await accepted)?.text, "\nreturn a;");
  assert.equal(scripted.requests.length, 2);
});

test("fetching ahead gives way to what is asked for", async () => {
  const { scripted, completer } = start();
  await answered(scripted, "let a = ", "sum();", { prefetch: true });
  const ahead = await scripted.request(1);
  void completer.suggest(requestAt("let b = "), never);
  await scripted.request(2);
  assert.ok(ahead.signal.aborted);
});

test("nothing is fetched ahead where the setting is off", async () => {
  const { scripted, completer } = start();
  await answered(scripted, "let a = ", "sum();");
  await completer.suggest(requestAt("let a = s"), never);
  assert.equal(scripted.requests.length, 1);
});

test("what was suggested under other settings is forgotten", async () => {
  const { scripted, completer } = start();
  await answered(scripted, "let a = ", "sum();");
  completer.forget();
  void completer.suggest(requestAt("let a = "), never);
  await scripted.request(1);
});

test("it is thinking exactly while the engine is asked", async () => {
  const { scripted, completer } = start();
  const seen: boolean[] = [];
  completer.onChanged(() => seen.push(completer.isThinking));
  await answered(scripted, "a", "b");
  assert.deepEqual(seen, [true, false, false]);
  assert.equal(completer.answeredMs, 0);
});

function start(): { scripted: ScriptedCompletions; completer: ScriptedCompletions["completer"] } {
  const scripted = new ScriptedCompletions();
  return { scripted, completer: scripted.completer };
}

async function answered(
  scripted: ScriptedCompletions,
  before: string,
  text: string,
  changes: Parameters<typeof requestAt>[1] = {},
): Promise<void> {
  const number = scripted.requests.length;
  const suggested = scripted.completer.suggest(requestAt(before, changes), never);
  (await scripted.request(number)).answer(completionOf(text));
  await suggested;
}
