import { expect, it } from "vitest";
import { check } from "../../conformance/check.ts";
import { programsOf } from "../../conformance/counterexample.ts";
import { describeFailure } from "../../conformance/failure/describe.ts";
import { replayTogether } from "../../conformance/joint.ts";
import type { Report } from "../../conformance/report.ts";
import { systemOf, type Subject } from "../../conformance/subject.ts";
import { registry } from "../../contracts/registry.ts";
import { DefaultExporter } from "../../reference-impl/exporter/default-exporter.ts";
import type { ExportRequest } from "../../spec/roles/exporter.ts";

class TwoLocks extends DefaultExporter {
  private readonly power = this.env.createMutex("power", "power");

  protected override *exportLocked(request: ExportRequest) {
    yield* this.env.lockMutex(this.power);
    const buffer = yield* super.exportLocked(request);
    yield* this.env.unlockMutex(this.power);
    return buffer;
  }

  override *reset() {
    yield* this.env.lockMutex(this.power);
    const errno = yield* super.reset();
    yield* this.env.unlockMutex(this.power);
    return errno;
  }
}

const subject: Subject = { name: "two-locks", exporter: (env) => new TwoLocks(env) };

/** Short: nothing has to come to its floor. */
const budget = 300;

function verdictOf(report: Report) {
  return report.rules.find(({ id }) => id === "REV-39")!;
}

it("a deadlock that no run came to is a verdict with a program for each half of it", async () => {
  const report = await check(subject, { budget });
  const rule = verdictOf(report);
  expect(rule.verdict).toBe("violated");
  expect(report.conformant).toBe(false);
  const counterexample = rule.counterexample!;
  const programs = programsOf(counterexample);
  expect(programs.map(({ steps }) => steps.map(({ op }) => op))).toEqual([["export"], ["reset"]]);
  const block = await describeFailure(subject, rule, "replay FILE");
  const marked = block.split("\n").filter((line) => /^ ([•✗]|and)/.test(line));
  const plain = marked.map((line) =>
    line
      .replace(/\be\d/g, "e1")
      .replace(/^ (.) \d+ +(t\d )?/, "$1 ")
      .trim(),
  );
  expect(plain).toEqual([
    "• e1: lock e1.device → ok",
    "✗ e1: lock e1.power → ok",
    "and in another program",
    "• e1: lock e1.power → ok",
    "✗ e1: lock e1.device → ok",
  ]);

  const together = await replayTogether(programs, systemOf(subject), registry);
  expect(together.violations.map(({ rule: { id } }) => id)).toEqual(["REV-39"]);
  const half = await replayTogether(programs.slice(1), systemOf(subject), registry);
  expect(half).toEqual({ violations: [], fault: null });

  const tried = await check(subject, { budget: 1, corpus: [counterexample] });
  expect(verdictOf(tried).verdict).toBe("violated");

  const waivers = [{ rule: "REV-39", reason: "known", issue: "bug 39", counterexample }];
  expect(verdictOf(await check(subject, { budget: 1, waivers })).verdict).toBe("known");
  const mended: Subject = { name: "mended", exporter: (env) => new DefaultExporter(env) };
  expect(verdictOf(await check(mended, { budget: 1, waivers })).verdict).toBe("stale");
});
