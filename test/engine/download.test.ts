import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import type { TestContext } from "node:test";
import { partsFolderName } from "../../extension/protocol/download.ts";
import { failureOfDownload, fakeModel, finishedFile, jobFor, stateWith, testDownloads } from "../support/downloads.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startModelServer } from "../support/modelServer.ts";
import type { ModelServer } from "../support/modelServer.ts";

/** Chunks of the downloader have 5 MiB: only whole ones survive. */
const megabytes = 24;
/** A line so slow that a download can be stopped in its middle, and one that is not stopped at once still has no end. */
const slow = { pacing: { bytes: 64 * 1024, everyMs: 4 }, holdFrom: (megabytes - 1) * 1024 ** 2 } as const;
/** So slow that it cannot end before another process has started. */
const verySlow = { bytes: 16 * 1024, everyMs: 60 } as const;
/** When this many are there, some chunk is whole on every one of the connections. */
const enoughBytes = 20 * 1024 ** 2;

async function setUp(t: TestContext, content = fakeModel(6)) {
  const server = await startModelServer(content);
  t.after(() => server.close());
  return { server, content, folder: await temporaryFolder(t), downloads: testDownloads(t) };
}

test("a model is downloaded, byte for byte, and nothing else is left in the folder", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  const states: string[] = [];
  downloads.onChanged(({ state }) => states.push(state.kind));
  server.behave({ pacing: { bytes: 256 * 1024, everyMs: 4 } });
  const started = downloads.start(jobFor(`${server.url}/tiny.gguf`, folder), "Tiny");
  const seen = await stateWith(downloads, started.id, (state) => state.kind === "running" && state.bytesDone > 2 ** 20);
  assert.ok(seen.kind === "running" && seen.bytesTotal === content.length);
  const state = await downloads.settled(started.id);
  assert.ok(state.kind === "done", JSON.stringify(state));
  assert.equal(state.file, path.join(folder, "tiny.gguf"));
  assert.deepEqual(await readFile(state.file), content);
  assert.equal(state.sha256, sha256(content));
  assert.equal(state.checkedAgainst, "nothing");
  assert.deepEqual(await entries(folder), ["tiny.gguf"]);
  assert.deepEqual(downloads.all, []);
  assert.deepEqual([...new Set(states)], ["starting", "running", "checking", "done"]);
});

test("a pause keeps what is whole, and going on asks only for the rest", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave(slow);
  const { id } = downloads.start(jobFor(`${server.url}/model.gguf`, folder), "a model");
  await stateWith(downloads, id, (state) => state.kind === "running" && state.bytesDone > enoughBytes);
  await downloads.pause(id);
  assert.equal(downloads.all[0]?.state.kind, "paused");
  await assertGoesOn(server, content, () => {
    downloads.resume(id);
    return downloads.settled(id);
  });
});

test("a download whose process is killed goes on in another window", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave(slow);
  const { id } = downloads.start(jobFor(`${server.url}/model.gguf`, folder), "a model");
  await stateWith(downloads, id, (state) => state.kind === "running" && state.bytesDone > enoughBytes);
  for (const pid of downloads.pids) process.kill(pid, "SIGKILL");
  const broken = await downloads.settled(id);
  assert.ok(broken.kind === "failed" && broken.failure.code === "downloadBroken");
  assert.match(broken.failure.detail, /SIGKILL/);

  const later = testDownloads(t);
  await later.restore(folder);
  const [found] = later.all;
  assert.ok(found?.state.kind === "paused");
  assert.equal(found.name, "model.gguf");
  assert.equal(found.state.bytesTotal, content.length);
  assert.ok(found.state.bytesDone > 5 * 1024 ** 2, `${found.state.bytesDone}`);
  await assertGoesOn(server, content, () => {
    later.resume(found.id);
    return later.settled(found.id);
  });
});

test("cancelling deletes what is there", async (t) => {
  const { server, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave(slow);
  const { id } = downloads.start(jobFor(`${server.url}/model.gguf`, folder), "a model");
  await stateWith(downloads, id, (state) => state.kind === "running" && state.bytesDone > 6 * 1024 ** 2);
  await downloads.cancel(id);
  assert.deepEqual(downloads.all, []);
  assert.deepEqual(await readdir(path.join(folder, partsFolderName)), []);
});

test("a checksum that fits is confirmed, one that does not deletes the file", async (t) => {
  const { server, content, folder, downloads } = await setUp(t);
  const right = jobFor(`${server.url}/right.gguf`, folder, { checksum: { algorithm: "sha256", hex: sha256(content) } });
  const state = await downloads.settled(downloads.start(right, "right").id);
  assert.ok(state.kind === "done" && state.checkedAgainst === "published");
  const wrong = jobFor(`${server.url}/wrong.gguf`, folder, { checksum: { algorithm: "sha256", hex: "0".repeat(64) } });
  const failure = await failureOfDownload(downloads, wrong);
  assert.equal(failure.code, "downloadWrongBytes");
  assert.match(failure.detail, new RegExp(sha256(content)));
  assert.deepEqual(await entries(folder), ["right.gguf"]);
});

test("the checksum that a hub sends along with its redirect is held to", async (t) => {
  const { server, content, folder, downloads } = await setUp(t);
  server.behave({ headers: { "x-linked-etag": `"${sha256(content)}"` } });
  const state = await downloads.settled(downloads.start(jobFor(`${server.url}/redirect`, folder), "x").id);
  assert.ok(state.kind === "done" && state.checkedAgainst === "server", JSON.stringify(state));
  server.behave({ headers: { "x-linked-etag": `"${"1".repeat(64)}"` } });
  const other = await temporaryFolder(t);
  assert.equal(
    (await failureOfDownload(downloads, jobFor(`${server.url}/redirect`, other))).code,
    "downloadWrongBytes",
  );
});

test("a model of a hub is found by its repository and quantisation", async (t) => {
  const { server, content, folder, downloads } = await setUp(t);
  useHub(t, server);
  const file = await finishedFile(downloads, jobFor("hf:somebody/Small-GGUF:Q4_K_M", folder));
  assert.match(path.basename(file), /Small.*Q4_K_M\.gguf$/);
  assert.deepEqual(await readFile(file), content);
  server.behave({ status: 400 });
  const missing = await failureOfDownload(downloads, jobFor("hf:somebody/Small-GGUF:Q9", folder));
  assert.equal(missing.code, "downloadMissing");
});

const answers = {
  downloadRefused: [{ status: 401 }, { status: 403 }],
  downloadMissing: [{ status: 400 }, { status: 404 }, { status: 410 }],
  downloadServerFailed: [{ status: 500 }, { status: 503, headers: { "retry-after": "3600" } }, { status: 418 }],
} as const;
for (const [code, behaviours] of Object.entries(answers)) {
  for (const behaviour of behaviours) {
    test(`a server that answers ${behaviour.status} is ${code}`, async (t) => {
      const { server, folder, downloads } = await setUp(t);
      server.behave(behaviour);
      const failure = await failureOfDownload(downloads, jobFor(`${server.url}/model.gguf`, folder));
      assert.equal(failure.code, code);
      assert.match(failure.detail, new RegExp(String(behaviour.status)));
      assert.deepEqual(await entries(folder), []);
      assert.ok(server.requests.length <= 3, server.requests.join("\n"));
    });
  }
}

test("a server that fails in passing is asked again", async (t) => {
  const { server, content, folder, downloads } = await setUp(t);
  server.behave({ status: 503 });
  const { id } = downloads.start(jobFor(`${server.url}/model.gguf`, folder), "a model");
  await waitFor(() => server.requests.length > 0);
  server.behave({});
  const state = await downloads.settled(id);
  assert.ok(state.kind === "done", JSON.stringify(state));
  assert.deepEqual(await readFile(state.file), content);
});

test("redirects are followed, also to another host, but not in a circle", async (t) => {
  const { server, folder, downloads } = await setUp(t);
  const elsewhere = await startModelServer(fakeModel(1));
  t.after(() => elsewhere.close());
  elsewhere.behave({ headers: { location: `${server.url}/model.gguf` }, status: 307 });
  assert.equal(path.dirname(await finishedFile(downloads, jobFor(`${elsewhere.url}/there.gguf`, folder))), folder);
  const circle = await failureOfDownload(downloads, jobFor(`${server.url}/circle`, folder));
  assert.equal(circle.code, "downloadServerFailed");
  assert.match(circle.detail, /circle/);
});

test("a proxy's page is refused, deleted and explained, whatever it calls itself", async (t) => {
  const page = "<!doctype html><title>Please sign in</title>".repeat(100);
  const { server, folder, downloads } = await setUp(t, Buffer.from(page));
  server.behave({ page });
  const honest = await failureOfDownload(downloads, jobFor(`${server.url}/model.gguf`, folder));
  assert.equal(honest.code, "downloadNotModel");
  assert.match(honest.detail, /web page/);
  server.behave({});
  const disguised = await failureOfDownload(downloads, jobFor(`${server.url}/other.gguf`, folder));
  assert.equal(disguised.code, "downloadNotModel");
  assert.match(disguised.detail, /web page/);
  assert.deepEqual(await readdir(path.join(folder, partsFolderName)), []);
  assert.deepEqual(await entries(folder), []);
});

test("a page that comes in the middle of a download leaves what is there alone", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave(slow);
  const job = jobFor(`${server.url}/model.gguf`, folder);
  const { id } = downloads.start(job, "a model");
  await stateWith(downloads, id, (state) => state.kind === "running" && state.bytesDone > enoughBytes);
  await downloads.pause(id);
  // Without the type that would give it away at once.
  server.serve(Buffer.from("<html>Please sign in</html>"));
  server.behave({});
  assert.equal((await failureOfDownload(downloads, job)).code, "downloadNotModel");
  server.serve(content);
  await assertGoesOn(server, content, () => {
    downloads.resume(id);
    return downloads.settled(id);
  });
});

test("a connection that falls silent is replaced by another one", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave({ stallAfter: 7 * 1024 ** 2 });
  const file = await finishedFile(downloads, jobFor(`${server.url}/model.gguf`, folder, { stallMs: 400 }));
  assert.deepEqual(await readFile(file), content);
});

test("a server that stays silent is given up after a few tries, and the part stays", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave(slow);
  const { id } = downloads.start(jobFor(`${server.url}/model.gguf`, folder, { stallMs: 400 }), "a model");
  await stateWith(downloads, id, (state) => state.kind === "running" && state.bytesDone > enoughBytes);
  server.behave({ stallAfter: 0 });
  const state = await downloads.settled(id);
  assert.ok(state.kind === "failed" && state.failure.code === "downloadStalled", JSON.stringify(state));
  assert.match(state.failure.detail, /nothing came for 0\.4 s/);
  await assertGoesOn(server, content, () => {
    downloads.resume(id);
    return downloads.settled(id);
  });
});

test("a server that never answers at all is given up", async (t) => {
  const { server, folder, downloads } = await setUp(t);
  server.behave({ stallAfter: 0 });
  const failure = await failureOfDownload(downloads, jobFor(`${server.url}/model.gguf`, folder, { stallMs: 200 }));
  assert.equal(failure.code, "downloadStalled");
});

test("connections that are cut are taken up again where they ended", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave({ cutAfter: 7 * 1024 ** 2 });
  const file = await finishedFile(downloads, jobFor(`${server.url}/model.gguf`, folder));
  assert.deepEqual(await readFile(file), content);
});

test("a cut connection to a server without ranges is a failure, not a damaged file", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(12));
  server.behave({ noRanges: true, cutAfter: 7 * 1024 ** 2 });
  const job = jobFor(`${server.url}/model.gguf`, folder);
  assert.equal((await failureOfDownload(downloads, job)).code, "downloadBroken");
  assert.deepEqual(await entries(folder), []);
  server.behave({ noRanges: true });
  assert.deepEqual(await readFile(await finishedFile(downloads, job)), content);
});

test("a file that changed on the server is not put together from two versions", async (t) => {
  const { server, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave(slow);
  const { id } = downloads.start(jobFor(`${server.url}/model.gguf`, folder), "a model");
  await stateWith(downloads, id, (state) => state.kind === "running" && state.bytesDone > enoughBytes);
  await downloads.pause(id);
  const changed = fakeModel(megabytes);
  server.serve(changed);
  server.behave({ headers: { etag: '"another"' } });
  downloads.resume(id);
  const state = await downloads.settled(id);
  assert.ok(state.kind === "done");
  assert.deepEqual(await readFile(state.file), changed);
});

test("an address without a server, and one that is none, say so", async (t) => {
  const { server, folder, downloads } = await setUp(t);
  await server.close();
  const nobody = await failureOfDownload(downloads, jobFor(`${server.url}/model.gguf`, folder));
  assert.equal(nobody.code, "downloadUnreachable");
  assert.match(nobody.detail, /ECONNREFUSED/);
  useHub(t, server);
  const hub = await failureOfDownload(downloads, jobFor("hf:nobody/nothing:Q4_K_M", folder));
  assert.equal(hub.code, "downloadUnreachable");
  for (const uri of ["model.gguf", "file:///etc/passwd", "/etc/passwd", "", "ftp://a/b.gguf", "http://a:b@c/d.gguf"]) {
    assert.equal((await failureOfDownload(downloads, jobFor(uri, folder))).code, "downloadAddressInvalid", uri);
  }
  // The server is closed already.
  server.close = () => Promise.resolve();
});

test("no name leads out of the folder", async (t) => {
  const { server, folder, downloads } = await setUp(t);
  const names = ["../../evil.gguf", "..\\..\\evil.gguf", "/etc/evil.gguf", "a/../../evil.gguf"];
  for (const name of names) {
    server.behave({ headers: { "content-disposition": `attachment; filename="${name}"` } });
    const inside = path.join(folder, `${names.indexOf(name)}`);
    const file = await finishedFile(downloads, jobFor(`${server.url}/x.gguf`, inside));
    assert.equal(path.dirname(file), inside, name);
  }
  server.behave({});
  const encoded = path.join(folder, "encoded");
  const file = await finishedFile(downloads, jobFor(`${server.url}/%2e%2e%2f%2e%2e%2fevil.gguf`, encoded));
  assert.equal(path.dirname(file), encoded);
});

test("a file of the same name is not overwritten", async (t) => {
  const { server, folder, downloads } = await setUp(t);
  await writeFile(path.join(folder, "model.gguf"), "mine");
  const failure = await failureOfDownload(downloads, jobFor(`${server.url}/model.gguf`, folder));
  assert.equal(failure.code, "downloadNameTaken");
  assert.equal(await readFile(path.join(folder, "model.gguf"), "utf8"), "mine");
});

test("a second download of the same file leaves the first one alone", async (t) => {
  const { server, content, folder, downloads } = await setUp(t, fakeModel(megabytes));
  server.behave({ pacing: verySlow });
  const job = jobFor(`${server.url}/model.gguf`, folder);
  const { id } = downloads.start(job, "a model");
  await stateWith(downloads, id, ({ kind }) => kind === "running");
  assert.equal(downloads.start(job, "a model").id, id);
  assert.equal((await failureOfDownload(testDownloads(t), job)).code, "downloadBusy");
  server.behave({});
  const state = await downloads.settled(id);
  assert.ok(state.kind === "done", JSON.stringify(state));
  assert.deepEqual(await readFile(state.file), content);
});

test("a file that does not fit the disk is refused before it is begun", async (t) => {
  const { server, folder, downloads } = await setUp(t);
  server.behave({ headers: { "content-length": String(2 ** 44) } });
  const failure = await failureOfDownload(downloads, jobFor(`${server.url}/model.gguf`, folder));
  assert.equal(failure.code, "downloadNoSpace");
  assert.match(failure.detail, /GiB are needed, .* GiB are free/);
});

/** Finishes a download of which at least one chunk is there already. */
async function assertGoesOn(
  server: ModelServer,
  content: Buffer,
  finish: () => Promise<{ readonly kind: string; readonly file?: string }>,
): Promise<void> {
  server.behave({});
  server.serve(content);
  const before = server.requests.length;
  const state = await finish();
  assert.equal(state.kind, "done", JSON.stringify(state));
  assert.deepEqual(await readFile(state.file ?? ""), content);
  const asked = server.requests.slice(before).flatMap((request) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request) ?? [];
    return from === undefined ? [] : [{ from: Number(from), to: Number(to) + 1 }];
  });
  assert.ok(asked.length > 0);
  const bytes = Array.from({ length: Math.ceil(content.length / 1024) }, (_, index) => index * 1024).filter((at) =>
    asked.some(({ from, to }) => at >= from && at < to),
  ).length;
  assert.ok(bytes * 1024 < content.length * 0.95, `${bytes} of ${content.length / 1024} KiB were asked for again`);
}

/** Addresses of the hub lead to this server, until the test ends. */
function useHub(t: TestContext, { url }: ModelServer): void {
  process.env["HF_ENDPOINT"] = url;
  t.after(() => {
    delete process.env["HF_ENDPOINT"];
  });
}

/** What lies in a folder, without the folder of parts. */
async function entries(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== partsFolderName);
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
