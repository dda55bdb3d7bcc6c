import { constants } from "node:os";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as errno from "../../spec/errno.ts";

const names = Object.keys(errno.errnoByName) as errno.ErrnoName[];

describe("errno", () => {
  it("gives each name its own positive number", () => {
    const numbers = names.map((name) => errno.errnoByName[name]);
    expect(new Set(numbers).size).toBe(names.length);
    for (const number of numbers) {
      expect(Number.isInteger(number)).toBe(true);
      expect(number).toBeGreaterThan(0);
    }
  });

  it("spells every name as the kernel does", () => {
    for (const name of names) expect(name).toMatch(/^E[A-Z0-9]+$/);
  });

  it("exports each name as a constant of the same number, and no other constant", () => {
    const constants = Object.entries(errno).filter(([, value]) => typeof value === "number");
    expect(Object.fromEntries(constants)).toEqual(errno.errnoByName);
  });

  it("goes from number to name and back", () => {
    for (const name of names) expect(errno.errnoName(errno.errnoByName[name])).toBe(name);
  });

  it.runIf(process.platform === "linux")("agrees with the C library of this machine where that has the name", () => {
    const known: Readonly<Record<string, number>> = { ...constants.errno };
    const both = names.filter((name) => known[name] !== undefined);
    expect(both.length).toBeGreaterThan(15);
    for (const name of both) expect(errno.errnoByName[name]).toBe(known[name]);
  });

  it("prints 0 as ok and an unknown number as itself", () => {
    expect(errno.errnoName(0)).toBe("ok");
    const known = new Set<number>(Object.values(errno.errnoByName));
    fc.assert(
      fc.property(
        fc.integer({ min: -4095, max: 4095 }).filter((number) => number !== 0 && !known.has(number)),
        (number) => errno.errnoName(number) === String(number),
      ),
    );
  });
});
