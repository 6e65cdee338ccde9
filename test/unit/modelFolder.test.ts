import assert from "node:assert/strict";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { deleteModel, listModels, modelFolder } from "../../extension/models/modelFolder.ts";
import { temporaryFolder } from "../support/folders.ts";

test("models lie in the folder of the setting, else below the storage folder", () => {
  assert.equal(modelFolder("", path.resolve("/storage")), path.resolve("/storage/models"));
  assert.equal(modelFolder(path.resolve("/big/disk"), "/storage"), path.resolve("/big/disk"));
});

test("a folder's models are listed once each, with all their parts, and nothing else is", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(path.join(folder, "folder.gguf"));
  for (const name of [
    "b.gguf",
    "notes.txt",
    "s-00001-of-00002.gguf",
    "s-00002-of-00002.gguf",
    "t-00001-of-00002.gguf",
  ]) {
    await writeFile(path.join(folder, name), "12345");
  }
  const models = await listModels(folder);
  assert.deepEqual(
    models.map(({ name, bytes }) => [name, bytes]),
    [
      ["b.gguf", 5],
      ["s-00001-of-00002.gguf", 10],
    ],
  );
  assert.deepEqual(await listModels(path.join(folder, "missing")), []);
});

test("all parts of a model are deleted, and nothing outside the folder", async (t) => {
  const folder = await temporaryFolder(t);
  const elsewhere = await temporaryFolder(t);
  for (const name of ["s-00001-of-00002.gguf", "s-00002-of-00002.gguf", "b.gguf"]) {
    await writeFile(path.join(folder, name), "x");
  }
  await writeFile(path.join(elsewhere, "mine.gguf"), "x");
  await symlink(path.join(elsewhere, "mine.gguf"), path.join(folder, "link.gguf"));
  await deleteModel(folder, path.join(folder, "s-00001-of-00002.gguf"));
  await deleteModel(folder, path.join(folder, "link.gguf"));
  assert.deepEqual(await readdir(folder), ["b.gguf"]);
  const outside = [path.join(elsewhere, "mine.gguf"), path.join(folder, "..", path.basename(elsewhere), "mine.gguf")];
  for (const file of outside) await assert.rejects(deleteModel(folder, file), { code: "modelNotDeletable" });
  assert.deepEqual(await readdir(elsewhere), ["mine.gguf"]);
});
