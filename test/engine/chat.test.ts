import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { openChatFormat } from "../../extension/engine/chat.ts";
import type { ChatFormat } from "../../extension/pipeline/ports.ts";
import { temporaryFolder } from "../support/folders.ts";
import { chatMlTemplate, writeNotGguf, writeTestModel } from "../support/testModels.ts";

const llama3Template =
  "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n" +
  "{{ m['content'] | trim }}<|eot_id|>{% endfor %}" +
  "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}";

const mistralTemplate =
  "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]" +
  "{% elif m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}" +
  "{% else %}{{ raise_exception('only user and assistant may speak') }}{% endif %}{% endfor %}";

const gemmaTemplate =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" +
  "{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}" +
  "<start_of_turn>{{ role }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}" +
  "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}";

const forgetfulTemplate =
  "{% for m in messages %}{% if m['role'] == 'user' %}Q: {{ m['content'] }}\n" +
  "{% elif m['role'] == 'assistant' %}A: {{ m['content'] }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}A:{% endif %}";

test("a ChatML template gives ChatML around both contents and no token in front", async (t) => {
  const format = await formatOf(t, { chatTemplate: chatMlTemplate, addBos: false });
  assert.equal(
    rendered(format),
    "<|im_start|>system\nSYSTEM<|im_end|>\n<|im_start|>user\nUSER<|im_end|>\n<|im_start|>assistant\n",
  );
  assert.ok(format.stopStrings.includes("<|im_end|>"), format.stopStrings.join());
});

test("a Llama 3 template begins with the model's first token, once", async (t) => {
  const format = await formatOf(t, { chatTemplate: llama3Template, addBos: true });
  assert.equal(
    rendered(format),
    "<s><|start_header_id|>system<|end_header_id|>\n\nSYSTEM<|eot_id|>" +
      "<|start_header_id|>user<|end_header_id|>\n\nUSER<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
  );
});

test("a template that rejects the system role gets the system text in the user's turn", async (t) => {
  const format = await formatOf(t, { chatTemplate: mistralTemplate, addBos: true });
  assert.match(rendered(format), /^<s>\s?\[INST\] SYSTEM\n\nUSER \[\/INST\]$/);
});

test("a Gemma template keeps its turns when the system text moves into the user's", async (t) => {
  const format = await formatOf(t, { chatTemplate: gemmaTemplate, addBos: true });
  assert.equal(rendered(format), "<s><start_of_turn>user\nSYSTEM\n\nUSER<end_of_turn>\n<start_of_turn>model\n");
  assert.ok(
    format.stopStrings.every((text) => text.trim() !== ""),
    JSON.stringify(format.stopStrings),
  );
});

test("a template that silently drops the system message does not lose it", async (t) => {
  const format = await formatOf(t, { chatTemplate: forgetfulTemplate, addBos: true });
  assert.equal(rendered(format), "<s>Q: SYSTEM\n\nUSER\nA:");
});

test("a model without a template, or with a broken one, still gets every content in order", async (t) => {
  for (const chatTemplate of [null, "  ", "{% for m in %}"]) {
    const format = await formatOf(t, { chatTemplate, addBos: true });
    assert.match(rendered(format), /^<s>[^]*SYSTEM[^]+USER[^]+$/, String(chatTemplate));
  }
});

test("a missing file and one that is not GGUF fail by name", async (t) => {
  const folder = await temporaryFolder(t);
  const page = path.join(folder, "page.gguf");
  await writeNotGguf(page);
  const source = { bosText: "", addBos: false };
  await assert.rejects(openChatFormat({ ...source, modelPath: page }), { code: "modelNotGguf" });
  await assert.rejects(openChatFormat({ ...source, modelPath: path.join(folder, "none.gguf") }), {
    code: "modelMissing",
  });
});

async function formatOf(
  t: TestContext,
  options: { readonly chatTemplate: string | null; readonly addBos: boolean },
): Promise<ChatFormat> {
  const modelPath = path.join(await temporaryFolder(t), "model.gguf");
  await writeTestModel({ file: modelPath, layers: 1, embedding: 32, chatTemplate: options.chatTemplate });
  return openChatFormat({ modelPath, bosText: "<s>", addBos: options.addBos });
}

function rendered(format: ChatFormat): string {
  const { beforeSystem, between, after } = format.wrap();
  return `${beforeSystem}SYSTEM${between}USER${after}`;
}
