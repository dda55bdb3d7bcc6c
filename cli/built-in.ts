import type { CheckOptions } from "../conformance/check.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";
import type { Subject } from "../conformance/subject.ts";
import { drivers, type DriverEntry } from "../drivers/index.ts";

/** A subject of the main job with the settings it is checked under. */
export interface BuiltIn {
  readonly subject: Subject;
  readonly options: CheckOptions;
}

/** Operations for the reference, which every rule has to be exercised on, and for one driver model. */
const budgets = { reference: 150_000, driver: 30_000 } as const;

function driverSubject(entry: DriverEntry): BuiltIn {
  const { name, partners, profile, expectations, budget = budgets.driver } = entry;
  const role = entry.role === "exporter" ? { exporter: entry.make } : { importer: entry.make };
  return {
    subject: { name, ...role, ...(partners && { partners }) },
    options: {
      profile,
      budget,
      expectations: Object.fromEntries(
        expectations.filter(({ mayHide }) => mayHide !== true).map(({ rule, verdict }) => [rule, verdict]),
      ),
      tolerated: expectations.filter(({ mayHide }) => mayHide === true).map(({ rule }) => rule),
    },
  };
}

/** What `npm start` checks. */
export const builtIn: readonly BuiltIn[] = [
  { subject: referenceSubject, options: { budget: budgets.reference } },
  ...drivers.map(driverSubject),
];
