import type { CheckOptions } from "../conformance/check.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";
import type { Subject } from "../conformance/subject.ts";
import { drivers, type DriverEntry } from "../drivers/index.ts";

/** A subject of the main job with the settings it is checked under. */
export interface BuiltIn {
  readonly subject: Subject;
  readonly options: Required<Pick<CheckOptions, "budget" | "profile">> & Pick<CheckOptions, "slice" | "untilPaid">;
  /** What is known of it; null: it has to be conformant. The run never sees this. */
  readonly known: DriverEntry | null;
}

/** Operations for the reference, on which every rule has to be exercised, and for one driver model. */
const budgets = { reference: 600_000, driver: 10_000 } as const;

function driverSubject(entry: DriverEntry): BuiltIn {
  const { name, partners, profile, budget } = entry;
  const role = entry.role === "exporter" ? { exporter: entry.make } : { importer: entry.make };
  return {
    subject: { name, ...role, ...(partners && { partners }) },
    options: { profile, budget: budget ?? budgets.driver },
    known: entry,
  };
}

/** What `npm start` checks. */
export const builtIn: readonly BuiltIn[] = [
  {
    subject: referenceSubject,
    options: { profile: "K7.1", budget: budgets.reference, slice: budgets.reference, untilPaid: true },
    known: null,
  },
  ...drivers.map(driverSubject),
];
