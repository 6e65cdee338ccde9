import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import test from "node:test";
import type { TestContext } from "node:test";
import { noProxySettings, proxyEnvironment } from "../../extension/client/proxyEnvironment.ts";
import { failureOfDownload, fakeModel, finishedFile, jobFor, testDownloads } from "../support/downloads.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startModelServer } from "../support/modelServer.ts";

test("a download goes through VS Code's proxy, except to the hosts that it names", async (t) => {
  const { server, proxy, folder } = await setUp(t);
  const through = testDownloads(t, { proxy: proxy.url });
  await finishedFile(through, jobFor(`${server.url}/a.gguf`, folder));
  assert.ok(proxy.targets.length > 0);
  assert.deepEqual([...new Set(proxy.targets)], [new URL(server.url).host]);
  const count = proxy.targets.length;
  const past = testDownloads(t, { proxy: proxy.url, noProxy: ["127.0.0.1"] });
  await finishedFile(past, jobFor(`${server.url}/b.gguf`, folder));
  assert.equal(proxy.targets.length, count);
});

test("a proxy that is not there is a failure, not a way around it", async (t) => {
  const { server, folder } = await setUp(t);
  const downloads = testDownloads(t, { proxy: "http://127.0.0.1:1" });
  const failure = await failureOfDownload(downloads, jobFor(`${server.url}/a.gguf`, folder));
  assert.equal(failure.code, "downloadUnreachable");
  assert.deepEqual(server.requests, []);
});

test("the environment's proxy counts where VS Code names none, and none where it is switched off", () => {
  const env = { HTTPS_PROXY: "http://env:1", no_proxy: "intern", PATH: "/bin" };
  assert.deepEqual(proxyEnvironment(env, noProxySettings), {
    ...env,
    NODE_USE_ENV_PROXY: "1",
    NODE_USE_SYSTEM_CA: "1",
  });
  const off = proxyEnvironment(env, { ...noProxySettings, isOff: true, proxy: "http://other:2" });
  assert.equal(off["HTTPS_PROXY"], undefined);
  const own = proxyEnvironment(env, {
    ...noProxySettings,
    proxy: "http://own:3",
    noProxy: ["a.b", "c"],
    strictSsl: false,
  });
  assert.equal(own["HTTPS_PROXY"], "http://own:3");
  assert.equal(own["NO_PROXY"], "a.b,c");
  assert.equal(own["no_proxy"], undefined);
  assert.equal(own["NODE_TLS_REJECT_UNAUTHORIZED"], "0");
});

async function setUp(t: TestContext) {
  const server = await startModelServer(fakeModel(1));
  t.after(() => server.close());
  return { server, proxy: await startProxy(t), folder: await temporaryFolder(t) };
}

/** A proxy that opens tunnels, and writes down where they lead. */
async function startProxy(t: TestContext): Promise<{ readonly url: string; readonly targets: readonly string[] }> {
  const targets: string[] = [];
  const sockets = new Set<Duplex>();
  const proxy = createServer((_, response) => {
    response.writeHead(400).end();
  });
  proxy.on("connect", (request, socket, head) => {
    const target = request.url ?? "";
    targets.push(target);
    const [host = "", port = ""] = target.split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) {
      sockets.add(end);
      // Either side may go first.
      end.on("error", () => end.destroy());
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    proxy.closeAllConnections();
    await once(proxy, "close");
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, targets };
}
