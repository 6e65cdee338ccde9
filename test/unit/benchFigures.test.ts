import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { differences, groupInterval, mean, meanOfMeans, quantile, questionInterval } from "../bench/bootstrap.ts";
import { chunkNdcg, fileNdcg, type Chunk, type Target } from "../bench/ndcg.ts";
import { parseQuestions, repositoryPath } from "../bench/rankingData.ts";
import { alignedTable, intervalText, Report } from "../bench/report.ts";
import { chooseTwoFold } from "../bench/twoFold.ts";

describe("NDCG@10", () => {
  const chunk = (path: string, startLine = 1, endLine = 10): Chunk => ({ path, ranges: [{ startLine, endLine }] });
  const file = (path: string): Target => ({ path, lines: null });
  const others = Array.from({ length: 20 }, (_, at) => chunk(`other${at}.py`));
  const second = 1 / Math.log2(3);

  test("is 1 for the targets at the top, less below, and 0 where they are not among the first ten", () => {
    assert.equal(chunkNdcg([chunk("a.py"), ...others], [file("a.py")]), 1);
    assert.equal(chunkNdcg([chunk("x.py"), chunk("a.py")], [file("a.py")]), second);
    assert.equal(chunkNdcg([...others.slice(0, 9), chunk("a.py")], [file("a.py")]), 1 / Math.log2(11));
    assert.equal(chunkNdcg([...others.slice(0, 10), chunk("a.py")], [file("a.py")]), 0);
    assert.equal(chunkNdcg([], [file("a.py")]), 0);
    assert.equal(chunkNdcg([chunk("a.py")], []), 0);
  });

  test("compares with all targets at the top, ten at most", () => {
    const found = chunkNdcg([chunk("a.py"), chunk("x.py")], [file("a.py"), file("b.py")]);
    assert.equal(found, 1 / (1 + second));
    const many = Array.from({ length: 12 }, (_, at) => file(`t${at}.py`));
    const ideal = Array.from({ length: 10 }, (_, at) => 1 / Math.log2(at + 2)).reduce((sum, value) => sum + value);
    assert.equal(chunkNdcg([chunk("t0.py")], many), 1 / ideal);
  });

  test("counts each target once, at the first chunk of its path that overlaps its lines", () => {
    const chunks = [chunk("a.py", 1, 10), chunk("a.py", 11, 20), chunk("a.py", 15, 30)];
    assert.equal(chunkNdcg(chunks, [file("a.py")]), 1);
    assert.equal(chunkNdcg(chunks, [{ path: "a.py", lines: { startLine: 16, endLine: 40 } }]), second);
    assert.equal(chunkNdcg(chunks, [{ path: "a.py", lines: { startLine: 31, endLine: 40 } }]), 0);
    const header: Chunk = {
      path: "a.py",
      ranges: [
        { startLine: 1, endLine: 2 },
        { startLine: 50, endLine: 51 },
      ],
    };
    assert.equal(chunkNdcg([header], [{ path: "a.py", lines: { startLine: 10, endLine: 20 } }]), 0);
    assert.equal(chunkNdcg([header], [{ path: "a.py", lines: { startLine: 10, endLine: 50 } }]), 1);
  });

  test("of files looks at distinct ones, whatever the lines", () => {
    const ranked = [chunk("x.py"), chunk("x.py"), chunk("x.py"), chunk("a.py")];
    assert.equal(fileNdcg(ranked, [{ path: "a.py", lines: { startLine: 900, endLine: 901 } }]), second);
    assert.equal(fileNdcg([chunk("a.py")], [file("a.py"), file("a.py")]), 1);
    assert.equal(fileNdcg([...others.slice(0, 10), chunk("a.py")], [file("a.py")]), 0);
  });
});

describe("means and intervals", () => {
  test("every repository counts the same, however many questions it has", () => {
    assert.equal(meanOfMeans([[1, 1, 1, 1], [0], []]), 0.5);
    assert.equal(meanOfMeans([]), 0);
    assert.equal(mean([]), 0);
  });

  test("quantiles are values at the nearest rank", () => {
    assert.equal(quantile([3, 1, 2, 4], 0.5), 2);
    assert.equal(quantile([3, 1, 2, 4], 0.975), 4);
    assert.equal(quantile([3, 1, 2, 4], 0), 1);
    assert.equal(quantile([], 0.5), 0);
  });

  test("differences are by question, and shapes must agree", () => {
    assert.deepEqual(differences([[3, 2], [1]], [[1, 2], [4]]), [[2, 0], [-3]]);
    assert.throws(() => differences([[1]], []), RangeError);
    assert.throws(() => differences([[1, 2]], [[1]]), RangeError);
  });

  test("an interval covers the mean, is the same every time, and is a point where there is no variance", () => {
    const groups = Array.from({ length: 8 }, (_, group) =>
      Array.from({ length: 20 }, (_, at) => ((at * 7 + group * 3) % 11) / 10 - 0.3),
    );
    for (const interval of [questionInterval, groupInterval]) {
      const found = interval(groups, 500);
      assert.equal(found.mean, meanOfMeans(groups));
      assert.ok(found.low < found.mean && found.mean < found.high);
      assert.deepEqual(interval(groups, 500), found);
      assert.deepEqual(
        interval(
          groups.map((group) => group.map(() => 0.5)),
          100,
        ),
        { mean: 0.5, low: 0.5, high: 0.5 },
      );
    }
  });

  test("the interval over questions has the width that the standard error says", () => {
    const values = Array.from({ length: 100 }, (_, at) => at % 2);
    const { low, high } = questionInterval([values], 4000);
    // ±1.96 × 0.5 / √100
    assert.ok(Math.abs(high - low - 0.196) < 0.03, `${low} ${high}`);
  });

  test("the interval over repositories is wide where repositories differ and questions do not", () => {
    const groups = [Array.from({ length: 50 }, () => 1), Array.from({ length: 50 }, () => 0)];
    assert.deepEqual(questionInterval(groups, 200), { mean: 0.5, low: 0.5, high: 0.5 });
    const over = groupInterval(groups, 200);
    assert.equal(over.low, 0);
    assert.equal(over.high, 1);
  });
});

describe("weights chosen two-fold", () => {
  test("each half is reported with what the other half chose", () => {
    // Even repositories do best with weight 1, odd ones with weight 2.
    const candidates = [
      { weights: 1, values: [[0.9], [0.1], [0.9], [0.1]] },
      { weights: 2, values: [[0.2], [0.8], [0.2], [0.8]] },
    ];
    assert.deepEqual(chooseTwoFold(candidates), { values: [[0.2], [0.1], [0.2], [0.1]], chosen: [2, 1] });
  });

  test("what is best for both halves is chosen by both; the first of equals wins", () => {
    const candidates = [
      { weights: "a", values: [[0.5], [0.5]] },
      { weights: "b", values: [[0.7], [0.7]] },
      { weights: "c", values: [[0.7], [0.7]] },
    ];
    assert.deepEqual(chooseTwoFold(candidates), { values: [[0.7], [0.7]], chosen: ["b", "b"] });
    assert.throws(() => chooseTwoFold([]), RangeError);
  });
});

describe("question sets", () => {
  test("targets are paths or lines of a file; secondary ones count as well", () => {
    const [question] = parseQuestions([
      {
        query: "where",
        relevant: ["a.py", { path: "b.py", start_line: 3, end_line: 9 }],
        secondary: [{ path: "c.py" }],
        category: "semantic",
      },
    ]);
    assert.deepEqual(question, {
      text: "where",
      category: "semantic",
      targets: [
        { path: "a.py", lines: null },
        { path: "b.py", lines: { startLine: 3, endLine: 9 } },
        { path: "c.py", lines: null },
      ],
    });
    assert.throws(() => parseQuestions([{ query: "where" }]));
  });

  test("indexed paths become paths of the repository", () => {
    assert.equal(repositoryPath({ prefix: "packages/a/src" }, "b.ts"), "packages/a/src/b.ts");
    assert.equal(repositoryPath({ prefix: "" }, "b.ts"), "b.ts");
  });
});

describe("the report", () => {
  test("ends with one line of JSON that has every skipped part", () => {
    let out = "";
    const report = new Report((text) => (out += text));
    report.skip("no data");
    report.table("figures", ["row", "value"], [["a", 1 / 3]]);
    report.finish({ bench: "models", value: 1 / 3, count: 123456789 });
    const last = out.trimEnd().split("\n").at(-1) ?? "";
    assert.deepEqual(JSON.parse(last), { bench: "models", value: 0.33333, count: 123456789, skipped: ["no data"] });
  });

  test("columns are as wide as their widest cell", () => {
    const lines = alignedTable(
      ["row", "n", "x"],
      [
        ["first", 12345, 0.5],
        ["b", null, "text"],
      ],
    );
    assert.deepEqual(lines, ["row         n      x", "first  12,345  0.500", "b               text"]);
    assert.equal(intervalText({ mean: -0.01, low: -0.02, high: 0.0004 }), "-0.010 [-0.020, 0.000]");
  });
});
