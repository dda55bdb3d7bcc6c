import type { Situation } from "../../spec/situation.ts";

/** Submits that take two locks, against contexts of the program that take long. */
export const contention: Situation = {
  weights: { import: 5, submit: 8, acquireInit: 30, lock: 3, lockSlow: 6, unlock: 0.7, trylock: 0.2 },
  importers: ["pageTable"],
  tasks: 3,
};
