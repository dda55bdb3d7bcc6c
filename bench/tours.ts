import { check } from "../conformance/check.ts";
import { referenceSubject } from "../conformance/reference-subject.ts";

/** Every scope toured on the reference: transitions carried out, and steps beside the fewest that a tour can do with. */
export interface ToursCost {
  readonly taken: number;
  readonly transitions: number;
  readonly steps: number;
  /** The scope whose tour is the longest beside its bound. */
  readonly worst: { readonly scope: string; readonly ratio: number };
}

/** Tours all scopes of the newest usual profile. */
export async function measureTours(): Promise<ToursCost> {
  const { campaign } = await check(referenceSubject, { mode: "tour" });
  let [taken, transitions, steps] = [0, 0, 0];
  let worst = { scope: "none", ratio: 0 };
  for (const tour of campaign.tours) {
    taken += tour.taken;
    transitions += tour.transitions;
    steps += tour.steps;
    const ratio = tour.steps / tour.bound;
    if (ratio > worst.ratio) worst = { scope: tour.scope, ratio };
  }
  return { taken, transitions, steps, worst };
}
