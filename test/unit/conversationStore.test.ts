import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { conversationsMax, conversationBytesMax, ConversationStore } from "../../extension/host/conversationStore.ts";
import { conversationTitle } from "../../extension/protocol/conversation.ts";
import { turnView } from "../support/viewStates.ts";

const first = "11111111-aaaa";
const second = "22222222-bbbb";

test("a stored conversation comes back as it was, and the list has the last used first", async (t) => {
  const { store } = await storeOf(t);
  const turns = [turnView({ question: "why?", text: "Because `x`\u2028\u0000." })];
  assert.ok(await store.save({ id: first, createdMs: 1, updatedMs: 2, turns }, 0));
  assert.ok(await store.save({ id: second, createdMs: 3, updatedMs: 4, turns: [turnView({ question: "how?" })] }, 0));
  assert.deepEqual((await store.read(first))?.turns, turns);
  const { conversations, refused } = await store.list();
  assert.deepEqual(
    conversations.map(({ title, questions }) => [title, questions]),
    [
      ["how?", 1],
      ["why?", 1],
    ],
  );
  assert.deepEqual(refused, []);
});

test("damaged and foreign files are refused, left alone, and cost none of the others", async (t) => {
  const { store, folder } = await storeOf(t);
  await store.save({ id: first, createdMs: 1, updatedMs: 2, turns: [turnView()] }, 0);
  const good = await readFile(join(folder, `${first}.json`), "utf8");
  const bad: Readonly<Record<string, string>> = {
    "cut-off-file.json": good.slice(0, good.length / 2),
    "not-json-file.json": "<html>",
    "other-version.json": good.replace('"version": 1', '"version": 99').replace(first, "other-version"),
    "another-name.json": good,
    "too-long-file.json": " ".repeat(conversationBytesMax + 1),
    "empty-object.json": "{}",
  };
  for (const [name, content] of Object.entries(bad)) await writeFile(join(folder, name), content);
  await writeFile(join(folder, "notes.txt"), "not ours");
  const { conversations, refused } = await store.list();
  assert.deepEqual(
    conversations.map(({ id }) => id),
    [first],
  );
  assert.deepEqual([...refused].sort(), Object.keys(bad).sort());
  for (const name of Object.keys(bad)) assert.equal(await store.read(name.slice(0, -5)), null, name);
  await store.prune(first);
  assert.equal((await readdir(folder)).length, Object.keys(bad).length + 2);
});

test("a conversation that another window stored meanwhile is not written over", async (t) => {
  const { store: one, folder } = await storeOf(t);
  const other = new ConversationStore(folder);
  const content = { id: first, createdMs: 1, turns: [turnView({ question: "ours" })] };
  assert.ok(await one.save({ ...content, updatedMs: 2 }, 0));
  assert.ok(await other.save({ ...content, updatedMs: 3, turns: [turnView({ question: "theirs" })] }, 2));
  assert.equal(await one.save({ ...content, updatedMs: 4 }, 2), false);
  assert.equal(one.saveNow({ ...content, updatedMs: 4 }, 2), false);
  assert.equal((await one.read(first))?.turns[0]?.question, "theirs");
  assert.ok(one.saveNow({ ...content, updatedMs: 5 }, 3));
  assert.equal((await other.read(first))?.updatedMs, 5);
});

test("more conversations than the limit: those not used for longest go, and the one that is shown stays", async (t) => {
  const { store } = await storeOf(t);
  const idOf = (at: number) => `conversation-${at}`;
  for (let at = 0; at <= conversationsMax; at += 1) {
    store.saveNow({ id: idOf(at), createdMs: at, updatedMs: at, turns: [turnView()] }, 0);
  }
  assert.equal(await store.prune(idOf(0)), 0);
  assert.equal(await store.prune(idOf(5)), 1);
  const { conversations } = await store.list();
  assert.equal(conversations.length, conversationsMax);
  assert.equal(await store.read(idOf(0)), null);
});

test("of a conversation over its limit the oldest turns go, and a turn that alone is too long is not stored", async (t) => {
  const { store } = await storeOf(t);
  const long = "x".repeat(conversationBytesMax / 2);
  const turns = ["1", "2", "3"].map((askId) => turnView({ askId, text: long }));
  assert.ok(await store.save({ id: first, createdMs: 1, updatedMs: 2, turns }, 0));
  assert.deepEqual(
    (await store.read(first))?.turns.map(({ askId }) => askId),
    ["3"],
  );
  assert.ok(await store.save({ id: second, createdMs: 1, updatedMs: 2, turns: [turnView({ text: long + long })] }, 0));
  assert.equal(await store.read(second), null);
});

test("what is no conversation's id is never made a path of", async (t) => {
  const { store, folder } = await storeOf(t);
  const outside = join(folder, "..", "precis-outside-12345678.json");
  await writeFile(outside, "keep");
  t.after(() => rm(outside, { force: true }));
  for (const id of ["../precis-outside-12345678", "..\\x", "", "A b", "x".repeat(80)]) {
    await assert.rejects(store.delete(id), /no conversation's id/);
    await assert.rejects(store.read(id), /no conversation's id/);
  }
  assert.equal(await readFile(outside, "utf8"), "keep");
});

test("a title is the first question in one line", () => {
  assert.equal(conversationTitle({ turns: [turnView({ question: " Why\n is\tthat? " }), turnView()] }), "Why is that?");
  const long = conversationTitle({ turns: [turnView({ question: "🌱".repeat(200) })] });
  assert.equal(Array.from(long).length, 80);
  assert.equal(conversationTitle({ turns: [] }), "");
});

async function storeOf(t: TestContext): Promise<{ store: ConversationStore; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "precis-conversations-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { store: new ConversationStore(folder), folder };
}
