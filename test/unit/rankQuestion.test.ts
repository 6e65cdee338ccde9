import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { pathKind } from "../../extension/pipeline/pathKinds.ts";
import { parseQuestion } from "../../extension/pipeline/question.ts";
import { anyText } from "../support/randomUnits.ts";

describe("a question", () => {
  test("loses its stop words", () => {
    assert.deepEqual(parseQuestion("How does the router handle failed requests?").words, [
      "router",
      "handle",
      "failed",
      "requests",
    ]);
  });

  test("of stop words only keeps them", () => {
    assert.deepEqual(parseQuestion("what is this?").words, ["what", "is", "this"]);
  });

  test("names identifiers by case, underscore, dots, call and backticks", () => {
    const { identifiers } = parseQuestion("Does parseUnits or snake_name use Router.handle, `run` and close()?");
    assert.deepEqual(
      identifiers.map((found) => [found.qualified, found.certain]),
      [
        ["parseUnits", true],
        ["snake_name", true],
        ["Router.handle", true],
        ["run", true],
        ["close", true],
      ],
    );
  });

  test("takes a capitalised word of prose as a name perhaps, but not the first of a sentence", () => {
    const { identifiers } = parseQuestion("Where is the Scheduler? Why?");
    assert.deepEqual(identifiers, [{ name: "Scheduler", qualified: "Scheduler", certain: false }]);
  });

  test("names paths with either separator, without line numbers", () => {
    assert.deepEqual(parseQuestion("what is in src\\http\\client.ts:10 and ./lib/Router.py or lib/x").paths, [
      "src/http/client.ts",
      "lib/router.py",
      "lib/x",
    ]);
  });

  test("names the lines of stack traces and of compilers' messages", () => {
    const traces: [string, string, number][] = [
      ["    at Client.send (/home/me/app/src/http/client.ts:12:5)", "home/me/app/src/http/client.ts", 12],
      ['  File "/srv/app/http/client.py", line 7, in send', "srv/app/http/client.py", 7],
      ["\tmain.go:31 +0x1d", "main.go", 31],
      ["   at App.Client.Send() in C:\\app\\Client.cs:line 44", "app/client.cs", 44],
      ["\tat app.Client.send(Client.java:9)", "client.java", 9],
      ["src/main.rs:3:14: error[E0308]: mismatched types", "src/main.rs", 3],
      ["client.c(14): warning C4996", "client.c", 14],
    ];
    for (const [text, path, line] of traces) {
      assert.deepEqual(parseQuestion(`why?\n${text}`).lines, [{ path, line }], text);
    }
    assert.deepEqual(parseQuestion("what does client.ts do in 3 steps").lines, []);
  });

  test("may ask where a name is used or what depends on it", () => {
    for (const text of [
      "where is parseUnits called?",
      "who calls `run`",
      "what breaks if I rename parseUnits?",
      "which functions use RetryPolicy",
      "impact of changing parseUnits",
    ]) {
      assert.ok(parseQuestion(text).asksForUses, text);
    }
    for (const text of [
      "where is parseUnits defined",
      "how is caching used",
      "what does parseUnits do",
      "who calls it",
    ]) {
      assert.ok(!parseQuestion(text).asksForUses, text);
    }
  });

  test("joins neighbouring words to names", () => {
    const { compounds } = parseQuestion("the retry policy of a client");
    assert.deepEqual(compounds, ["retrypolicy", "retry_policy"]);
  });

  test("of one or two names is a symbol question", () => {
    for (const text of ["Router", "Router.handle", "parse_units", "`run`", "HTTPServer.run parseUnits"]) {
      assert.equal(parseQuestion(text).isSymbol, true, text);
    }
    assert.equal(parseQuestion("where is Router").isSymbol, false);
  });

  test("says which kinds of files it wants", () => {
    assert.deepEqual([...parseQuestion("which tests cover the parser").wants], ["tests"]);
    assert.deepEqual([...parseQuestion("an example of a plugin in the docs").wants], ["examples", "docs"]);
    assert.deepEqual([...parseQuestion("how does the latest version attest keys").wants], []);
  });

  test("may be any text", () => {
    fc.assert(
      fc.property(anyText(300), (text) => {
        const question = parseQuestion(text);
        assert.ok(question.words.length <= 40 && question.identifiers.length <= 24 && question.paths.length <= 8);
      }),
    );
  });
});

describe("the kind of a path", () => {
  for (const [path, kind] of [
    ["src/router.ts", null],
    ["src/latest/contest.py", null],
    ["test/router.ts", "tests"],
    ["src/router.test.ts", "tests"],
    ["pkg/router_test.go", "tests"],
    ["tests/test_app.py", "tests"],
    ["src/test/java/RouterTest.java", "tests"],
    ["examples/hello/main.go", "examples"],
    ["docs/index.md", "docs"],
    ["third_party/zlib/inflate.c", "vendored"],
    ["api/service.pb.go", "generated"],
    ["api/service_pb2.py", "generated"],
  ] as const) {
    test(`${path} is ${kind ?? "the program's own"}`, () => {
      assert.equal(pathKind(path), kind);
    });
  }
});
