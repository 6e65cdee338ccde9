/** A local HTTP server that hands out one file as a hub would, or misbehaves in one of the ways that hubs and proxies do. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServerBehaviour {
  /** Bytes that are sent at once, and the pause between them: a slow line. */
  readonly pacing?: { readonly bytes: number; readonly everyMs: number };
  /** Answers with this status instead. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers with a page instead of the file. */
  readonly page?: string;
  /** Sends nothing more after so many bytes of an answer, but keeps the connection. */
  readonly stallAfter?: number;
  /** Keeps the file's bytes from there on to itself: whoever reads it cannot have come to its end. */
  readonly holdFrom?: number;
  /** Closes the connection after so many bytes of an answer. */
  readonly cutAfter?: number;
  /** Knows nothing of ranges. */
  readonly noRanges?: boolean;
}

export interface ModelServer {
  readonly url: string;
  /** What each request asked for, e.g. `GET /model.gguf bytes=0-99`. */
  readonly requests: readonly string[];
  /** Bytes of the file that were sent so far. */
  readonly bytesSent: number;
  behave(behaviour: ServerBehaviour): void;
  /** Serves other content from now on. */
  serve(content: Buffer): void;
  close(): Promise<void>;
}

/** As a hub it knows one file of each repository. `/redirect` leads to `/model.gguf`, `/circle` to itself; every other path is the file. */
export async function startModelServer(initial: Buffer): Promise<ModelServer> {
  let content = initial;
  let behaviour: ServerBehaviour = {};
  let bytesSent = 0;
  const requests: string[] = [];
  const timers = new Set<NodeJS.Timeout>();

  const server: Server = createServer((request, response) => {
    requests.push(`${request.method ?? ""} ${request.url ?? ""} ${request.headers.range ?? ""}`.trimEnd());
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get bytesSent() {
      return bytesSent;
    },
    behave: (next) => (behaviour = next),
    serve: (next) => (content = next),
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { status, page, headers = {}, noRanges = false } = behaviour;
    if (request.url === "/redirect" || request.url === "/circle") {
      const location = request.url === "/circle" ? "/circle" : "/model.gguf";
      response.writeHead(302, { location, ...headers }).end();
      return;
    }
    if (request.url?.startsWith("/v2/") === true && status === undefined) {
      response.end(JSON.stringify({ ggufFile: { rfilename: "Small-Q4_K_M.gguf" } }));
      return;
    }
    if (status !== undefined) {
      response.writeHead(status, headers).end("no");
      return;
    }
    if (page !== undefined) {
      response.writeHead(200, { "content-type": "text/html", ...headers }).end(page);
      return;
    }
    const [, from, to] = (noRanges ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "")) ?? [];
    const start = Number(from ?? 0);
    const end = to === undefined || to === "" ? content.length : Math.min(Number(to) + 1, content.length);
    response.writeHead(from === undefined ? 200 : 206, {
      "content-length": end - start,
      "content-type": "application/octet-stream",
      etag: `"${content.length}"`,
      ...(noRanges ? {} : { "accept-ranges": "bytes" }),
      ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${content.length}` }),
      ...headers,
    });
    // The request for the headers is never read; it must not count as traffic.
    send(response, { start, bytes: content.subarray(start, end) }, 0);
  }

  /** @param part What was asked for, and where it begins in the file. */
  function send(
    response: ServerResponse,
    part: { readonly start: number; readonly bytes: Buffer },
    sent: number,
  ): void {
    const { stallAfter, holdFrom, cutAfter, pacing } = behaviour;
    const { start, bytes } = part;
    if (response.destroyed) return;
    if (cutAfter !== undefined && sent >= cutAfter) {
      response.destroy();
      return;
    }
    if (stallAfter !== undefined && sent >= stallAfter) return;
    if (holdFrom !== undefined && start + sent >= holdFrom) return;
    if (sent >= bytes.length) {
      response.end();
      return;
    }
    const chunk = bytes.subarray(sent, sent + (pacing?.bytes ?? chunkBytes));
    bytesSent += chunk.length;
    const goOn = (): void => {
      if (pacing === undefined) {
        send(response, part, sent + chunk.length);
        return;
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(response, part, sent + chunk.length);
      }, pacing.everyMs);
      timers.add(timer);
    };
    if (response.write(chunk)) setImmediate(goOn);
    else response.once("drain", goOn);
  }
}

const chunkBytes = 64 * 1024;
