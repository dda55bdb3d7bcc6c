import { registry } from "../contracts/registry.ts";
import { check, type CheckOptions } from "./check.ts";
import { checkDefaults } from "./defaults.ts";
import { scopesFor } from "./explore/graphs.ts";
import { describeFailure } from "./failure/describe.ts";
import { isRed, type Report, type RuleReport } from "./report.ts";
import { rolesOf, type Subject } from "./subject.ts";

/** The context a test gets: vitest's and node:test's both have `skip`. */
interface TestContext {
  skip(reason?: string): void;
}

/** The two functions of a test runner; handed in, so that ours is never a second copy of it. */
export interface TestApi {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: (context: TestContext) => Promise<void>, timeout?: number): unknown;
}

/** Settings of `conformance`: those of `check`, and how long one test may take in milliseconds. */
export interface ConformanceOptions extends CheckOptions {
  readonly timeout?: number;
}

/** A broken rule as a test failure: the message is the whole story, there is no stack worth reading. */
export class ConformanceFailure extends Error {
  override readonly name = "ConformanceFailure";

  constructor(message: string) {
    super(message);
    this.stack = `${this.name}: ${message}`;
  }
}

/**
 * Registers one test per rule for a subject: `conformance({ describe, it }, { name, exporter: (env) => new Mine(env) })`.
 * The campaign runs once, in the first test that asks; `-t REV-04` runs and shows one rule.
 * Rules that do not apply, lack evidence or a capability skip with the reason.
 */
export function conformance(api: TestApi, subject: Subject, options: ConformanceOptions = {}): void {
  let pending: Promise<Report> | null = null;
  const report = (): Promise<Report> => (pending ??= check(subject, options));
  const timeout = options.timeout ?? 120_000;
  const rules = [...registry, ...(subject.rules ?? [])];
  api.describe(`${subject.name} (${options.profile ?? checkDefaults.profile})`, () => {
    for (const rule of rules)
      api.it(
        `${rule.id} ${rule.statement}`,
        async (context) => {
          const whole = await report();
          const found = whole.rules.find((entry) => entry.id === rule.id);
          if (found === undefined) throw new ConformanceFailure(`${rule.id} did not report`);
          await settleRule(context, subject, found, options.strict === true);
        },
        timeout,
      );
    if (options.mode === "tour")
      for (const { name } of scopesFor(rolesOf(subject), options.profile ?? checkDefaults.profile))
        api.it(
          `scope ${name}: every transition is carried out`,
          async (context) => settleScope(context, await report(), name),
          timeout,
        );
    api.it(
      "every rule reported",
      async () => {
        const whole = await report();
        const missing = rules.filter((rule) => !whole.rules.some((entry) => entry.id === rule.id));
        if (missing.length > 0)
          throw new ConformanceFailure(`no verdict for ${missing.map((rule) => rule.id).join(", ")}`);
      },
      timeout,
    );
    api.it(
      "the adapter is sound and keeps its capabilities",
      async () => {
        const { fault } = await report();
        if (fault !== null) throw new ConformanceFailure(fault);
      },
      timeout,
    );
  });
}

/** Leaving a scope is no verdict: a rule says whether it was wrong, and other outcomes may be legal too. */
function settleScope(context: TestContext, { campaign }: Report, name: string): void {
  const toured = campaign.tours.find(({ scope }) => scope === name);
  if (toured === undefined) throw new ConformanceFailure(`the scope ${name} was not toured`);
  const { taken, transitions, departures } = toured;
  if (taken < transitions)
    context.skip(`${taken} of ${transitions} transitions; the implementation leaves the scope ${departures[0] ?? ""}`);
}

async function settleRule(context: TestContext, subject: Subject, rule: RuleReport, strict: boolean): Promise<void> {
  if (isRed(rule, strict)) throw new ConformanceFailure(await describeFailure(subject, rule));
  if (rule.verdict === "inapplicable" || rule.verdict === "untested" || rule.verdict === "absent")
    context.skip(`${rule.verdict}: ${rule.reason ?? ""}`);
}
