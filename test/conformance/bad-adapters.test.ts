import { describe, expect, it } from "vitest";
import { check } from "../../conformance/check.ts";
import type { Subject } from "../../conformance/subject.ts";
import type { Env } from "../../spec/roles/env.ts";
import type { Exporter } from "../../spec/roles/exporter.ts";
import type { SgTable } from "../../spec/roles/handles.ts";

const empty: SgTable = { segments: [] };
const base: Exporter = { map: () => empty, unmap: () => undefined, release: () => undefined };

function subject(exporter: (env: Env) => object): Subject {
  return { name: "bad", exporter: exporter as (env: Env) => Exporter };
}

/** An adapter that is wrong in one way, and a part of the one sentence that says so. */
const cases: readonly (readonly [string, Subject, RegExp])[] = [
  [
    "throws when made",
    subject(() => {
      throw new Error("no such device");
    }),
    /no such device/,
  ],
  [
    "throws in a hook",
    subject(() => ({
      ...base,
      map: () => {
        throw new Error("oops in map");
      },
    })),
    /threw \(step .*\): oops in map/,
  ],
  ["answers a negative errno", subject(() => ({ ...base, map: () => -16 })), /-16 .*positive/],
  ["answers nonsense", subject(() => ({ ...base, map: () => ({ pages: 3 }) })), /expected \{ segments/],
  ["answers a wrong type", subject(() => ({ ...base, attach: () => "yes" })), /attach answered yes/],
  [
    "never settles",
    subject(() => ({ ...base, map: () => new Promise(() => undefined) })),
    /does not control|never settles/,
  ],
  [
    "awaits a timer",
    subject(() => ({
      ...base,
      map: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        return empty;
      },
    })),
    /does not control/,
  ],
  [
    "yields for ever",
    subject(() => ({
      ...base,
      *map() {
        for (;;) yield "again";
      },
    })),
    /yields for ever/,
  ],
  [
    "yields what is not ours",
    subject(() => ({
      ...base,
      *map() {
        yield 7;
        return empty;
      },
    })),
    /did not come from env/,
  ],
  [
    "throws a wait away",
    subject((env) => ({
      ...base,
      map: ({ buffer }: { buffer: { resv: never } }) => {
        env.waitFences(buffer.resv, "read");
        return empty;
      },
    })),
    /threw the result away/,
  ],
  [
    "changes its capabilities",
    (() => {
      let made = 0;
      return subject(() => ((made += 1) % 2 === 0 ? { ...base, revoke: () => undefined } : base));
    })(),
    /changes its capabilities: revoke/,
  ],
  ["brings no role", { name: "nothing" }, /brings no role/],
];

describe("a bad adapter", () => {
  it.each(cases)("%s: one clear sentence, no verdict", async (_, bad, sentence) => {
    const report = await check(bad, { budget: 3_000 });
    expect(report.fault).toMatch(sentence);
    expect(report.fault).not.toMatch(/\n\s+at /);
    expect(report.conformant).toBe(false);
    expect(report.rules).toHaveLength(530);
    expect(report.rules.some((rule) => rule.verdict === "pass")).toBe(false);
  });
});
