import assert from "node:assert/strict";
import { test } from "node:test";
import MarkdownIt from "markdown-it";
import { conversationMarkdown } from "../../extension/host/exportConversation.ts";
import { conversationJson, parseConversation } from "../../extension/protocol/conversation.ts";
import { turnView } from "../support/viewStates.ts";

const place = { path: "src/my valve.ts", startLine: 3, endLine: 9, name: "Valve.open", resolved: true };

test("Markdown has questions, answers, citations and figures", () => {
  const turns = [
    turnView({
      question: "Why?\n# not a heading",
      askedMs: Date.UTC(2026, 0, 2, 3, 4),
      text: "Because **so**.",
      citations: [place, { path: "gone.ts", startLine: 0, endLine: 0, resolved: false }],
      figures: "10 → 5 tokens",
    }),
    turnView({ question: "And?", text: "Half", stopReason: "cancelled" }),
  ];
  assert.equal(
    conversationMarkdown({ title: "Why?", folder: "green_house", turns }),
    `# Why?

About the folder **green\\_house**

---

> Why?
> # not a heading

_2026-01-02 03:04 UTC_

Because **so**.

Citations:

- [src/my valve.ts:3-9](src/my%20valve.ts#L3) Valve.open
- ~~gone.ts~~ (does not exist)

_10 → 5 tokens_

---

> And?

_1970-01-01 00:00 UTC_

Half

_Stopped._
`,
  );
});

test("an answer that ends inside a block of code does not swallow what follows", () => {
  const turns = [turnView({ text: "So:\n````ts\nconst x = `\n```\n", figures: "10 tokens" })];
  const html = new MarkdownIt().render(conversationMarkdown({ title: "x", folder: null, turns }));
  assert.match(html, /<em>10 tokens<\/em>/);
});

test("names of files and folders stay text, whatever they look like", () => {
  const path = "a](http://evil) <img src=x>/**b**.md";
  const turns = [turnView({ citations: [{ ...place, path, name: "<b>`x" }] })];
  const html = new MarkdownIt({ html: true }).render(
    conversationMarkdown({ title: "<script>alert(1)</script>", folder: "*", turns }),
  );
  assert.doesNotMatch(html, /<img|<script|<b>|href="http/);
});

test("a failure is told with its detail", () => {
  const failure = { sentence: "It stopped.", detail: "SIGKILL", action: "askAgain" } as const;
  const text = conversationMarkdown({ title: "x", folder: null, turns: [turnView({ text: "Half", failure })] });
  assert.match(text, /Half\n\n\*\*It stopped\. \\\(SIGKILL\\\)\*\*/);
});

test("JSON comes back as the same conversation", () => {
  const turns = [turnView({ citations: [place], figures: "10 tokens" })];
  const content = { id: "12345678", createdMs: 1, updatedMs: 2, turns };
  assert.deepEqual(parseConversation(conversationJson(content)), {
    format: "precis-conversation",
    version: 1,
    ...content,
  });
});
