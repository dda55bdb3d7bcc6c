import { readFileSync, writeFileSync } from "node:fs";

/** What earlier runs measured, in Map pairs, so that it holds on other machines. */
export interface Baseline {
  /** One operation of the bare reference. */
  readonly bare: number;
  /** One operation of the pipeline, beyond that. */
  readonly overhead: number;
}

const path = "bench/baseline.json";

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(path, "utf8")) as Baseline;
}

export function writeBaseline(baseline: Baseline): void {
  writeFileSync(path, `${JSON.stringify(baseline, null, 2)}\n`);
}

/** How far a figure may be from the stored one, as a share of it. */
const tolerance = 0.25;

/** Whether a figure is near enough to the stored one. */
export function isNear(measured: number, stored: number): boolean {
  return Math.abs(measured - stored) <= tolerance * stored;
}
