import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Conversation } from "../../extension/host/conversation.ts";
import { ConversationStore } from "../../extension/host/conversationStore.ts";
import { History } from "../../extension/host/history.ts";
import { answer, fakeConversation } from "../support/fakeEngine.ts";
import type { FakeEngine } from "../support/fakeEngine.ts";

interface Window {
  readonly engine: FakeEngine;
  readonly conversation: Conversation;
  readonly history: History;
}

test("a window that opens again shows the conversation that it showed, and one that began anew shows none", async (t) => {
  const workspace = await workspaceOf(t);
  const before = workspace.open();
  await before.conversation.ask("why?");
  await untilListed(before, ["why?"]);
  before.history.dispose();
  const after = workspace.open();
  await after.history.restore();
  assert.deepEqual(
    after.conversation.turns.map(({ question, text }) => [question, text]),
    [["why?", "About why?"]],
  );
  after.conversation.begin();
  after.history.dispose();
  const empty = workspace.open();
  await empty.history.restore();
  assert.deepEqual(empty.conversation.turns, []);
});

test("an answer that its window did not live to see the end of is kept as far as it came", async (t) => {
  const workspace = await workspaceOf(t);
  const { engine, conversation, history } = workspace.open();
  const written = Promise.withResolvers<undefined>();
  engine.onAsk = (askId) => {
    engine.emit("answerDelta", { askId, text: "Half of" });
    written.resolve(undefined);
    return new Promise(() => undefined);
  };
  void conversation.ask("why?");
  await written.promise;
  history.dispose();
  const after = workspace.open();
  await after.history.restore();
  const [turn] = after.conversation.turns;
  assert.deepEqual([turn?.text, turn?.phase, turn?.failure?.action], ["Half of", "done", "askAgain"]);
});

test("a growing answer is stored without waiting for its end", async (t) => {
  const workspace = await workspaceOf(t);
  const { engine, conversation } = workspace.open();
  engine.onAsk = (askId) => {
    engine.emit("answerDelta", { askId, text: "Half" });
    return new Promise(() => undefined);
  };
  void conversation.ask("why?");
  const { store } = workspace;
  await until(async () => (await store.read(conversation.id))?.turns[0]?.text === "Half");
});

test("conversations are listed, opened and deleted, and a new one leaves the one before alone", async (t) => {
  const workspace = await workspaceOf(t);
  const { conversation, history } = workspace.open();
  await conversation.ask("first");
  const first = conversation.id;
  conversation.begin();
  await conversation.ask("second");
  await untilListed({ history }, ["second", "first"]);
  assert.deepEqual(
    history.entries.map(({ isOpen }) => isOpen),
    [true, false],
  );
  await history.open(first);
  assert.deepEqual(
    conversation.turns.map(({ question }) => question),
    ["first"],
  );
  assert.deepEqual(
    history.entries.map(({ isOpen }) => isOpen),
    [false, true],
  );
  await history.delete(first);
  assert.deepEqual(conversation.turns, []);
  assert.deepEqual(
    history.entries.map(({ title }) => title),
    ["second"],
  );
  assert.notEqual(conversation.id, first);
  await history.open(first);
  assert.deepEqual(conversation.turns, []);
});

test("what is being answered when another conversation is opened stays with its own, as stopped", async (t) => {
  const workspace = await workspaceOf(t);
  const { engine, conversation, history } = workspace.open();
  await conversation.ask("first");
  const first = conversation.id;
  conversation.begin();
  const second = conversation.id;
  const written = Promise.withResolvers<undefined>();
  engine.onAsk = (askId, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        resolve(answer({ text: "Half", stopReason: "cancelled" }));
      });
      engine.emit("answerDelta", { askId, text: "Half" });
      written.resolve(undefined);
    });
  const asked = conversation.ask("second");
  await written.promise;
  await history.open(first);
  await asked;
  assert.deepEqual(
    conversation.turns.map(({ question }) => question),
    ["first"],
  );
  await history.open(second);
  assert.deepEqual(
    conversation.turns.map(({ text, stopReason, failure }) => [text, stopReason, failure]),
    [["Half", "cancelled", null]],
  );
});

test("two windows that go on with one conversation both keep what they asked", async (t) => {
  const workspace = await workspaceOf(t);
  const one = workspace.open();
  await one.conversation.ask("shared");
  await untilListed(one, ["shared"]);
  const other = workspace.open();
  await other.history.restore();
  assert.equal(other.conversation.id, one.conversation.id);
  await other.conversation.ask("theirs");
  await untilStored(workspace.store, other);
  await one.conversation.ask("ours");
  await untilStored(workspace.store, one);
  assert.notEqual(other.conversation.id, one.conversation.id);
  const { conversations } = await workspace.store.list();
  const stored = await Promise.all(conversations.map(({ id }) => workspace.store.read(id)));
  const questions = stored.map((conversation) => conversation?.turns.map(({ question }) => question).join(" "));
  assert.deepEqual(questions.sort(), ["shared ours", "shared theirs"]);
  await one.conversation.ask("more");
  await untilStored(workspace.store, one);
  assert.equal((await workspace.store.list()).conversations.length, 2);
});

test("a question that comes before the last conversation is read is not lost", async (t) => {
  const workspace = await workspaceOf(t);
  const before = workspace.open();
  await before.conversation.ask("old");
  before.history.dispose();
  const after = workspace.open();
  const restored = after.history.restore();
  await after.conversation.ask("new");
  await restored;
  assert.deepEqual(
    after.conversation.turns.map(({ question }) => question),
    ["new"],
  );
});

test("without a folder nothing is kept, and nothing fails", async () => {
  const { conversation, engine } = fakeConversation();
  engine.onAsk = () => Promise.resolve(answer({ text: "Here." }));
  const history = new History({
    store: null,
    conversation,
    shown: { get: () => "12345678", set: () => undefined },
    now: Date.now,
    warn: unexpected,
  });
  await history.restore();
  await conversation.ask("why?");
  await history.refresh();
  history.dispose();
  assert.deepEqual(history.entries, []);
});

/** A workspace's storage, and windows on it one after another or at once. */
async function workspaceOf(t: TestContext): Promise<{ readonly store: ConversationStore; open(): Window }> {
  const folder = await mkdtemp(join(tmpdir(), "precis-history-"));
  const opened: Window[] = [];
  t.after(async () => {
    for (const { history } of opened) history.dispose();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  let shown: string | null = null;
  const store = new ConversationStore(folder);
  return {
    store,
    open: () => {
      const { engine, conversation } = fakeConversation();
      engine.onAsk = (_askId, _signal, { question }) => Promise.resolve(answer({ text: `About ${question}` }));
      const history = new History({
        store: new ConversationStore(folder),
        conversation,
        shown: { get: () => shown, set: (id) => (shown = id) },
        now: Date.now,
        warn: unexpected,
      });
      opened.push({ engine, conversation, history });
      return { engine, conversation, history };
    },
  };
}

function unexpected(message: string): void {
  throw new Error(message);
}

/** Resolves once the list has these titles. */
async function untilListed({ history }: Pick<Window, "history">, titles: readonly string[]): Promise<void> {
  const isListed = (): boolean => {
    return history.entries.length === titles.length && history.entries.every(({ title }, at) => title === titles[at]);
  };
  if (isListed()) return;
  await new Promise<void>((resolve) => {
    const subscription = history.onChanged(() => {
      if (!isListed()) return;
      subscription.dispose();
      resolve();
    });
  });
}

/** Resolves once the disk has what the window shows. */
async function untilStored(store: ConversationStore, { conversation }: Window): Promise<void> {
  await until(async () => {
    const stored = await store.read(conversation.id);
    return JSON.stringify(stored?.turns) === JSON.stringify(conversation.turns);
  });
}

/** There is no event for "the file is there": the condition is looked at in each turn of the event loop. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
