import type { CheckOptions } from "../conformance/check.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";
import type { Subject } from "../conformance/subject.ts";

/** A subject of the main job with the settings it is checked under. */
export interface BuiltIn {
  readonly subject: Subject;
  readonly options: CheckOptions;
}

/** What `npm start` checks. */
export const builtIn: readonly BuiltIn[] = [{ subject: referenceSubject, options: { budget: 120_000 } }];
