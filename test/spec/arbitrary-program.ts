import fc from "fast-check";
import type { FieldShape, ObjectKind } from "../../spec/operations/define.ts";
import { operationNames, operationOf } from "../../spec/operations/operations.ts";
import { profileNames } from "../../spec/profile-name.ts";
import type { Program, Setup, Step } from "../../spec/program.ts";

const setup: Setup = {
  devices: [
    { name: "d1", dmaBits: 52, maxSegment: 2 ** 32 },
    {
      name: "d2",
      dmaBits: 32,
      maxSegment: 65_536,
      bus: "p1",
      iommu: "identity",
      acs: ["egressControl"],
      busOffset: -4096,
    },
  ],
  exporters: [{ name: "e1", kind: "subject", device: "d1" }],
  importers: [
    { name: "i1", kind: "scripted", device: "d2", ops: "callback", allowPeer2peer: true, onInvalidate: "fence" },
    { name: "i2", kind: "subject", device: "d2", ops: "static", allowPeer2peer: false, onInvalidate: "ignore" },
  ],
  buffers: [
    { name: "b1", exporter: "e1", size: 1, placement: "system", resv: null },
    { name: "b2", exporter: "e1", size: 2 ** 40, placement: "device", resv: "shared" },
    { name: "b3", exporter: "e1", size: 4096, placement: "system", resv: null, shared: true },
  ],
  reservations: ["shared"],
  platform: {
    cpuGood: false,
    peerSupport: true,
    bridges: [
      { name: "h1", parent: null, acs: [], allow: "listed" },
      { name: "p1", parent: "h1", acs: ["requestRedirect"], allow: "no" },
    ],
  },
};

/** Any program whose names are bound, sensible or not: each step refers to what is there, by dice. */
export const arbitraryProgram: fc.Arbitrary<Program> = fc
  .record({
    profile: fc.constantFrom(...profileNames),
    dice: fc.array(fc.array(fc.nat(1_000_000), { minLength: 10, maxLength: 10 }), { maxLength: 30 }),
    nth: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ profile, dice, nth }): Program => {
    const known = new Map<ObjectKind, string[]>([
      ["buffer", ["b1", "b2"]],
      ["reservation", ["shared", "b1.resv"]],
      ["importer", ["i1", "i2"]],
      ["exporter", ["e1"]],
      ["device", ["d1", "d2"]],
      ["task", ["t0"]],
    ]);
    const names = (kind: ObjectKind): string[] => {
      if (!known.has(kind)) known.set(kind, []);
      return known.get(kind)!;
    };
    const steps: Step[] = [{ id: "s0", task: "t0", op: "export", buffer: "b3", missing: [], caching: false }];
    names("buffer").push("b3");
    names("reservation").push("b3.resv");
    for (const [index, numbers] of dice.entries()) {
      let next = 0;
      const roll = () => numbers[next++ % numbers.length]!;
      const op = operationNames[roll() % operationNames.length]!;
      const made: [ObjectKind, string][] = [];
      const value = (shape: FieldShape): unknown => {
        switch (shape.kind) {
          case "refer": {
            if (shape.nullable && roll() % 5 === 0) return null;
            const all = names(shape.object);
            return all.length === 0 ? undefined : all[roll() % all.length];
          }
          case "referList":
            return names(shape.object).filter(() => roll() % 2 === 0);
          case "create": {
            const name = `${shape.object}${index}`;
            made.push([shape.object, name]);
            return name;
          }
          case "oneOf":
            return shape.values[roll() % shape.values.length];
          case "subset":
            return shape.values.filter(() => roll() % 2 === 0);
          case "integer":
            return shape.minimum + (roll() % (Math.min(shape.maximum - shape.minimum, 1e6) + 1));
          case "flag":
            return roll() % 2 === 0;
          case "text":
            return roll() % 4 === 0 ? null : String.fromCharCode(roll() % 60_000).slice(0, shape.maximum);
        }
      };
      // Buffers are made under names of the set-up only.
      if (op === "export" || op === "exportRegion") continue;
      const fields = Object.entries(operationOf(op).fields).map(([field, { shape }]) => [field, value(shape)] as const);
      if (fields.some(([, field]) => field === undefined)) continue;
      const marks = {
        ...(roll() % 9 === 0 ? { interrupted: true } : {}),
        ...(roll() % 9 === 0 ? { misuse: true } : {}),
      };
      steps.push({ id: `s${index + 1}`, task: `t${roll() % 2}`, op, ...Object.fromEntries(fields), ...marks } as Step);
      for (const [kind, name] of made) names(kind).push(name);
    }
    const last = steps.at(-1)!.id;
    return {
      schema: 1,
      contract: "core",
      profile,
      setup,
      steps,
      schedule:
        last === "s0"
          ? [{ step: last, site: "lock", nth, until: "idle" }]
          : [{ step: "s0", site: "lock", nth, until: last }],
      failures: [{ step: last, site: "alloc:attachment", nth, errno: 12 }],
    };
  });
